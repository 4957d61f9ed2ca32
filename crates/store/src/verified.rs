//! When each pack was last read: small objects that verifications leave behind, so that a part of the repository can be read
//! today and the rest on other days.
//!
//! Each *round* of reading adds one object and changes none; many are merged into one. Rounds are ordered by their number and
//! never by the clock, which only tells people. They are of no account for reading: one that is lost or damaged costs
//! reading some packs again. Bytes in `docs/format.md`, "Verified".

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::envelope;
use crate::error::{Result, StoreError};
use crate::id::{PackId, RepositoryId, RoundId, SnapshotId};
use crate::index::list_packs;
use crate::layout::{Folder, Object};
use crate::small::{put_object, read_object, unwrap_object};
use crate::store::Store;

/// Version of the payload.
pub(crate) const VERSION: u16 = 1;

/// Objects that are merged into one when there are so many.
const MANY: usize = 8;

/// Most packs, and most snapshots, of one object.
const MOST: usize = 50_000;

/// Highest number of a round: nobody gets there by counting.
const MAX_ROUND: u64 = 1 << 62;

/// When something was last found whole, and in which round it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The round.
    pub round: u64,
    /// When, in milliseconds since 1970; none where it was found damaged.
    pub whole_ms: Option<i64>,
}

/// What one object says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    repository: RepositoryId,
    id: RoundId,
    packs: Vec<(PackId, Look)>,
    snapshots: Vec<(SnapshotId, Look)>,
}

/// What all rounds say together.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// Packs that were read from end to end.
    pub packs: HashMap<PackId, Look>,
    /// Snapshots of which everything was looked at; the time is that of the pack that was read the longest ago.
    pub snapshots: HashMap<SnapshotId, Look>,
    damaged: Vec<(RoundId, PathBuf, String)>,
    objects: Vec<RoundId>,
}

impl Verified {
    /// Objects that are not what was written, each with the reason.
    pub fn damaged(&self) -> impl Iterator<Item = (PathBuf, String)> + '_ {
        let damaged = self.damaged.iter();
        damaged.map(|(_, path, what)| (path.clone(), what.clone()))
    }

    /// The names of those.
    pub(crate) fn damaged_rounds(&self) -> impl Iterator<Item = RoundId> + '_ {
        self.damaged.iter().map(|(id, ..)| *id)
    }

    /// The number of the next round.
    pub fn next_round(&self) -> u64 {
        let packs = self.packs.values().map(|look| look.round);
        let snapshots = self.snapshots.values().map(|look| look.round);
        packs.chain(snapshots).max().unwrap_or(0).saturating_add(1)
    }

    /// Orders packs by how long they were not read: those never read, or found damaged, first.
    pub fn due(&self, packs: &mut [PackId]) {
        let read = |pack: &PackId| {
            let look = self.packs.get(pack);
            look.filter(|look| look.whole_ms.is_some())
                .map_or(0, |look| look.round)
        };
        packs.sort_by_key(|pack| (read(pack), *pack));
    }

    fn add(&mut self, round: Round) {
        newer(&mut self.packs, round.packs);
        newer(&mut self.snapshots, round.snapshots);
        self.objects.push(round.id);
    }
}

fn newer<K: std::hash::Hash + Eq>(known: &mut HashMap<K, Look>, more: Vec<(K, Look)>) {
    for (id, look) in more {
        let is_older = known
            .get(&id)
            .is_some_and(|known| known.round >= look.round);
        if !is_older && look.round <= MAX_ROUND {
            known.insert(id, look);
        }
    }
}

impl Store {
    /// What earlier verifications have left.
    ///
    /// # Errors
    /// Where the objects cannot be listed. One that is damaged is part of the answer.
    pub fn verified(&self) -> Result<Verified> {
        let mut verified = Verified::default();
        for object in self.storage().list(Folder::Verified)? {
            let Object::Verified(id) = object else {
                continue;
            };
            match self.read_round(id) {
                Ok(Some(round)) => verified.add(round),
                Ok(None) => {}
                Err(error) => {
                    let path = self.storage().locate(object);
                    let what = crate::verify::words(&error);
                    verified.damaged.push((id, path, what));
                }
            }
        }
        Ok(verified)
    }

    fn read_round(&self, id: RoundId) -> Result<Option<Round>> {
        let object = Object::Verified(id);
        let Some(bytes) = read_object(self.storage(), object)? else {
            return Ok(None);
        };
        let path = self.storage().locate(object);
        let kind = envelope::Kind::Verified;
        let round: Round = unwrap_object(path.clone(), kind, VERSION, &bytes)?;
        if round.repository == self.config.id && round.id == id {
            return Ok(Some(round));
        }
        Err(StoreError::Damaged {
            object: path,
            what: "it is of another repository or another round".to_owned(),
        })
    }

