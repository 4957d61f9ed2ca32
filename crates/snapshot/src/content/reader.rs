//! Walking the list of a content's chunks without ever holding more than one node a level.

use std::sync::{Mutex, PoisonError};

use super::{ChunkId, Content, Ref, Result, Store, read_list, unsound};
use crate::limits::MAX_PIECES;

mod places;

/// The chunks of a content in order, each with its offset.
pub struct Chunks<'a> {
    store: &'a Store,
    /// What is left to walk, innermost last: depth of the references, and the references in reverse.
    stack: Vec<(u8, Vec<Ref>)>,
    offset: u64,
    /// Depth at which references are given out.
    floor: u8,
    /// The numbers do not fit each other: the first step says so.
    is_unsound: bool,
    /// A list that was given out and is to be entered next.
    entering: Option<(u8, Ref)>,
}

impl<'a> Chunks<'a> {
    /// The references to the bytes.
    pub fn of(store: &'a Store, content: &Content) -> Self {
        Self::down_to(store, content, 0)
    }

    /// The references to nodes of this depth.
    fn down_to(store: &'a Store, content: &Content, floor: u8) -> Self {
        let mut refs = content.refs.clone();
        refs.reverse();
        Self {
            store,
            is_unsound: !content.is_sound(),
            stack: vec![(content.depth, refs)],
            offset: 0,
            floor,
            entering: None,
        }
    }

    /// Where the next reference stands.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Steps over everything that ends at or before the offset, without reading it.
    fn skip_to(&mut self, target: u64) -> Result<()> {
        self.check()?;
        while let Some((depth, refs)) = self.stack.last_mut() {
            let depth = *depth;
            let Some(next) = refs.last().copied() else {
                self.stack.pop();
                continue;
            };
            if self.offset + next.len <= target {
                refs.pop();
                self.offset += next.len;
            } else if depth > self.floor {
                refs.pop();
                self.descend(depth, next)?;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        if std::mem::take(&mut self.is_unsound) {
            self.stack.clear();
            return Err(unsound("its lengths do not add up"));
        }
        Ok(())
    }

    fn descend(&mut self, depth: u8, node: Ref) -> Result<()> {
        let mut refs = read_list(self.store, &node).inspect_err(|_| self.offset += node.len)?;
        refs.reverse();
        self.stack.push((depth - 1, refs));
        Ok(())
    }

    fn step(&mut self) -> Result<Option<(u64, Ref)>> {
        self.check()?;
        while let Some((depth, refs)) = self.stack.last_mut() {
            let depth = *depth;
            match refs.pop() {
                None => drop(self.stack.pop()),
                Some(found) if depth <= self.floor => {
                    let offset = self.offset;
                    self.offset += found.len;
                    return Ok(Some((offset, found)));
                }
                Some(node) => self.descend(depth, node)?,
            }
        }
        Ok(None)
    }
}

/// A list that cannot be read is an error once, and what stands behind it follows: `offset` has passed
/// over what the list stood for.
impl Iterator for Chunks<'_> {
    type Item = Result<(u64, Ref)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// The chunk that stood at an offset before; asked for ascending offsets.
///
/// It only serves to make deltas: where the old list cannot be read there is none.
pub struct Near<'a> {
    before: Option<(&'a Store, Content)>,
    chunks: Option<Chunks<'a>>,
}

impl<'a> Near<'a> {
    /// Chunks of bytes.
    pub fn chunks(store: &'a Store, content: Option<&Content>) -> Self {
        Self::at_depth(store, content, 0)
    }

    /// The innermost list nodes.
    pub(super) fn lists(store: &'a Store, content: Option<&Content>) -> Self {
        Self::at_depth(store, content, 1)
    }

    fn at_depth(store: &'a Store, content: Option<&Content>, depth: u8) -> Self {
        // References in a content of depth d stand for nodes of depth d and below.
        let content = content.filter(|content| content.depth >= depth);
        Self {
            before: content.map(|content| (store, content.clone())),
            chunks: content.map(|content| Chunks::down_to(store, content, depth)),
        }
    }

    /// The list nodes that hold nodes of this depth.
    pub(super) fn upper(&self, depth: u8) -> Self {
        match &self.before {
            Some((store, content)) => Self::at_depth(store, Some(content), depth + 1),
            None => Self {
                before: None,
                chunks: None,
            },
        }
    }

    /// The chunk in which the byte at this offset stood.
    pub fn at(&mut self, offset: u64) -> Option<ChunkId> {
        let chunks = self.chunks.as_mut()?;
        chunks.skip_to(offset).ok()?;
        let (_, refs) = chunks.stack.last()?;
        refs.last().map(|found| found.id)
    }
}

/// Random access to the bytes of a content.
pub struct ContentReader<'a> {
    store: &'a Store,
    content: Content,
    last: Mutex<Option<Window>>,
}

/// The chunk that was read last.
struct Window {
    offset: u64,
    bytes: std::sync::Arc<Vec<u8>>,
}

impl<'a> ContentReader<'a> {
    /// Reads from this content.
    pub fn new(store: &'a Store, content: Content) -> Self {
        Self {
            store,
            content,
            last: Mutex::new(None),
        }
    }

    /// Bytes in all.
    pub fn len(&self) -> u64 {
        self.content.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.content.len == 0
    }

    /// Fills as much of the buffer as one chunk has from the offset on; 0 at the end.
    ///
    /// # Errors
    /// Where the chunk cannot be read.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        if offset >= self.content.len {
            return Ok(0);
        }
        let (begin, bytes) = self.chunk_at(offset)?;
        let from = (offset - begin) as usize;
        let part = bytes.get(from..).unwrap_or_default();
        let len = part.len().min(buf.len());
        for (to, byte) in buf.iter_mut().zip(part) {
            *to = *byte;
        }
        Ok(len)
    }

    fn chunk_at(&self, offset: u64) -> Result<(u64, std::sync::Arc<Vec<u8>>)> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = last.as_ref()
            && (window.offset..window.offset + window.bytes.len() as u64).contains(&offset)
        {
            return Ok((window.offset, window.bytes.clone()));
        }
        let mut chunks = Chunks::of(self.store, &self.content);
        chunks.skip_to(offset)?;
        let Some((begin, found)) = chunks.step()? else {
            return Err(unsound("its lengths do not add up"));
        };
        let bytes = std::sync::Arc::new(read_chunk(self.store, &found)?);
        *last = Some(Window {
            offset: begin,
            bytes: bytes.clone(),
        });
        Ok((begin, bytes))
    }
}

/// The bytes of one reference.
///
/// # Errors
/// Where they cannot be read, or are not as many as the reference says.
pub(crate) fn read_chunk(store: &Store, found: &Ref) -> Result<Vec<u8>> {
    let bytes = store.get(&found.id)?;
    if bytes.len() as u64 == found.len {
        Ok(bytes)
    } else {
        Err(unsound("a chunk is not as long as its list says"))
    }
}

/// All the bytes of a content that the caller knows to be short; so it is in few pieces.
///
/// # Errors
/// Where they cannot be read.
pub(crate) fn read_all(store: &Store, content: &Content) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (number, chunk) in Chunks::of(store, content).enumerate() {
        if number >= MAX_PIECES {
            return Err(unsound("it is in more pieces than anybody writes"));
        }
        bytes.extend(read_chunk(store, &chunk?.1)?);
    }
    Ok(bytes)
}
