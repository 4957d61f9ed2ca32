//! Walking snapshots for what they lack: every reference to a chunk that nobody has, with the path that leads to it.
//!
//! What refers to what is up to whoever wrote the repository: a few folders that name each other twice a level make more
//! paths than anybody could walk. So what was walked and lacks nothing is never walked again, be it a folder or a list
//! of chunks, and what lacks something is walked again within limits only. Whoever waits may always stop the walk.

use std::collections::HashSet;

use lifeboat_store::{ChunkId, Damage, codec};

use super::Damaged;
use super::blame::Blame;
use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::folder::FolderReader;
use crate::monitor::{Monitor, go_on};
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::too_deep;

/// Steps below folders and lists of one snapshot that were walked before in it and lack something: each of their places
/// is to be named, as long as there are not absurdly many.
const MAX_REPEATED: u64 = 100_000;

/// A folder or a list node, by all that it says.
pub(super) type Key = [u8; 32];

/// A folder that is being walked.
struct Open<'r> {
    key: Key,
    /// Losses noted before it.
    noted: u64,
    reader: FolderReader<'r>,
    /// Whether all of its own chunks are there.
    is_whole: bool,
    /// Whether it was walked before in this snapshot.
    is_repeated: bool,
}

/// Walks snapshots and notes every reference to a chunk that nobody has.
pub(super) struct Losses<'r> {
    pub(super) repository: &'r Repository,
    pub(super) monitor: &'r dyn Monitor,
    pub(super) good: &'r HashSet<ChunkId>,
    pub(super) blame: Blame,
    /// Folders and lists that were walked and lack nothing.
    sound: HashSet<Key>,
    /// Those of the present snapshot that lack something.
    unsound: HashSet<Key>,
    /// What is left of [`MAX_REPEATED`].
    pub(super) repeats: u64,
    /// Losses noted so far, repetitions included.
    pub(super) noted: u64,
}

/// What to do about a folder or a list.
pub(super) enum Turn {
    /// It lacks nothing.
    Skip,
    Walk {
        is_repeated: bool,
    },
    /// It lacks something, as was told often enough.
    GiveUp,
}

impl<'r> Losses<'r> {
    /// Nothing is noted yet; `good` are the chunks that some pack gives, `damage` is what keeps others from being had.
    pub(super) fn new(
        repository: &'r Repository,
        monitor: &'r dyn Monitor,
        good: &'r HashSet<ChunkId>,
        damage: Vec<Damage>,
    ) -> Self {
        Self {
            repository,
            monitor,
            good,
            blame: Blame::new(damage),
            sound: HashSet::new(),
            unsound: HashSet::new(),
            repeats: 0,
            noted: 0,
        }
    }

    /// What was found, object by object.
    pub(super) fn finish(self) -> Vec<Damaged> {
        self.blame.finish()
    }

    /// Notes what a snapshot lacks.
    pub(super) fn walk(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.unsound.clear();
        self.repeats = MAX_REPEATED;
        let name = || "(the manifest)".to_owned();
        if !self.content(snapshot, &snapshot.manifest, &name)? {
            return Ok(());
        }
        let tree = match self.repository.tree(snapshot) {
            Ok(tree) => tree,
            Err(error) => {
                self.refuse(snapshot, &error, name());
                return Ok(());
            }
        };
        for (path, node) in tree.sources() {
            self.tree(snapshot, path, &node)?;
        }
        Ok(())
    }

    /// Walks an entry and what is below it.
    fn tree(&mut self, snapshot: &Snapshot, mut path: TreePath, node: &Node) -> Result<()> {
        let mut open: Vec<Open<'r>> = Vec::new();
        open.extend(self.enter(snapshot, &path, node)?);
        while let Some(folder) = open.last_mut() {
            go_on(self.monitor)?;
            if folder.is_repeated {
                self.repeats = self.repeats.saturating_sub(1);
            }
            match folder.reader.next() {
                None => {
                    let Some(folder) = open.pop() else { break };
                    self.leave(folder.key, folder.noted);
                    path.pop();
                }
                Some(Ok(Entry { name, .. })) if path.is_full(&name) => {
                    self.refuse(snapshot, &too_deep(), path.to_string());
                }
                Some(Ok(Entry { name, node, .. })) => {
                    path.push(name);
                    match self.enter(snapshot, &path, &node)? {
                        Some(folder) => open.push(folder),
                        None => path.pop(),
                    }
                }
                // A node that is missing was noted with the folder's chunks.
                Some(Err(SnapshotError::Store(error))) if error.is_damage() && !folder.is_whole => {
                }
                Some(Err(error)) => self.refuse(snapshot, &error, path.to_string()),
            }
        }
        Ok(())
    }

    /// Checks the chunks of an entry itself; gives the folder whose entries are to be walked.
    fn enter(
        &mut self,
        snapshot: &Snapshot,
        path: &TreePath,
        node: &Node,
    ) -> Result<Option<Open<'r>>> {
        let Some(content) = node.stored() else {
            return Ok(None);
        };
        let name = || path.to_string();
        if !matches!(node, Node::Folder { .. }) {
            self.content(snapshot, content, &name)?;
            return Ok(None);
        }
        let key = key_of("a folder", content)?;
        let Some(is_repeated) = self.begin(&key, snapshot, &name) else {
            return Ok(None);
        };
        let noted = self.noted;
        Ok(Some(Open {
            key,
            noted,
            is_whole: self.content(snapshot, content, &name)?,
            reader: FolderReader::new(self.repository.store(), content),
            is_repeated,
        }))
    }

    /// Whether something is to be walked that has been walked before; `None` where it is not to be walked, which is told
    /// where it is given up.
    pub(super) fn begin(
        &mut self,
        key: &Key,
        snapshot: &Snapshot,
        name: &dyn Fn() -> String,
    ) -> Option<bool> {
        match self.turn(key) {
            Turn::Skip => None,
            Turn::Walk { is_repeated } => Some(is_repeated),
            Turn::GiveUp => {
                self.give_up(snapshot, name());
                None
            }
        }
    }

    fn turn(&self, key: &Key) -> Turn {
        match (self.sound.contains(key), self.unsound.contains(key)) {
            (true, _) => Turn::Skip,
            (_, true) if self.repeats == 0 => Turn::GiveUp,
            (_, is_repeated) => Turn::Walk { is_repeated },
        }
    }

    pub(super) fn leave(&mut self, key: Key, noted: u64) {
        if self.noted == noted {
            self.sound.insert(key);
        } else {
            self.unsound.insert(key);
        }
    }

    pub(super) fn refuse(&mut self, snapshot: &Snapshot, error: &SnapshotError, path: String) {
        self.noted += 1;
        self.blame.refuse(snapshot.id, error.to_string(), path);
    }

    pub(super) fn give_up(&mut self, snapshot: &Snapshot, path: String) {
        self.noted += 1;
        let what = "what is damaged is found in so many places that not all are looked at";
        self.blame.refuse(snapshot.id, what.to_owned(), path);
    }
}

/// What a folder or a list is remembered by.
pub(super) fn key_of(kind: &str, value: &impl serde::Serialize) -> Result<Key> {
    let bytes = codec::encode(value).map_err(|source| SnapshotError::Unstorable {
        what: kind.to_owned(),
        source,
    })?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes()).update(&bytes);
    Ok(*hasher.finalize().as_bytes())
}
