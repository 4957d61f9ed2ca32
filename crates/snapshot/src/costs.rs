//! What snapshots and sources cost: what would be free if one of them were gone, and what they share.
//!
//! The snapshots of a source are looked at one after the other, and of each only in what it differs from the one before
//! ([`scan`]). Memory is some sixty bytes for each chunk of the repository, however many snapshots there are: this is for
//! people who ask, not for what runs every minute.

use std::collections::{BTreeMap, HashMap};

use lifeboat_store::SnapshotId;
use serde_bytes::ByteBuf;

use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Task};
use crate::record::Snapshot;
use crate::repository::Repository;

use scan::{Found, Owner, Scan};

mod part;
mod scan;

/// What snapshots and sources cost, in stored bytes of chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Costs {
    /// Each snapshot, oldest first.
    pub snapshots: Vec<SnapshotCosts>,
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

/// What a snapshot costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotCosts {
    /// Which.
    pub id: SnapshotId,
    /// Bytes that only it leads to: they would be free without it.
    pub alone_bytes: u64,
    /// Bytes that it leads to as well as others.
    pub shared_bytes: u64,
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
    /// Bytes that only snapshots of these sources lead to: they would be free without them.
    pub alone_bytes: u64,
    /// Those of them that more than one of its snapshots leads to.
    pub common_bytes: u64,
    /// Bytes that they lead to as well as snapshots of other sources.
    pub shared_bytes: u64,
}

/// The snapshots of one host and the same sources, oldest first.
struct Group {
    host: String,
    sources: Vec<ByteBuf>,
    snapshots: Vec<Snapshot>,
}

impl Group {
    /// From bytes that several of its snapshots lead to, that one of them does, and all that they lead to.
    fn costs(&self, common: u64, single: u64, all: u64) -> SourceCosts {
        let alone_bytes = common + single;
        SourceCosts {
            host: self.host.clone(),
            sources: self.sources.clone(),
            snapshots: self.snapshots.len() as u64,
            alone_bytes,
            common_bytes: common,
            shared_bytes: all.saturating_sub(alone_bytes),
        }
    }
}

impl Repository {
    /// Finds out what each snapshot and each source costs.
    ///
    /// # Errors
    /// Where a snapshot cannot be read.
    pub fn costs(&self, monitor: &dyn Monitor) -> Result<Costs> {
        monitor.begin(Task::Mark, None);
        let snapshots = self.snapshots()?.snapshots;
        let order: Vec<SnapshotId> = snapshots.iter().map(|snapshot| snapshot.id).collect();
        let groups = grouped(snapshots);
        let mut scan = Scan::new(self);
        let mut all = Vec::new();
        for group in &groups {
            scan.next_source()?;
            for snapshot in &group.snapshots {
                if monitor.cancelled() {
                    return Err(SnapshotError::cancelled());
                }
                all.push((snapshot.id, scan.next(snapshot)?));
            }
        }
        let mut costs = add_up(&groups, &all, &scan.finish()?);
        let places: HashMap<SnapshotId, usize> = order.into_iter().zip(0..).collect();
        costs
            .snapshots
            .sort_by_key(|one| places.get(&one.id).copied());
        Ok(costs)
    }
}

/// The snapshots of each source, oldest first.
fn grouped(snapshots: Vec<Snapshot>) -> Vec<Group> {
    let mut groups: BTreeMap<(String, Vec<ByteBuf>), Vec<Snapshot>> = BTreeMap::new();
    for snapshot in snapshots {
        let key = (snapshot.host.clone(), snapshot.sources.clone());
        groups.entry(key).or_default().push(snapshot);
    }
    let group = |((host, sources), snapshots)| Group {
        host,
        sources,
        snapshots,
    };
    groups.into_iter().map(group).collect()
}

/// Sums of what was found: all bytes of each snapshot, in the order of the groups, and who leads to what.
fn add_up(groups: &[Group], all: &[(SnapshotId, u64)], found: &Found) -> Costs {
    let mut alone = vec![0_u64; all.len()];
    let mut common = vec![0_u64; groups.len()];
    let mut costs = Costs::default();
    for held in found.chunks.values() {
        let len = u64::from(held.stored_len);
        costs.live_bytes += len;
        costs.deltas += u64::from(held.is_delta);
        costs.delta_bytes += if held.is_delta { len } else { 0 };
        match held.owner {
            Owner::Nobody => {}
            Owner::One(number) => add(&mut alone, number, len),
            Owner::Source(number) => add(&mut common, number, len),
            Owner::Many => costs.shared_bytes += len,
        }
    }
    let each = all.iter().zip(&alone);
    let each = each.map(|((id, bytes), alone)| SnapshotCosts {
        id: *id,
        alone_bytes: *alone,
        shared_bytes: bytes.saturating_sub(*alone),
    });
    costs.snapshots.extend(each);
    let mut alone = alone.into_iter();
    for ((group, common), bytes) in groups.iter().zip(common).zip(&found.source_bytes) {
        let own = alone.by_ref().take(group.snapshots.len());
        costs.sources.push(group.costs(common, own.sum(), *bytes));
    }
    costs
}

fn add(sums: &mut [u64], number: u32, len: u64) {
    if let Some(sum) = sums.get_mut(number as usize) {
        *sum += len;
    }
}
