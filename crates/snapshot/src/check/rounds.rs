//! Rounds of reading: which packs are due, and what is remembered of a round.

use std::collections::HashSet;

use lifeboat_store::{Look, PackId, Reading, SnapshotId, Verified};

use super::ages::Ages;
use super::{Verify, VerifyReport};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::record::Snapshot;
use crate::repository::Repository;

/// What is to be read, and how many bytes that is, where anything is.
pub(super) fn choose(
    plan: &Verify,
    verified: &Verified,
    sizes: &[(PackId, u64)],
) -> (Reading, Option<u64>) {
    let all: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    match plan.subset {
        _ if plan.read_data => (Reading::All, Some(all)),
        None => (Reading::Structure, None),
        Some(share) => {
            // Rounded up, so that a hundredth of a small repository is something and a hundred rounds are all of it.
            let wanted = all.saturating_mul(share.get().into()).div_ceil(1000);
            let (packs, bytes) = due(verified, sizes, wanted);
            (Reading::Some(packs), Some(bytes))
        }
    }
}

/// The packs that were not read for the longest time, at least so many bytes of them. Each pack comes before any that was
/// read after it, so every one is read within as many rounds as the part goes into the whole, if what is added meanwhile
/// is less than the part.
fn due(verified: &Verified, sizes: &[(PackId, u64)], wanted: u64) -> (HashSet<PackId>, u64) {
    let mut order: Vec<PackId> = sizes.iter().map(|(pack, _)| *pack).collect();
    verified.due(&mut order);
    let size = |pack: &PackId| {
        let found = sizes.binary_search_by_key(pack, |(pack, _)| *pack);
        found
            .ok()
            .and_then(|at| sizes.get(at))
            .map_or(0, |(_, bytes)| *bytes)
    };
    let (mut chosen, mut bytes) = (HashSet::new(), 0);
    for pack in order {
        if bytes >= wanted {
            break;
        }
        bytes += size(&pack);
        chosen.insert(pack);
    }
    (chosen, bytes)
}

impl Repository {
    /// How much of the repository has been read by now.
    pub(super) fn count_packs(
        &self,
        verified: &Verified,
        sizes: &[(PackId, u64)],
        read: &[(PackId, bool)],
        report: &mut VerifyReport,
    ) {
        let read: HashSet<PackId> = read.iter().map(|(pack, _)| *pack).collect();
        let is_read = |pack: &PackId| {
            let look = verified.packs.get(pack);
            read.contains(pack) || look.is_some_and(|look| look.whole_ms.is_some())
        };
        report.packs = sizes.len() as u64;
        report.packs_read = sizes.iter().filter(|(pack, _)| is_read(pack)).count() as u64;
    }

    /// Leaves behind what was read, and how long ago everything of each snapshot was.
    pub(super) fn remember_round(
        &self,
        mut verified: Verified,
        read: Vec<(PackId, bool)>,
        snapshots: &[Snapshot],
        report: &VerifyReport,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let round = verified.next_round();
        let now = self.clock().now().timestamp_millis();
        let look = |whole_ms| Look { round, whole_ms };
        let mut packs: Vec<(PackId, Look)> = read
            .into_iter()
            .map(|(pack, is_whole)| (pack, look(is_whole.then_some(now))))
            .collect();
        packs.sort_unstable_by_key(|(pack, _)| *pack);
        verified.packs.extend(packs.iter().copied());
        let damaged = report.damaged.iter();
        let damaged: HashSet<SnapshotId> = damaged
            .flat_map(|damaged| damaged.snapshots.iter().copied())
            .collect();
        let mut ages = Ages::new(self, &verified, monitor);
        let mut looks = Vec::new();
        for snapshot in snapshots {
            if damaged.contains(&snapshot.id) {
                looks.push((snapshot.id, look(None)));
            } else if let Some(oldest) = ages.oldest(snapshot)? {
                looks.push((snapshot.id, look(Some(oldest))));
            }
        }
        looks.sort_unstable_by_key(|(id, _)| *id);
        Ok(self.store().remember(packs, looks)?)
    }

    /// When everything of each snapshot was last read and whole, in milliseconds since 1970: the time of its pack that was
    /// read the longest ago. A snapshot of which not everything was read yet, or something was damaged, is not in it.
    ///
    /// # Errors
    /// Where what verifications have left cannot be listed.
    pub fn verified_at(&self) -> Result<std::collections::HashMap<SnapshotId, i64>> {
        let verified = self.store().verified()?;
        let looks = verified.snapshots.into_iter();
        Ok(looks
            .filter_map(|(id, look)| Some((id, look.whole_ms?)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn pack(number: u8) -> PackId {
        PackId::from_bytes([number; 16])
    }

    /// Rounds until every pack was read, and how often each was.
    fn rounds(sizes: &[(PackId, u64)], per_mille: u64) -> Vec<u32> {
        let all: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
        let mut verified = Verified::default();
        let mut read = vec![0; sizes.len()];
        for _ in 0..1000_u64.div_ceil(per_mille) {
            let (packs, bytes) = due(&verified, sizes, (all * per_mille).div_ceil(1000));
            assert!(bytes >= all * per_mille / 1000);
            let round = verified.next_round();
            for (at, (pack, _)) in sizes.iter().enumerate() {
                if packs.contains(pack) {
                    read[at] += 1;
                    let whole_ms = Some(0);
                    verified.packs.insert(*pack, Look { round, whole_ms });
                }
            }
        }
        read
    }

    #[test]
    fn every_pack_is_read_within_as_many_rounds_as_the_part_goes_into_the_whole() {
        let equal: Vec<(PackId, u64)> = (0..200).map(|number| (pack(number), 100)).collect();
        assert!(rounds(&equal, 50).iter().all(|times| *times == 1));
        let unequal = (0..200).map(|number| (pack(number), 1 + u64::from(number) * 37 % 1000));
        let unequal: Vec<(PackId, u64)> = unequal.collect();
        for per_mille in [1, 10, 50, 333, 1000] {
            let read = rounds(&unequal, per_mille);
            assert!(read.iter().all(|times| *times >= 1), "{per_mille}");
        }
    }
}
