//! Dictionaries of a session: made of what is to be stored, or found at the end of the chains of what is there.

use std::sync::Arc;

use super::{Session, lock};
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::frame::{Frame, encode_whole, pays};
use crate::id::ChunkId;
use crate::index::Location;
use crate::pack::Kind;

impl Session<'_> {
    /// Stores `sample` as a dictionary for chunks of data such as `chunks`, if those are a good deal smaller by it, and
    /// gives its id for [`put_like`](Self::put_like).
    ///
    /// # Errors
    /// Where it cannot be stored; the session is then over.
    pub fn put_dictionary(&self, sample: &[u8], chunks: &[&[u8]]) -> Result<Option<ChunkId>> {
        self.make_dictionary(sample, chunks, pays)
    }

    /// The same, where `pays` says what a good deal is, of a chunk told by it and whole.
    pub(super) fn make_dictionary(
        &self,
        sample: &[u8],
        chunks: &[&[u8]],
        pays: fn(&Frame, &Frame) -> bool,
    ) -> Result<Option<ChunkId>> {
        // A repair stores what is lacking, and this is not.
        if self.salvage.is_some() {
            return Ok(None);
        }
        let id = ChunkId::of(Kind::Data, sample);
        let Some(dictionary) = Dictionary::new(id, sample.to_vec(), self.options.level) else {
            return Ok(None);
        };
        let mut paying = 0;
        for chunk in chunks {
            let whole = encode_whole(chunk, self.options.level)?;
            let told = dictionary.encode(chunk);
            paying += usize::from(told.is_some_and(|told| pays(&told, &whole)));
        }
        if paying <= chunks.len() / 2 {
            return Ok(None);
        }
        self.put(Kind::Data, sample, None)?;
        lock(&self.prepared).keep(id, Some(Arc::new(dictionary)));
        Ok(Some(id))
    }

    /// The dictionary that a chunk of data is told by, or the chunk itself as one.
    pub(super) fn dictionary_of(&self, like: &ChunkId) -> Option<Arc<Dictionary>> {
        if let Some(known) = lock(&self.prepared).get(like) {
            return known;
        }
        let root = self.root_of(like)?;
        if let Some(known) = lock(&self.prepared).get(&root.id) {
            return known;
        }
        let found = self.prepare(&root);
        lock(&self.prepared).keep(root.id, found.clone());
        found
    }

    /// The lowest copy that the chunk's is made from.
    pub(super) fn root_of(&self, like: &ChunkId) -> Option<Location> {
        let like = *self.index.copies(like).first()?;
        let root = self.index.chain(like.encoding)?.last().copied();
        Some(root.unwrap_or(like))
    }

    fn prepare(&self, root: &Location) -> Option<Arc<Dictionary>> {
        // Where it cannot be read nothing is told by it; telling of the damage is verify's.
        let plain = self.store.read_copy(&self.index, root).ok()?;
        Dictionary::new(root.id, plain, self.options.level).map(Arc::new)
    }
}
