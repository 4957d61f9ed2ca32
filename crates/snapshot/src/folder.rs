//! A folder's entries as stored chunks: sorted by name, cut into nodes by the names themselves.
//!
//! A node ends behind a name that hashes so, which makes the same names end the same nodes in every snapshot: one changed
//! file in a folder of a million changes one node. Layout in `docs/format.md`, "Folders".

use std::cell::RefCell;
use std::rc::Rc;

use lifeboat_store::{ChunkId, Kind, Session, Store, codec};

use crate::content::{Chunks, Content, ContentWriter, Cut, Ref, read_chunk};
use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::limits::MAX_NODE;
use crate::meta;
use crate::path::Name;

/// Entries of a node on average.
const NODE_ENTRIES: u64 = 256;

/// A node ends before it has more than this many bytes, unless a single entry has.
const NODE_BYTES: usize = 512 << 10;

/// Collects the entries of one folder, in the order of their names, beside the folder as it was before.
pub(crate) struct FolderWriter<'s, 'a> {
    session: &'s Session<'a>,
    nodes: ContentWriter<'s, 'a>,
    before: Option<SharedBefore<'s>>,
    open: Vec<Entry>,
    open_bytes: usize,
}

/// The folder before, which the walk asks for entries ahead of the writer that asks for nodes.
pub(crate) type SharedBefore<'a> = Rc<RefCell<Before<'a>>>;

impl<'s, 'a> FolderWriter<'s, 'a> {
    /// Begins a folder; `before` is what it held in the snapshot before.
    pub(crate) fn new(session: &'s Session<'a>, before: Option<SharedBefore<'s>>) -> Self {
        let near = before
            .as_ref()
            .map(|before| before.borrow().content.clone());
        Self {
            session,
            nodes: ContentWriter::new(session, Cut::ByContent, near.as_ref()),
            before,
            open: Vec::new(),
            open_bytes: 0,
        }
    }

    /// Adds the next entry.
    pub(crate) fn push(&mut self, entry: Entry) -> Result<()> {
        let weight = weight(&entry);
        if self.open_bytes + weight > NODE_BYTES {
            self.close()?;
        }
        let ends = ends_node(&entry.name);
        self.open_bytes += weight;
        self.open.push(entry);
        if ends { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        let Some(first) = self.open.first() else {
            return Ok(());
        };
        let near = self
            .before
            .as_ref()
            .and_then(|before| before.borrow().node_near(&first.name));
        let bytes = meta::encode(meta::Kind::Folder, &self.open)?;
        let id = self.session.put(Kind::Meta, &bytes, near.as_ref())?.id;
        self.nodes.push(Ref {
            id,
            len: bytes.len() as u64,
        })?;
        self.open.clear();
        self.open_bytes = 0;
        Ok(())
    }

    /// Whether the folder before held an entry that nobody has asked for.
    pub(crate) fn lacks_some(&self) -> bool {
        let before = self.before.as_ref();
        before.is_some_and(|before| before.borrow().has_unasked())
    }

    /// The folder, complete.
    pub(crate) fn finish(mut self) -> Result<Content> {
        self.close()?;
        self.nodes.finish()
    }
}

fn ends_node(name: &Name) -> bool {
    let hash = blake3::hash(name.as_bytes());
    hash.as_bytes()
        .first_chunk()
        .is_some_and(|head| u64::from_le_bytes(*head).is_multiple_of(NODE_ENTRIES))
}

/// About how many bytes an entry takes, and never fewer.
fn weight(entry: &Entry) -> usize {
    let xattrs = entry.meta.xattrs.iter();
    let xattrs: usize = xattrs
        .map(|(name, value)| 8 + name.len() + value.len())
        .sum();
    let refs = entry.node.stored().map_or(0, |content| content.refs.len());
    let target = match &entry.node {
        Node::Symlink { target } => target.len(),
        _ => 0,
    };
    128 + entry.name.as_bytes().len() + xattrs + refs * 42 + target
}

/// The entries of a stored folder, node by node, in order.
pub(crate) struct FolderReader<'a> {
    store: &'a Store,
    nodes: Chunks<'a>,
    /// The node that comes next, where somebody has asked for its name.
    coming: Option<Ref>,
    open: std::vec::IntoIter<Entry>,
    /// The open node, as long as none of its entries was taken.
    untouched: Option<ChunkId>,
    last: Option<Name>,
    /// The nodes met so far, by the first name in each.
    nodes_seen: Vec<(Name, ChunkId)>,
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
            last: None,
            nodes_seen: Vec::new(),
        }
    }

    fn step(&mut self) -> Result<Option<Entry>> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        self.untouched = None;
        let Some(entry) = self.open.next() else {
            return Ok(None);
        };
        // Names ascend, so none comes twice: an entry cannot replace another while it is restored.
        if self.last.as_ref().is_some_and(|last| *last >= entry.name) {
            return Err(refused("its names are not in order"));
        }
        self.last = Some(entry.name.clone());
        Ok(Some(entry))
    }

    /// The next entry, not taken.
    pub(crate) fn peek(&mut self) -> Result<Option<&Entry>> {
        if self.open.as_slice().is_empty() {
            let Some(node) = self.coming()? else {
                return Ok(None);
            };
            self.coming = None;
            let entries = read_node(self.store, &node)?;
            if let Some(first) = entries.first() {
                self.nodes_seen.push((first.name.clone(), node.id));
            }
            self.open = entries.into_iter();
            self.untouched = Some(node.id);
        }
        Ok(self.open.as_slice().first())
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

/// The nodes of a folder, without reading them.
pub(crate) fn nodes<'a>(
    store: &'a Store,
    content: &Content,
) -> impl Iterator<Item = Result<Ref>> + 'a {
    Chunks::of(store, content).map(|node| node.map(|(_, node)| node))
}

/// The entries of one node.
pub(crate) fn read_node(store: &Store, node: &Ref) -> Result<Vec<Entry>> {
    let entries = decode_node(&read_chunk(store, node)?)?;
    // Nobody writes an empty node, and a list may name one without end.
    if entries.is_empty() {
        return Err(refused("a node of it is empty"));
    }
    Ok(entries)
}

/// The entries in these bytes.
pub(crate) fn decode_node(bytes: &[u8]) -> Result<Vec<Entry>> {
    let mut encoded = meta::open(meta::Kind::Folder, bytes)?;
    // An entry takes many times the memory of its fewest bytes, so only one may be long.
    if bytes.len() > MAX_NODE && !matches!(codec::take::<u64>(&mut encoded), Ok(1)) {
        return Err(refused("a node of it is too long"));
    }
    meta::decode(meta::Kind::Folder, bytes)
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

/// A folder as it was, walked beside the one that is.
pub(crate) struct Before<'a> {
    content: Content,
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
    fn has_unasked(&self) -> bool {
        self.passed_over || self.next.is_some()
    }

    /// The node in which an entry of this name stood or would have stood.
    fn node_near(&self, name: &Name) -> Option<ChunkId> {
        let nodes = &self.reader.nodes_seen;
        let behind = nodes.partition_point(|(first, _)| first <= name);
        nodes.get(behind.saturating_sub(1)).map(|(_, id)| *id)
    }
}

fn refused(what: &str) -> SnapshotError {
    SnapshotError::Refused {
        what: "a folder",
        reason: what.to_owned(),
    }
}
