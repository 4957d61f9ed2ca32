//! A folder as it was in the snapshot before, walked beside the one that is now.

use std::cell::RefCell;
use std::rc::Rc;

use lifeboat_store::{ChunkId, Store};

use super::FolderReader;
use super::reader::SeenNode;
use crate::content::{Content, Ref};
use crate::entry::Entry;
use crate::path::Name;

/// The folder before, which the walk asks for entries ahead of the writer that asks for nodes.
pub(crate) type SharedBefore<'a> = Rc<RefCell<Before<'a>>>;

/// A folder as it was, walked beside the one that is.
pub(crate) struct Before<'a> {
    pub(super) content: Content,
    reader: FolderReader<'a>,
    next: Option<Entry>,
    /// Whether an entry was stepped over.
    passed_over: bool,
}

impl<'a> Before<'a> {
    /// Begins at the first entry.
    pub(crate) fn shared(store: &'a Store, content: &Content) -> SharedBefore<'a> {
        let mut reader = FolderReader::new(store, content);
        // A folder that cannot be read is as good as none: everything in it is read from the source again.
        let next = reader.next().transpose();
        Rc::new(RefCell::new(Self {
            content: content.clone(),
            reader,
            passed_over: next.is_err(),
            next: next.unwrap_or_default(),
        }))
    }

    /// The entry of this name; asked in ascending order.
    pub(crate) fn find(&mut self, name: &Name) -> Option<Entry> {
        while self.next.as_ref()?.name < *name {
            self.passed_over = true;
            self.next = self.step();
        }
        if self.next.as_ref()?.name != *name {
            return None;
        }
        let next = self.step();
        std::mem::replace(&mut self.next, next)
    }

    fn step(&mut self) -> Option<Entry> {
        let next = self.reader.next().transpose();
        // Nobody knows what stood where it cannot be read.
        self.passed_over |= next.is_err();
        next.unwrap_or_default()
    }

    /// Whether it held an entry that was not asked for.
    pub(crate) fn has_unasked(&self) -> bool {
        self.passed_over || self.next.is_some()
    }

    /// The node in which an entry of this name stood or would have stood.
    pub(super) fn node_near(&self, name: &Name) -> Option<ChunkId> {
        self.seen_near(name).map(|seen| seen.node.id)
    }

    /// The node that holds exactly these entries, each of which stood in the folder before as it is.
    pub(super) fn node_of(&self, entries: &[Entry]) -> Option<Ref> {
        let (first, last) = (entries.first()?, entries.last()?);
        // Names ascend: as many entries as the node has, from its first name to its last, are all of them.
        let is_whole = |seen: &&SeenNode| {
            seen.first == first.name && seen.last == last.name && seen.entries == entries.len()
        };
        self.seen_near(&first.name)
            .filter(is_whole)
            .map(|seen| seen.node)
    }

    fn seen_near(&self, name: &Name) -> Option<&SeenNode> {
        let nodes = &self.reader.nodes_seen;
        let behind = nodes.partition_point(|seen| seen.first <= *name);
        nodes.get(behind.saturating_sub(1))
    }
}
