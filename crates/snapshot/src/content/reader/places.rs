//! Every chunk that a content leads to, its lists included.

use super::{ChunkId, Chunks, Content, Result, Store};

/// A chunk, and the bytes of the content that hang on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: ChunkId,
    /// Where in the content its bytes, or those of what it lists, begin.
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl<'a> Chunks<'a> {
    /// Every chunk, list nodes included, each list before what it lists.
    pub(crate) fn of_all_depths(
        store: &'a Store,
        content: &Content,
    ) -> impl Iterator<Item = Result<ChunkId>> + 'a {
        Self::places(store, content).map(|place| place.map(|place| place.id))
    }

    /// The same, each with the bytes that it stands for.
    pub(crate) fn places(
        store: &'a Store,
        content: &Content,
    ) -> impl Iterator<Item = Result<Place>> + 'a {
        let mut chunks = Self::of(store, content);
        std::iter::from_fn(move || chunks.step_any().transpose())
    }

    /// The next reference of any depth. One whose list cannot be read is an error once, and is passed over.
    fn step_any(&mut self) -> Result<Option<Place>> {
        self.check()?;
        if let Some((depth, list)) = self.entering.take() {
            let entered = self.descend(depth, list);
            entered.inspect_err(|_| self.offset = self.offset.saturating_add(list.len))?;
        }
        while let Some((depth, refs)) = self.stack.last_mut() {
            let depth = *depth;
            let Some(found) = refs.pop() else {
                self.stack.pop();
                continue;
            };
            let place = Place {
                id: found.id,
                offset: self.offset,
                len: found.len,
            };
            match depth {
                0 => self.offset = self.offset.saturating_add(found.len),
                _ => self.entering = Some((depth, found)),
            }
            return Ok(Some(place));
        }
        Ok(None)
    }
}
