//! What snapshots and sources cost: what would be free if one of them were gone, and what they share.
//!
//! Every chunk is noted with who leads to it, which takes some sixty bytes of memory for each: this is for people who ask,
//! not for what runs every minute.

use std::collections::{BTreeMap, HashMap};

use lifeboat_store::{ChunkId, SnapshotId};
use serde_bytes::ByteBuf;

use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Task};
use crate::reach::{Key, Reach};
use crate::repository::Repository;

/// What snapshots and sources cost, in stored bytes of chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Costs {
    /// Each snapshot, oldest first, with the bytes that only it leads to.
    pub snapshots: Vec<(SnapshotId, u64)>,
    /// Each host's sources.
    pub sources: Vec<SourceCosts>,
    /// All that snapshots lead to.
    pub live_bytes: u64,
    /// What snapshots of several sources lead to.
    pub shared_bytes: u64,
    /// Chunks that are stored as a difference to another.
    pub deltas: u64,
    /// Their bytes.
    pub delta_bytes: u64,
}

/// What the snapshots of one host and the same sources cost together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCosts {
    /// The machine.
    pub host: String,
    /// The sources.
    pub sources: Vec<ByteBuf>,
    /// How many snapshots.
    pub snapshots: u64,
    /// Bytes that only snapshots of these sources lead to.
    pub alone_bytes: u64,
    /// Those of them that more than one of its snapshots leads to.
    pub common_bytes: u64,
}

/// Who leads to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// One snapshot, by its number.
    One(u32),
    /// Several of one group of sources.
    Group(u32),
    /// Several groups.
    Many,
}

impl Owner {
    /// Who leads to it once this snapshot does too.
    fn with(self, snapshot: u32, group_of: &[u32]) -> Self {
        let group = |number: u32| group_of.get(number as usize).copied().unwrap_or_default();
        match self {
            Self::One(number) if number == snapshot => self,
            Self::One(number) if group(number) == group(snapshot) => Self::Group(group(number)),
            Self::Group(number) if number == group(snapshot) => self,
            _ => Self::Many,
        }
    }
}

/// A chunk's owner, its stored bytes, and whether it is a delta.
type Stored = (Owner, u32, bool);

impl Repository {
    /// Finds out what each snapshot and each source costs.
    ///
    /// # Errors
    /// Where a snapshot cannot be read.
    pub fn costs(&self, monitor: &dyn Monitor) -> Result<Costs> {
        monitor.begin(Task::Mark, None);
        let snapshots = self.snapshots()?.snapshots;
        let mut groups: BTreeMap<(String, Vec<ByteBuf>), u32> = BTreeMap::new();
        let group_of: Vec<u32> = snapshots
            .iter()
            .map(|snapshot| {
                let next = groups.len() as u32;
                let key = (snapshot.host.clone(), snapshot.sources.clone());
                *groups.entry(key).or_insert(next)
            })
            .collect();
        let mut chunks: HashMap<ChunkId, Stored> = HashMap::new();
        let mut walked: HashMap<Key, Owner> = HashMap::new();
        for (number, snapshot) in (0_u32..).zip(&snapshots) {
            // What has as many owners as it can get from this snapshot is not walked again.
            let mut enter = |key: Key| {
                let before = walked.get(&key).copied();
                let after =
                    before.map_or(Owner::One(number), |owner| owner.with(number, &group_of));
                walked.insert(key, after);
                before != Some(after)
            };
            Reach::new(self).walk_where(snapshot, &mut enter, &mut |chunk| {
                if monitor.cancelled() {
                    return Err(SnapshotError::cancelled());
                }
                self.own(chunk, number, &group_of, &mut chunks)
            })?;
        }
        let ids = snapshots.iter().map(|snapshot| snapshot.id).collect();
        Ok(add_up(ids, groups, &group_of, chunks.into_values()))
    }

    /// Notes that a snapshot leads to a chunk and to what its stored copy is made from.
    fn own(
        &self,
        chunk: ChunkId,
        snapshot: u32,
        group_of: &[u32],
        chunks: &mut HashMap<ChunkId, Stored>,
    ) -> Result<()> {
        let known = chunks.get(&chunk).map(|(owner, ..)| *owner);
        if known.is_some_and(|owner| owner.with(snapshot, group_of) == owner) {
            return Ok(());
        }
        for copy in self.store().footprint(&chunk)? {
            let fresh = (Owner::One(snapshot), copy.stored_len, copy.is_delta);
            let entry = chunks.entry(copy.id).or_insert(fresh);
            entry.0 = entry.0.with(snapshot, group_of);
        }
        Ok(())
    }
}

fn add_up(
    ids: Vec<SnapshotId>,
    groups: BTreeMap<(String, Vec<ByteBuf>), u32>,
    group_of: &[u32],
    chunks: impl Iterator<Item = Stored>,
) -> Costs {
    let mut alone = vec![0_u64; ids.len()];
    let mut common = vec![0_u64; groups.len()];
    let mut costs = Costs::default();
    for (owner, len, is_delta) in chunks {
        let len = u64::from(len);
        costs.live_bytes += len;
        costs.deltas += u64::from(is_delta);
        costs.delta_bytes += if is_delta { len } else { 0 };
        let sum = match owner {
            Owner::One(number) => alone.get_mut(number as usize),
            Owner::Group(number) => common.get_mut(number as usize),
            Owner::Many => Some(&mut costs.shared_bytes),
        };
        if let Some(sum) = sum {
            *sum += len;
        }
    }
    for ((host, sources), number) in groups {
        let mine = |of: &(&u32, &u64)| *of.0 == number;
        let each = group_of.iter().zip(&alone).filter(mine);
        let common_bytes = common.get(number as usize).copied().unwrap_or_default();
        costs.sources.push(SourceCosts {
            host,
            sources,
            snapshots: each.clone().count() as u64,
            alone_bytes: common_bytes + each.map(|(_, bytes)| bytes).sum::<u64>(),
            common_bytes,
        });
    }
    costs.snapshots = ids.into_iter().zip(alone).collect();
    costs
}
