//! Reading a folder: its entries in order, one node in memory at a time, and whole nodes stepped over unread.

use lifeboat_store::{ChunkId, Store};

use super::{read_node, refused};
use crate::content::{Chunks, Content, Ref};
use crate::entry::Entry;
use crate::error::Result;
use crate::path::Name;

/// The entries of a stored folder, node by node, in order.
pub(crate) struct FolderReader<'a> {
    store: &'a Store,
    nodes: Chunks<'a>,
    /// The node that comes next, where somebody has asked for its name.
    coming: Option<Ref>,
    open: std::vec::IntoIter<Entry>,
    /// The open node, as long as none of its entries was taken.
    untouched: Option<ChunkId>,
    /// The nodes read so far.
    pub(super) nodes_seen: Vec<SeenNode>,
}

/// A node that was read.
pub(super) struct SeenNode {
    pub(super) node: Ref,
    pub(super) first: Name,
    pub(super) last: Name,
    /// Entries in it.
    pub(super) entries: usize,
}

impl<'a> FolderReader<'a> {
    /// Reads the folder that this content encodes.
    pub(crate) fn new(store: &'a Store, content: &Content) -> Self {
        Self {
            store,
            nodes: Chunks::of(store, content),
            coming: None,
            open: Vec::new().into_iter(),
            untouched: None,
            nodes_seen: Vec::new(),
        }
    }

    fn step(&mut self) -> Result<Option<Entry>> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        self.untouched = None;
        Ok(self.open.next())
    }

    /// The next entry, not taken.
    pub(crate) fn peek(&mut self) -> Result<Option<&Entry>> {
        if self.open.as_slice().is_empty() {
            let Some(node) = self.coming()? else {
                return Ok(None);
            };
            self.coming = None;
            let entries = read_node(self.store, &node)?;
            self.check_order(&entries)?;
            if let [first, .., last] | [first @ last] = entries.as_slice() {
                self.nodes_seen.push(SeenNode {
                    node,
                    first: first.name.clone(),
                    last: last.name.clone(),
                    entries: entries.len(),
                });
            }
            self.open = entries.into_iter();
            self.untouched = Some(node.id);
        }
        Ok(self.open.as_slice().first())
    }

    /// Names ascend, so none comes twice: an entry cannot replace another while it is restored, nor a node be taken for
    /// another that begins and ends as it does.
    fn check_order(&self, entries: &[Entry]) -> Result<()> {
        let before = self.nodes_seen.last().map(|seen| &seen.last);
        let names = entries.iter().map(|entry| &entry.name);
        match before.into_iter().chain(names).is_sorted_by(|a, b| a < b) {
            true => Ok(()),
            false => Err(refused("its names are not in order")),
        }
    }

    fn coming(&mut self) -> Result<Option<Ref>> {
        if self.coming.is_none() {
            let next = self.nodes.next().transpose()?;
            self.coming = next.map(|(_, node)| node);
        }
        Ok(self.coming)
    }

    /// The node at whose beginning this stands, read or not; `None` inside a node and at the end.
    pub(crate) fn node(&mut self) -> Result<Option<ChunkId>> {
        match self.open.as_slice() {
            [] => Ok(self.coming()?.map(|node| node.id)),
            _ => Ok(self.untouched),
        }
    }

    /// Steps over the node at whose beginning this stands, without reading it.
    pub(crate) fn skip_node(&mut self) {
        match self.open.as_slice() {
            [] => self.coming = None,
            _ => self.open = Vec::new().into_iter(),
        }
        self.untouched = None;
    }
}

impl Iterator for FolderReader<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.open = Vec::new().into_iter();
        }
        step.transpose()
    }
}
