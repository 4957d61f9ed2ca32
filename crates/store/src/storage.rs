//! The seam to where a repository is kept: write-once objects and one small record per session.
//!
//! Everything above asks for no more than an object store can give (put if absent, get a range, list, delete, and one
//! record that moves once), so that [`LocalStorage`] can have siblings. What each call guarantees once it returned:
//!
//! - [`Upload::publish`]: the object is durable under its name, whole. Before it, nobody sees it.
//! - [`Claim::commit`]: the record is durable, and exactly one of commit and evict ever succeeds (invariant I7).
//! - [`Storage::list`]: every object published before the call is in it, or the call fails.

use std::path::PathBuf;

use crate::disk::OpenFile;
use crate::error::Result;
use crate::id::SnapshotId;
use crate::layout::{Folder, Object};

pub use local::LocalStorage;

mod local;

/// What tells one state of the plan from every other: no two are alike, as each names itself by a random id and a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version([u8; 32]);

impl Version {
    /// The version of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// Where objects are kept.
pub trait Storage: Send + Sync {
    /// Makes the place ready to hold objects; harmless where it is.
    ///
    /// # Errors
    /// Where it cannot be made.
    fn prepare(&self) -> Result<()>;

    /// Begins an object that does not exist yet.
    ///
    /// # Errors
    /// Where nothing can be written.
    fn create(&self, object: Object) -> Result<Box<dyn Upload + '_>>;

    /// Opens an object for reading; `None` where there is none.
    ///
    /// # Errors
    /// Where it is there but cannot be read.
    fn open(&self, object: Object) -> Result<Option<Box<dyn OpenFile>>>;

    /// Makes durable what is visible. A process that dies between giving an object its name and making the name durable
    /// leaves one that others see and a power cut takes: whoever relies on a listing calls this after it.
    ///
    /// # Errors
    /// Where the system cannot promise it.
    fn harden(&self) -> Result<()>;

    /// Makes durable whatever is visible of records and plans as well: what a collector relies on before it deletes.
    ///
    /// # Errors
    /// Where the system cannot promise it.
    fn harden_all(&self) -> Result<()>;

    /// The plan of a collection as it is now, whole, with its version; `None` where there never was one.
    ///
    /// # Errors
    /// Where it is there but cannot be read.
    fn plan(&self) -> Result<Option<(Version, Vec<u8>)>>;

    /// Replaces the plan in one step, if it still has the version that the caller saw (`None`: there is none yet), and
    /// makes it durable. `false` where another was first, or is at it: look again.
    ///
    /// # Errors
    /// After one, the plan is the old or the new one.
    fn swap_plan(&self, seen: Option<Version>, bytes: &[u8]) -> Result<bool>;

    /// What interrupted writes may have left: names for [`clear`](Self::clear), nothing else.
    ///
    /// # Errors
    /// Where the listing cannot be had.
    fn leftovers(&self) -> Result<Vec<String>>;

    /// Removes a left-over, unless the process that writes it lives; gives the bytes that it had.
    ///
    /// # Errors
    /// Where it stays.
    fn clear(&self, leftover: &str) -> Result<u64>;

    /// All objects of a folder, in no order.
    ///
    /// # Errors
    /// Where any part of the listing cannot be had.
    fn list(&self, folder: Folder) -> Result<Vec<Object>>;

    /// The names in one of the small folders of [`crate::layout`]; none where the folder is missing.
    ///
    /// # Errors
    /// Where the listing cannot be had.
    fn names(&self, folder: &str) -> Result<Vec<String>>;

    /// Names at the top that are none of a repository's own: what keeps the place from being made into one.
    ///
    /// # Errors
    /// Where the place cannot be listed; a missing place has none.
    fn strangers(&self) -> Result<Vec<String>>;

    /// Creates the pending record of a session and holds it (step b1 of the protocol).
    ///
    /// # Errors
    /// Where nothing can be written.
    fn claim(&self, session: SnapshotId) -> Result<Box<dyn Claim + '_>>;

    /// Closes the pending record of a dead session. `false` where it is alive, committed or gone.
    ///
    /// # Errors
    /// Where that cannot be found out.
    fn evict(&self, session: SnapshotId) -> Result<bool>;

    /// Gives a record another of its names, in one step: of several that do, exactly one succeeds, and `false` tells all
    /// others that the old name is gone. Durable after [`settle`](Self::settle).
    ///
    /// # Errors
    /// Where it keeps its old name.
    fn rename_record(&self, from: Object, to: Object) -> Result<bool>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Where the system cannot promise it.
    fn settle(&self, folder: Folder) -> Result<()>;

    /// Removes an object; one that is gone already is no error.
    ///
    /// # Errors
    /// Where it stays.
    fn remove(&self, object: Object) -> Result<()>;

    /// Takes a damaged object out of use without deleting a byte of it, durably; `false` where it is gone.
    ///
    /// # Errors
    /// Where it stays.
    fn quarantine(&self, object: Object) -> Result<bool>;

    /// Puts good bytes in the place of a damaged object, durably and in one step; `false` where the object is gone. What
    /// can be read of the damaged one is kept as [`quarantine`](Self::quarantine) would.
    ///
    /// # Errors
    /// After one, the object is the old or the new one.
    fn replace(&self, object: Object, bytes: &[u8]) -> Result<bool>;

    /// Bytes that may still be written, where that is known.
    ///
    /// # Errors
    /// Where the system cannot be asked.
    fn free_bytes(&self) -> Result<Option<u64>>;

    /// Where a person would find the object.
    fn locate(&self, object: Object) -> PathBuf;

    /// Where a person would find the repository.
    fn place(&self) -> PathBuf;
}

impl dyn Storage + '_ {
    /// Those objects of a folder that are meant, in no order.
    ///
    /// # Errors
    /// Where the listing cannot be had.
    pub(crate) fn listed<T, C: FromIterator<T>>(
        &self,
        folder: Folder,
        meant: impl Fn(Object) -> Option<T>,
    ) -> Result<C> {
        let objects = self.list(folder)?;
        Ok(objects.into_iter().filter_map(meant).collect())
    }
}

/// An object being written. Dropped without [`publish`](Self::publish), it never existed.
pub trait Upload: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// After one, the object is lost.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Makes it durable and gives it its name. `false` where the name was taken: the other object stands.
    ///
    /// # Errors
    /// After one, nobody may rely on the object, whatever a later look shows.
    fn publish(self: Box<Self>) -> Result<bool>;
}

/// A session's pending record, held by its process: when the process dies, the hold goes with it.
pub trait Claim: Send {
    /// Moves the record from pending to committed, with this content.
    ///
    /// # Errors
    /// [`Evicted`](crate::StoreError::Evicted) where an evictor was first; else nothing was committed that anybody
    /// may rely on.
    fn commit(self: Box<Self>, record: &[u8]) -> Result<()>;

    /// Closes the session without a snapshot. It deletes nothing that another might use (invariant I9).
    ///
    /// # Errors
    /// Where the record stays; it is then evicted by whoever next needs to.
    fn abandon(self: Box<Self>) -> Result<()>;
}
