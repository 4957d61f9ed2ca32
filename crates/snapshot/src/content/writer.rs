//! Building the list of a content's chunks while they are stored.

use super::{ChunkId, Content, FANOUT, INLINE, Kind, Near, Ref, Result, Session};
use crate::meta;

/// How the chunks of a content were cut, which decides where list nodes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// At fixed places: nodes of equal length stay where they are.
    Fixed,
    /// By content: an insertion shifts everything behind it, so nodes end by content too.
    ByContent,
}

/// Collects references in the order of the bytes.
pub struct ContentWriter<'s, 'a> {
    session: &'s Session<'a>,
    cut: Cut,
    near: Near<'s>,
    /// References of the node being filled.
    open: Vec<Ref>,
    open_len: u64,
    /// Nodes that are stored.
    closed: Vec<Ref>,
    closed_len: u64,
    late: Late,
}

/// The first reference may come last: page 1 of a database does.
enum Late {
    /// It came first.
    Not,
    /// It is to come, and its place is in the open node.
    Open,
    /// It is to come, and its place is in this node, which waits for it; `near` is the node before.
    Waiting {
        node: Vec<Ref>,
        near: Option<ChunkId>,
    },
}

impl<'s, 'a> ContentWriter<'s, 'a> {
    /// Begins a content; `near` is the one that stood at the same place before.
    pub fn new(session: &'s Session<'a>, cut: Cut, near: Option<&Content>) -> Self {
        Self {
            session,
            cut,
            near: Near::lists(session.store(), near),
            open: Vec::new(),
            open_len: 0,
            closed: Vec::new(),
            closed_len: 0,
            late: Late::Not,
        }
    }

    /// Begins a content of evenly cut chunks whose first one comes last, by [`finish_with_first`](Self::finish_with_first).
    pub fn with_late_first(
        session: &'s Session<'a>,
        near: Option<&Content>,
        first_len: u64,
    ) -> Self {
        let mut writer = Self::new(session, Cut::Fixed, near);
        let id = ChunkId::from_bytes([0; ChunkId::LEN]);
        writer.open.push(Ref { id, len: first_len });
        writer.open_len = first_len;
        writer.late = Late::Open;
        writer
    }

    /// Appends a stored chunk.
    ///
    /// # Errors
    /// Where a list node cannot be stored.
    pub fn push(&mut self, chunk: Ref) -> Result<()> {
        self.open.push(chunk);
        self.open_len += chunk.len;
        if ends_node(self.cut, &self.open, chunk.id) {
            self.close()?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let near = self.near.at(self.closed_len);
        let open = std::mem::take(&mut self.open);
        let len = std::mem::take(&mut self.open_len);
        let node = if matches!(self.late, Late::Open) {
            let id = ChunkId::from_bytes([0; ChunkId::LEN]);
            self.late = Late::Waiting { node: open, near };
            Ref { id, len }
        } else {
            put_list(self.session, &open, near.as_ref())?
        };
        self.closed.push(node);
        self.closed_len += len;
        Ok(())
    }

    /// The content, complete, with the first chunk that came last.
    ///
    /// # Errors
    /// Where a list node cannot be stored.
    pub fn finish_with_first(mut self, first: Ref) -> Result<Content> {
        match std::mem::replace(&mut self.late, Late::Not) {
            Late::Waiting { mut node, near } => {
                replace_first(&mut node, first);
                let node = put_list(self.session, &node, near.as_ref())?;
                replace_first(&mut self.closed, node);
            }
            Late::Open | Late::Not => {
                let before = replace_first(&mut self.open, first);
                self.open_len = self.open_len - before + first.len;
            }
        }
        self.finish()
    }

    /// The content, complete.
    ///
    /// # Errors
    /// Where a list node cannot be stored.
    pub fn finish(mut self) -> Result<Content> {
        let len = self.closed_len + self.open_len;
        if self.closed.is_empty() && self.open.len() <= INLINE {
            let refs = self.open;
            return Ok(Content {
                len,
                depth: 0,
                refs,
            });
        }
        if !self.open.is_empty() {
            self.close()?;
        }
        let (mut depth, mut refs) = (1, self.closed);
        while refs.len() > INLINE {
            let mut near = self.near.upper(depth);
            let mut begin = 0;
            let mut upper = Vec::new();
            for node in refs.chunks(FANOUT) {
                upper.push(put_list(self.session, node, near.at(begin).as_ref())?);
                begin += node.iter().map(|r| r.len).sum::<u64>();
            }
            refs = upper;
            depth += 1;
        }
        Ok(Content { len, depth, refs })
    }
}

/// Puts the first reference in; gives the length of what stood there.
fn replace_first(refs: &mut [Ref], first: Ref) -> u64 {
    refs.first_mut()
        .map_or(0, |place| std::mem::replace(place, first).len)
}

/// Whether a list node ends behind its last reference.
fn ends_node(cut: Cut, open: &[Ref], last: ChunkId) -> bool {
    match cut {
        Cut::Fixed => open.len() >= FANOUT,
        // One id in FANOUT ends a node; a run without one is cut at four times that.
        Cut::ByContent => last.prefix().is_multiple_of(FANOUT as u64) || open.len() >= 4 * FANOUT,
    }
}

fn put_list(session: &Session<'_>, refs: &[Ref], near: Option<&ChunkId>) -> Result<Ref> {
    let bytes = meta::encode(meta::Kind::List, &refs)?;
    let id = session.put(Kind::Meta, &bytes, near)?.id;
    let len = refs.iter().map(|r| r.len).sum();
    Ok(Ref { id, len })
}

/// Bytes of one metadata chunk where a description is longer than one.
const META_CHUNK: usize = 1 << 20;

/// Stores a description of any length; `near` is the one before it.
///
/// # Errors
/// Where it cannot be stored.
pub fn put_meta(session: &Session<'_>, bytes: &[u8], near: Option<&Content>) -> Result<Content> {
    let mut writer = ContentWriter::new(session, Cut::Fixed, near);
    let mut before = Near::chunks(session.store(), near);
    let mut offset = 0;
    for part in bytes.chunks(META_CHUNK) {
        let id = session
            .put(Kind::Meta, part, before.at(offset).as_ref())?
            .id;
        let len = part.len() as u64;
        writer.push(Ref { id, len })?;
        offset += len;
    }
    writer.finish()
}
