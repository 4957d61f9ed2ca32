//! Writing a folder: entries come in the order of their names, and nodes end where their names say.

use lifeboat_store::{Kind, Session};

use super::SharedBefore;
use crate::content::{Content, ContentWriter, Cut, Ref};
use crate::entry::{Entry, Node};
use crate::error::Result;
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
    /// Whether one of the open entries is not as it was before.
    differs: bool,
}

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
            differs: false,
        }
    }

    /// Adds the next entry; `is_same` tells that the folder before had exactly this one.
    pub(crate) fn push(&mut self, entry: Entry, is_same: bool) -> Result<()> {
        let weight = weight(&entry);
        if self.open_bytes + weight > NODE_BYTES {
            self.close()?;
        }
        let ends = ends_node(&entry.name);
        self.open_bytes += weight;
        self.differs |= !is_same;
        self.open.push(entry);
        if ends { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        let Some(first) = self.open.first() else {
            return Ok(());
        };
        let node = match self.node_before() {
            Some(node) => node,
            None => self.put(&first.name)?,
        };
        self.nodes.push(node)?;
        self.open.clear();
        (self.open_bytes, self.differs) = (0, false);
        Ok(())
    }

    /// The node before, if it holds exactly the open entries: then nothing is encoded or hashed. Not one that is to be stored
    /// again (invariant I6).
    fn node_before(&self) -> Option<Ref> {
        let before = self.before.as_ref().filter(|_| !self.differs)?;
        let node = before.borrow().node_of(&self.open)?;
        (!self.session.needs(&node.id)).then_some(node)
    }

    fn put(&self, first: &Name) -> Result<Ref> {
        let before = self.before.as_ref();
        let near = before.and_then(|before| before.borrow().node_near(first));
        let bytes = meta::encode(meta::Kind::Folder, &self.open)?;
        let id = self.session.put(Kind::Meta, &bytes, near.as_ref())?.id;
        let len = bytes.len() as u64;
        Ok(Ref { id, len })
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
