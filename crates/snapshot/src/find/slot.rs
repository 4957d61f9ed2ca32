//! What stands at one name, in all the snapshots that were put together.

use super::set::Set;
use crate::content::Content;
use crate::entry::{Entry, Node};

/// What stands at one name of a folder, in all its versions.
#[derive(Default)]
pub(super) struct Slot {
    /// Versions that were looked for.
    pub(super) versions: Vec<(Entry, Set)>,
    /// The folders of this name.
    pub(super) folders: Vec<(Content, Set)>,
}

impl Slot {
    /// Puts an entry to the others; one that is no folder only if it is looked for.
    pub(super) fn add(&mut self, entry: Entry, set: &Set, is_wanted: bool) {
        if let Node::Folder { entries } = entry.node {
            match self
                .folders
                .iter_mut()
                .rfind(|(other, _)| *other == entries)
            {
                Some((_, stands)) => stands.unite(set),
                None => self.folders.push((entries, set.clone())),
            }
        } else if is_wanted {
            let same = |(other, _): &&mut (Entry, Set)| is_same_version(&other.node, &entry.node);
            match self.versions.iter_mut().rfind(same) {
                Some((known, stands)) => {
                    if set.last() > stands.last() {
                        known.meta = entry.meta;
                    }
                    stands.unite(set);
                }
                None => self.versions.push((entry, set.clone())),
            }
        }
    }
}

/// Whether two entries have the same bytes or target: how they were seen does not count.
fn is_same_version(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::Symlink { target: a }, Node::Symlink { target: b }) => a == b,
        (Node::Special { .. }, Node::Special { .. }) => a == b,
        _ => a.kind() == b.kind() && a.content().is_some() && a.content() == b.content(),
    }
}
