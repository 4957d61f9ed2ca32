//! A simulated disk as its callers see it, the log of what they did, and the faults that wait for them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::contents::Contents;
use super::fault::{Harm, Plan};
use super::log::{Call, Operation};
use super::tree::{Entry, FileId, Tree};

/// A disk at rest: everything on it is durable.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    pub(super) tree: Tree,
    pub(super) files: BTreeMap<FileId, Arc<Vec<u8>>>,
}

/// A file that a name leads to or somebody has open.
#[derive(Debug)]
pub(super) struct File {
    pub(super) contents: Contents,
    /// The name it was last given, for the log.
    pub(super) path: Arc<str>,
    handles: usize,
    lock: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// What the log starts from.
    pub(super) start: Image,
    pub(super) log: Vec<Operation>,
    /// Length of the log at each mark, and what it means.
    pub(super) marks: Vec<(usize, String)>,
    pub(super) plan: Plan,
    pub(super) calls: BTreeMap<Call, u64>,
    pub(super) capacity: Option<u64>,
    pub(super) tree: Tree,
    pub(super) files: BTreeMap<FileId, File>,
    /// The last number given to a file or a handle.
    pub(super) last: u64,
}

impl State {
    pub(super) fn from_image(image: Image) -> Self {
        let mut state = Self {
            tree: image.tree.clone(),
            last: image.files.keys().last().map_or(0, |file| file.0),
            ..Self::default()
        };
        for (path, entry) in image.tree.iter() {
            if let Entry::File(file) = entry {
                let bytes = image.files.get(&file).cloned().unwrap_or_default();
                state
                    .files
                    .insert(file, File::new(Contents::at_rest(&bytes), path));
            }
        }
        state.start = image;
        state
    }

    /// The disk as it would be if everything became durable now.
    pub(super) fn image(&self) -> Image {
        let linked = self
            .files
            .iter()
            .filter(|(file, _)| self.tree.names(**file));
        Image {
            tree: self.tree.clone(),
            files: linked
                .map(|(file, state)| (*file, Arc::clone(state.contents.live())))
                .collect(),
        }
    }

    /// Makes everything durable and begins a new log.
    pub(super) fn settle(&mut self) {
        self.files
            .values_mut()
            .for_each(|file| file.contents.sync());
        self.start = self.image();
        self.log.clear();
        self.marks.clear();
    }

    /// Gives a file other bytes behind everybody's back.
    pub(super) fn replace(&mut self, file: FileId, bytes: Vec<u8>) {
        let contents = Contents::at_rest(&Arc::new(bytes));
        match self.files.get_mut(&file) {
            Some(state) => state.contents = contents,
            None => {
                self.files.insert(file, File::new(contents, &"".into()));
            }
        }
    }

    /// A number for a file or a handle, never given before.
    pub(super) fn number(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    /// A file's bytes now.
    pub(super) fn bytes(&self, file: FileId) -> Arc<Vec<u8>> {
        let state = self.files.get(&file);
        state
            .map(|file| Arc::clone(file.contents.live()))
            .unwrap_or_default()
    }

    fn used(&self) -> u64 {
        let lengths = self
            .files
            .values()
            .map(|file| file.contents.live().len() as u64);
        lengths.sum()
    }

    /// Bytes that may still be written.
    pub(super) fn free(&self) -> Option<u64> {
        self.capacity
            .map(|capacity| capacity.saturating_sub(self.used()))
    }

    /// Counts a call that changes nothing and fails it if it is to fail.
    pub(super) fn read_call(&mut self, call: Call, path: &str) -> io::Result<Option<Harm>> {
        let harm = self.strike(call, path);
        match harm {
            None => Ok(None),
            // A read still has to hand out its half, or its wrong byte.
            Some(_) if call == Call::Read => Ok(harm),
            Some(struck) => struck.error().map(|()| harm),
        }
    }

    /// Counts a call and draws its fault.
    pub(super) fn strike(&mut self, call: Call, path: &str) -> Option<Harm> {
        let count = self.calls.entry(call).or_default();
        *count = count.saturating_add(1);
        self.plan.strike(call, path)
    }

    /// A new handle of a file.
    pub(super) fn open(&mut self, file: FileId) -> u64 {
        if let Some(state) = self.files.get_mut(&file) {
            state.handles = state.handles.saturating_add(1);
        }
        self.number()
    }

    /// The end of a handle: its lock goes, and the file too if no name is left.
    pub(super) fn close(&mut self, file: FileId, handle: u64) {
        if let Some(state) = self.files.get_mut(&file) {
            state.handles = state.handles.saturating_sub(1);
            state.lock.take_if(|holder| *holder == handle);
        }
        self.forget_unused(file);
    }

    /// Takes the file's lock for a handle; `false` where another holds it.
    pub(super) fn lock(&mut self, file: FileId, handle: u64) -> bool {
        let Some(state) = self.files.get_mut(&file) else {
            return false;
        };
        *state.lock.get_or_insert(handle) == handle
    }

    pub(super) fn forget_unused(&mut self, file: FileId) {
        let unused = self.files.get(&file).is_some_and(|file| file.handles == 0);
        if unused && !self.tree.names(file) {
            self.files.remove(&file);
        }
    }
}

impl File {
    pub(super) fn new(contents: Contents, path: &Arc<str>) -> Self {
        Self {
            contents,
            path: Arc::clone(path),
            handles: 0,
            lock: None,
        }
    }
}
