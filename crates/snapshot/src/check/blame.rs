//! What is damaged and whom it concerns, object by object, and no more of it than anybody reads.

use std::collections::HashMap;

use lifeboat_store::{ChunkId, Damage, SnapshotId};

use super::Damaged;

/// Most paths that are named for one damaged object; the rest are counted.
const MAX_PATHS: usize = 1000;

/// Most objects that are told each for itself: chunks that no pack gives, and descriptions that are refused.
const MAX_OBJECTS: usize = 10_000;

/// Most bytes of all paths that are named.
const MAX_BYTES: usize = 64 << 20;

/// A damaged object as it is put together.
#[derive(Debug, Default)]
struct Object {
    damaged: Damaged,
    unnamed: u64,
}

/// Collects losses by the object that is at fault.
pub(super) struct Blame {
    objects: Vec<Object>,
    /// The object that keeps a chunk from being had.
    at_fault: HashMap<ChunkId, usize>,
    /// Descriptions that are refused, by snapshot and reason.
    refused: HashMap<(SnapshotId, String), usize>,
    /// What is beyond [`MAX_OBJECTS`], once there is any.
    others: Option<usize>,
    /// How many objects the packs' own damage makes.
    first: usize,
    bytes_left: usize,
}

impl Blame {
    /// Begins with the damage that was found in the packs.
    pub(super) fn new(damage: Vec<Damage>) -> Self {
        let mut blame = Self {
            objects: Vec::new(),
            at_fault: HashMap::new(),
            refused: HashMap::new(),
            others: None,
            first: 0,
            bytes_left: MAX_BYTES,
        };
        for found in damage {
            let number = blame.add(found.object.display().to_string(), found.what);
            let chunks = found.chunks.into_iter();
            blame.at_fault.extend(chunks.map(|id| (id, number)));
        }
        blame.first = blame.objects.len();
        blame
    }

    fn add(&mut self, object: String, what: String) -> usize {
        let damaged = Damaged {
            object,
            what,
            ..Damaged::default()
        };
        self.objects.push(Object {
            damaged,
            unnamed: 0,
        });
        self.objects.len() - 1
    }

    /// A further object, or the one that stands for all further ones.
    fn add_limited(&mut self, object: impl FnOnce() -> String, what: &str) -> usize {
        if self.objects.len() - self.first < MAX_OBJECTS {
            return self.add(object(), what.to_owned());
        }
        if let Some(others) = self.others {
            return others;
        }
        let what = "more is damaged than is told each for itself".to_owned();
        let others = self.add("further chunks and descriptions".to_owned(), what);
        self.others = Some(others);
        others
    }

    /// A chunk that a snapshot needs at a path cannot be had.
    pub(super) fn note(&mut self, id: ChunkId, snapshot: SnapshotId, path: &dyn Fn() -> String) {
        let number = match self.at_fault.get(&id) {
            Some(number) => *number,
            None => {
                let number = self.add_limited(|| format!("chunk {id}"), "no pack gives it");
                if self.others != Some(number) {
                    self.at_fault.insert(id, number);
                }
                number
            }
        };
        self.name(number, snapshot, path);
    }

    /// A description of a snapshot is not acceptable, for the reason told.
    pub(super) fn refuse(&mut self, snapshot: SnapshotId, what: String, path: String) {
        let key = (snapshot, what);
        let number = match self.refused.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.add_limited(|| format!("snapshot {snapshot}"), &key.1);
                if self.others != Some(number) {
                    self.refused.insert(key, number);
                }
                number
            }
        };
        self.name(number, snapshot, &|| path.clone());
    }

    fn name(&mut self, number: usize, snapshot: SnapshotId, path: &dyn Fn() -> String) {
        let Some(object) = self.objects.get_mut(number) else {
            return;
        };
        let Damaged {
            snapshots, paths, ..
        } = &mut object.damaged;
        if snapshots.last() != Some(&snapshot) {
            snapshots.push(snapshot);
        }
        if paths.len() >= MAX_PATHS {
            object.unnamed += 1;
            return;
        }
        let path = path();
        if paths.last() == Some(&path) {
            return;
        }
        match self.bytes_left.checked_sub(path.len()) {
            Some(left) => {
                self.bytes_left = left;
                paths.push(path);
            }
            None => object.unnamed += 1,
        }
    }

    /// All objects: those of the packs in their order, then the others by name.
    pub(super) fn finish(self) -> Vec<Damaged> {
        let mut damaged: Vec<Damaged> = self.objects.into_iter().map(finished).collect();
        if let Some(added) = damaged.get_mut(self.first..) {
            added.sort_by(|a, b| a.object.cmp(&b.object));
        }
        damaged
    }
}

fn finished(object: Object) -> Damaged {
    let mut damaged = object.damaged;
    damaged.snapshots.sort_unstable();
    damaged.snapshots.dedup();
    damaged.paths.sort_unstable();
    damaged.paths.dedup();
    if object.unnamed > 0 {
        damaged.paths.push(format!("… and {} more", object.unnamed));
    }
    damaged
}