    /// Remembers a round: what it looked at, in the number that [`Verified::next_round`] gave.
    ///
    /// # Errors
    /// Where it cannot be written: it is then not remembered, and nothing else.
    pub fn remember(
        &self,
        packs: Vec<(PackId, Look)>,
        snapshots: Vec<(SnapshotId, Look)>,
    ) -> Result<()> {
        self.check_features()?;
        let mut verified = self.verified()?;
        let is_merge = verified.objects.len() >= MANY;
        let (packs, snapshots) = match is_merge {
            false => (packs, snapshots),
            true => {
                newer(&mut verified.packs, packs);
                newer(&mut verified.snapshots, snapshots);
                self.still_there(&verified)?
            }
        };
        let parts = packs.len().max(snapshots.len()).div_ceil(MOST);
        let part = |number: usize| number * MOST..(number + 1) * MOST;
        for number in 0..parts {
            let id = RoundId::from_bytes(self.draw()?);
            let round = Round {
                repository: self.config.id,
                id,
                packs: slice(&packs, part(number)),
                snapshots: slice(&snapshots, part(number)),
            };
            self.write_round(&round)?;
        }
        if is_merge {
            for id in verified.objects {
                self.storage().remove(Object::Verified(id))?;
            }
        }
        Ok(())
    }

    /// What a merge keeps: what is known of packs and snapshots that are there.
    #[expect(clippy::type_complexity, reason = "two lists of pairs")]
    fn still_there(
        &self,
        verified: &Verified,
    ) -> Result<(Vec<(PackId, Look)>, Vec<(SnapshotId, Look)>)> {
        let listed = list_packs(self.storage())?;
        let records: std::collections::HashSet<SnapshotId> = self.records()?.into_iter().collect();
        let packs = verified.packs.iter().filter(|(id, _)| listed.contains(id));
        let snapshots = verified.snapshots.iter();
        let snapshots = snapshots.filter(|(id, _)| records.contains(id));
        let mut packs: Vec<_> = packs.map(|(id, look)| (*id, *look)).collect();
        let mut snapshots: Vec<_> = snapshots.map(|(id, look)| (*id, *look)).collect();
        packs.sort_unstable_by_key(|(id, _)| *id);
        snapshots.sort_unstable_by_key(|(id, _)| *id);
        Ok((packs, snapshots))
    }

    fn write_round(&self, round: &Round) -> Result<()> {
        let bytes = envelope::wrap(envelope::Kind::Verified, VERSION, round);
        let bytes = bytes.map_err(|_| StoreError::TooLarge {
            what: "a round of verification",
            actual: round.packs.len() as u64,
            limit: MOST as u64,
        })?;
        let object = Object::Verified(round.id);
        match put_object(self.storage(), object, &bytes)? {
            true => Ok(()),
            false => Err(StoreError::NameTaken {
                name: round.id.to_string(),
            }),
        }
    }
}

fn slice<T: Clone>(all: &[T], part: std::ops::Range<usize>) -> Vec<T> {
    let end = part.end.min(all.len());
    all.get(part.start..end).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn pack(number: u8) -> PackId {
        PackId::from_bytes([number; 16])
    }

    const fn look(round: u64, whole_ms: Option<i64>) -> Look {
        Look { round, whole_ms }
    }

    #[test]
    fn what_was_read_the_longest_ago_is_due_first() {
        let mut verified = Verified::default();
        let packs = [(1, 5, Some(50)), (2, 7, None), (3, 2, Some(99))];
        let packs = packs.map(|(number, round, time)| (pack(number), look(round, time)));
        newer(&mut verified.packs, packs.to_vec());
        let mut due = [1, 2, 3, 4].map(pack);
        verified.due(&mut due);
        // Never read and damaged first; then by rounds, whatever the clock said.
        assert_eq!(due, [2, 4, 3, 1].map(pack));
        assert_eq!(verified.next_round(), 8);
    }

    #[test]
    fn f22_a_later_round_counts_and_not_a_later_time() {
        let mut known = HashMap::new();
        newer(&mut known, vec![(pack(1), look(3, Some(900)))]);
        newer(&mut known, vec![(pack(1), look(4, Some(100)))]);
        newer(&mut known, vec![(pack(1), look(2, Some(999)))]);
        newer(&mut known, vec![(pack(1), look(u64::MAX, Some(1)))]);
        assert_eq!(known[&pack(1)], look(4, Some(100)));
    }
}
