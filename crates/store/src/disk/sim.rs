//! A disk in memory, for tests: it behaves as a disk does, logs every change, fails where it is told to, and builds
//! the states that a power cut may leave under the contract of [`crate::disk`].
//!
//! - [`SimDisk::operations`] is the log; [`SimDisk::assert_published_synced`] checks the order in it.
//! - [`SimDisk::crash_states`] enumerates power cuts. Each state comes as a disk of its own that records
//!   again, so that a crash during recovery is the same call once more.
//! - [`SimDisk::killed_after`] is the death of the process alone, with the power on.
//! - [`SimDisk::inject`] plants faults, [`SimDisk::set_capacity`] a full disk, [`SimDisk::corrupt`] and
//!   its siblings damage.
//!
//! Where the contract leaves room, the simulation takes the worst that a real system does:
//!
//! - A `rename_new` that is not durable leaves the old name, the new one or both, never neither: systems without
//!   `RENAME_NOREPLACE` do it in two steps. A `move_file` leaves one of the two, and a `replace_file` one of the
//!   files under the name. Only the sync of the folder it leads to makes it durable.
//! - A folder's entries are lost with the folder's own name, synced or not.
//! - A sync that fails drops the unsynced bytes; the next one answers with success. A failed sync of a folder drops
//!   nothing, and a later one may make its names durable: journals stop for good or keep their promise.
//!
//! One lock guards the whole disk, so calls from several threads have one order: that of the log.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, Listed, Lock, Map, NewFile, OpenFile};
use changes::Renaming;
use handle::{Handle, Mapped};
use state::{Image, State};
use tree::{Entry, Tree};

pub use below::Below;
pub use choices::Budget;
pub use crash::{CrashState, CrashStates};
pub use fault::{Among, ERRNOS, Fault, Harm};
pub use log::{Call, Change, Operation};
pub use order::Naming;
pub use tree::FileId;

mod below;
mod changes;
mod choices;
mod contents;
mod crash;
mod damage;
mod fault;
mod handle;
mod log;
mod moment;
mod names;
mod order;
mod random;
mod replay;
mod state;
mod tree;

/// A simulated disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimDisk {
    /// An empty disk whose root is there.
    pub fn new() -> Self {
        Self::from_image(Image {
            tree: Tree::with_root(),
            files: BTreeMap::new(),
        })
    }

    /// A disk without even a root: `create_dir("")` makes it.
    pub fn without_root() -> Self {
        Self::from_image(Image::default())
    }

    fn from_image(image: Image) -> Self {
        Self(Arc::new(Mutex::new(State::from_image(image))))
    }

    /// Another disk with the same names and bytes, all durable; no locks, faults or log.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::from_image(self.state().image())
    }

    /// Another disk, as this one was when only so many operations of its log had been done: what the death of the
    /// process leaves, as against a power cut. Nothing is lost but locks, and nothing is durable that was not. Its log goes
    /// on from there.
    #[must_use]
    pub fn killed_after(&self, operations: usize) -> Self {
        let state = self.state();
        let mut killed = State::from_image(state.start.clone());
        let log = state.log.iter().take(operations);
        log.for_each(|operation| killed.redo(operation));
        let marks = state.marks.iter().filter(|(at, _)| *at <= operations);
        killed.marks = marks.cloned().collect();
        Self(Arc::new(Mutex::new(killed)))
    }

    /// Makes everything durable and begins a new log, as if a long time had passed.
    pub fn settle(&self) {
        self.state().settle();
    }

    /// The changes so far, in their order, with those that failed.
    pub fn operations(&self) -> Vec<Operation> {
        self.state().log.clone()
    }

    /// How many calls there were, changes or not.
    pub fn calls(&self) -> u64 {
        self.state().calls.values().sum()
    }

    /// How many calls of a kind there were.
    pub fn calls_of(&self, call: Call) -> u64 {
        self.state().calls.get(&call).copied().unwrap_or(0)
    }

    /// Notes in the log that something became true now, such as "the first backup is acknowledged". Crash states tell
    /// which marks they are after.
    pub fn mark(&self, what: &str) {
        let mut state = self.state();
        let at = state.log.len();
        state.marks.push((at, what.to_owned()));
    }

    /// Whether this has been noted.
    pub fn marked(&self, what: &str) -> bool {
        self.state().marks.iter().any(|(_, mark)| mark == what)
    }

    /// Plants a fault. Several count their calls each for itself; where two strike at once, the earlier planted does.
    pub fn inject(&self, fault: Fault) {
        self.state().plan.add(fault);
    }

    /// Takes all faults back and forgets how many struck.
    pub fn clear_faults(&self) {
        self.state().plan.clear();
    }

    /// How many calls were struck by a fault. A loop over the Nth call ends when a run has none.
    pub fn faults_struck(&self) -> u64 {
        self.state().plan.hits()
    }

    /// Lets the files hold so many bytes in all: a write past that does what fits and fails with ENOSPC. A file counts
    /// until its name and its last handle are gone.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// One of its folders as a disk, on which paths are relative to that folder.
    pub fn below(&self, folder: &str) -> Below {
        Below::new(self.clone(), folder)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for SimDisk {
    fn create_new(&self, path: &str) -> io::Result<Box<dyn NewFile>> {
        let mut state = self.state();
        let file = state.create(path)?;
        Ok(Box::new(Handle::open(self, &mut state, file, path)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn OpenFile>> {
        let mut state = self.state();
        state.read_call(Call::Open, path)?;
        let file = state.tree.file(path)?;
        Ok(Box::new(Handle::open(self, &mut state, file, path)))
    }

    fn map(&self, path: &str) -> io::Result<Box<dyn Map>> {
        let mut state = self.state();
        state.read_call(Call::Map, path)?;
        let file = state.tree.file(path)?;
        Ok(Box::new(Mapped(state.bytes(file))))
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().rename(from, to, Renaming::New)
    }

    fn move_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().rename(from, to, Renaming::Move)
    }

    fn replace_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().rename(from, to, Renaming::Replace)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.state().remove(path)
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.state().create_dir(path)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Listed>> {
        let mut state = self.state();
        state.read_call(Call::List, dir)?;
        state.tree.folder(dir)?;
        let children = state.tree.children(dir).into_iter();
        Ok(children
            .map(|(name, entry)| Listed {
                name: name.to_owned(),
                is_dir: entry == Entry::Folder,
            })
            .collect())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.state().sync_dir(dir)
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        let mut state = self.state();
        state.read_call(Call::Lock, path)?;
        let file = state.tree.file(path)?;
        let handle = Handle::open(self, &mut state, file, path);
        let held = handle.lock(&mut state);
        drop(state); // before the handle, whose end locks the state again
        Ok(if held { Some(Box::new(handle)) } else { None })
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let mut state = self.state();
        state.read_call(Call::FreeBytes, "")?;
        Ok(state.free())
    }

    fn locate(&self, path: &str) -> PathBuf {
        PathBuf::from("/sim").join(path)
    }
}

#[cfg(test)]
mod tests;
