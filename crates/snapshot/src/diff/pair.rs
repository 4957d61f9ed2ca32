//! Two stored trees walked side by side: each name once, with what stands there on either side.
//!
//! Folders with equal content are not entered, and runs of entries that are the same node on both sides are stepped over
//! by its id, unread: two snapshots of a million files that differ in one cost a few nodes.

use std::cmp::Ordering;

use lifeboat_store::Store;

use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::folder::FolderReader;
use crate::path::{MAX_DEPTH, TreePath};
use crate::tree::Tree;

/// What stands at a path on either side.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) path: TreePath,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
}

/// A source on either side, and where each tree has it.
pub(super) struct Root {
    pub(super) pair: Pair,
    /// Number of the source in the manifests.
    pub(super) numbers: (Option<usize>, Option<usize>),
}

/// The sources of two snapshots, each beside the one of the same path. Where none is on both sides and each side has only
/// one, these are compared: a folder that was moved is still that folder.
pub(super) fn roots(before: &Tree<'_>, after: &Tree<'_>) -> Vec<Root> {
    let (old, new) = (&before.manifest().sources, &after.manifest().sources);
    let (old_places, new_places) = (before.sources(), after.sources());
    let entry = |tree: &Tree<'_>, number: usize| {
        let source = tree.manifest().sources.get(number);
        source.map(|source| source.root.clone())
    };
    let mut partner: Vec<Option<usize>> = new
        .iter()
        .map(|source| old.iter().position(|other| other.path == source.path))
        .collect();
    if let ([only], [_]) = (partner.as_mut_slice(), old.as_slice()) {
        *only = Some(0);
    }
    let mut roots = Vec::new();
    for (number, (path, _)) in new_places.iter().enumerate() {
        let old = partner.get(number).copied().flatten();
        roots.push(Root {
            pair: Pair {
                path: path.clone(),
                before: old.and_then(|old| entry(before, old)),
                after: entry(after, number),
            },
            numbers: (old, Some(number)),
        });
    }
    for (number, (path, _)) in old_places.iter().enumerate() {
        if !partner.contains(&Some(number)) {
            roots.push(Root {
                pair: Pair {
                    path: path.clone(),
                    before: entry(before, number),
                    after: None,
                },
                numbers: (Some(number), None),
            });
        }
    }
    roots
}

/// A folder on either side.
struct Level<'r> {
    path: TreePath,
    before: Option<FolderReader<'r>>,
    after: Option<FolderReader<'r>>,
}

/// The walk. An error ends the folder that it is about, and nothing else.
pub(super) struct Pairs<'r> {
    store: &'r Store,
    roots: std::vec::IntoIter<Pair>,
    levels: Vec<Level<'r>>,
}

impl<'r> Pairs<'r> {
    /// Walks these sources one after the other.
    pub(super) fn new(store: &'r Store, roots: Vec<Root>) -> Self {
        let roots: Vec<Pair> = roots.into_iter().map(|root| root.pair).collect();
        Self {
            store,
            roots: roots.into_iter(),
            levels: Vec::new(),
        }
    }

    /// Walks an entry that is only on the earlier side, and everything in it.
    pub(super) fn removed(store: &'r Store, path: TreePath, entry: Entry) -> Self {
        let pair = Pair {
            path,
            before: Some(entry),
            after: None,
        };
        Self {
            store,
            roots: vec![pair].into_iter(),
            levels: Vec::new(),
        }
    }

    fn step(&mut self) -> Result<Option<Pair>> {
        let pair = loop {
            let Some(level) = self.levels.last_mut() else {
                break self.roots.next();
            };
            match level.step() {
                Ok(Some(pair)) => break Some(pair),
                Ok(None) => drop(self.levels.pop()),
                Err(error) => {
                    self.levels.pop();
                    return Err(error);
                }
            }
        };
        if let Some(pair) = &pair {
            self.enter(pair)?;
        }
        Ok(pair)
    }

    /// Goes into what is a folder on one side at least, unless both hold the same.
    fn enter(&mut self, pair: &Pair) -> Result<()> {
        let content = |entry: &Option<Entry>| match entry.as_ref().map(|entry| &entry.node) {
            Some(Node::Folder { entries }) => Some(entries.clone()),
            _ => None,
        };
        let (before, after) = (content(&pair.before), content(&pair.after));
        if before == after {
            return Ok(());
        }
        if self.levels.len() >= MAX_DEPTH {
            return Err(SnapshotError::Refused {
                what: "a folder",
                reason: format!("folders are nested deeper than {MAX_DEPTH}"),
            });
        }
        let reader = |content| FolderReader::new(self.store, &content);
        self.levels.push(Level {
            path: pair.path.clone(),
            before: before.map(reader),
            after: after.map(reader),
        });
        Ok(())
    }
}

impl Iterator for Pairs<'_> {
    type Item = Result<Pair>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

impl Level<'_> {
    fn step(&mut self) -> Result<Option<Pair>> {
        let (before, after) = match (&mut self.before, &mut self.after) {
            (Some(before), Some(after)) => both(before, after)?,
            (Some(before), None) => (before.next().transpose()?, None),
            (None, Some(after)) => (None, after.next().transpose()?),
            (None, None) => (None, None),
        };
        let Some(entry) = before.as_ref().or(after.as_ref()) else {
            return Ok(None);
        };
        Ok(Some(Pair {
            path: self.path.join(&entry.name),
            before,
            after,
        }))
    }
}

/// What has the next name on either side.
fn both(
    before: &mut FolderReader<'_>,
    after: &mut FolderReader<'_>,
) -> Result<(Option<Entry>, Option<Entry>)> {
    while let (Some(old), Some(new)) = (before.node()?, after.node()?)
        && old == new
    {
        before.skip_node();
        after.skip_node();
    }
    let order = match (before.peek()?, after.peek()?) {
        (Some(old), Some(new)) => old.name.cmp(&new.name),
        (Some(_), None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    };
    Ok(match order {
        Ordering::Less => (before.next().transpose()?, None),
        Ordering::Equal => (before.next().transpose()?, after.next().transpose()?),
        Ordering::Greater => (None, after.next().transpose()?),
    })
}
