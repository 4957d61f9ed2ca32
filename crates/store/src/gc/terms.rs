//! What a collection is asked, what it asks, and what it tells.

use super::Marks;
use crate::error::StoreError;
use crate::id::SnapshotId;
use crate::progress::Progress;
use crate::store::Forgotten;

/// What leads to chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// A committed record.
    Snapshot(SnapshotId),
    /// The record of a snapshot that is forgotten, and may be asked for again.
    Forgotten(Forgotten),
}

impl Root {
    /// The record's name.
    pub const fn id(self) -> SnapshotId {
        match self {
            Self::Snapshot(id) | Self::Forgotten(Forgotten { id, .. }) => id,
        }
    }
}

/// Knows what records mean.
pub trait Reach: Sync {
    /// What can go wrong.
    type Error: From<StoreError> + Send;

    /// Marks every chunk that the records lead to.
    ///
    /// # Errors
    /// Where anything of it cannot be read: then nothing is deleted (invariant I8).
    fn mark(&self, roots: &[Root], marks: &Marks) -> Result<(), Self::Error>;

    /// Which of these forgotten snapshots nobody will ask for again. That is policy; safety does not rest on it.
    ///
    /// # Errors
    /// Where that cannot be told.
    fn expired(&self, forgotten: &[Forgotten]) -> Result<Vec<Forgotten>, Self::Error>;
}

/// Parts of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Finding what is needed.
    Mark,
    /// Waiting for sessions that began before the plan.
    Wait,
    /// Copying what is needed out of packs that can go then.
    Repack,
    /// Deleting.
    Sweep,
}

/// Watches a collection.
pub trait Watch: Progress {
    /// A part begins; `total` in bytes, where there is one.
    fn phase(&self, phase: Phase, total: Option<u64>) {
        let _ = (phase, total);
    }

    /// So many sessions are still at work, or another collector is. Takes a moment, and tells whether to look again.
    fn pause(&self, sessions: usize) -> bool;
}

/// What a collection is to do.
#[derive(Debug, Clone, Copy)]
pub struct Collect {
    /// Only tell what would be freed.
    pub dry_run: bool,
    /// Most bytes that are copied out of packs of which little is needed.
    pub max_repack: u64,
}

impl Default for Collect {
    fn default() -> Self {
        Self {
            dry_run: false,
            max_repack: u64::MAX,
        }
    }
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Stored bytes that snapshots need.
    pub live_bytes: u64,
    /// Bytes of what was deleted, or would be.
    pub freed_bytes: u64,
    /// Bytes that were written anew.
    pub repacked_bytes: u64,
    /// Bytes of condemned packs that are still waiting for sessions to end.
    pub pending_bytes: u64,
    /// Sessions that were still at work, for which those bytes wait.
    pub sessions: usize,
    /// Packs that were deleted, or would be.
    pub packs: u64,
    /// Forgotten snapshots that cannot be brought back any more: their records were deleted, or would be.
    pub forgotten: u64,
}
