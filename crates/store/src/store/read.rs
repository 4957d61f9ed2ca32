//! A chunk's plain bytes out of the packs: which copy to try, the bases that it is made from, and the check of its id.
//!
//! Whatever is wrong with one copy, another may be good, and what was found wrong may be this process's old index or a bad
//! cache: a chunk is given up only after the packs themselves were asked.
//!
//! Hazard: deltas branch where ids begin alike, and packs are whoever's who wrote them. What one chunk may cost is
//! therefore limited ([`Effort`]), whatever the packs say.

use std::sync::{Arc, PoisonError};

use super::Store;
use super::effort::Effort;
use crate::disk::OpenFile;
use crate::error::{Result, StoreError};
use crate::frame;
use crate::id::{ChunkId, PackId};
use crate::index::{Index, Location, MAX_LINKS, list_packs};
use crate::layout::Object;
use crate::pack::PackReader;

/// Copies of one chunk that are tried: each backup may have stored one.
const MOST_COPIES: usize = 64;

/// Chunks whose ids begin like that of a base and that are tried in its place.
const NAMESAKES: usize = 8;

/// Packs that are kept open for reading, at most: deltas of a long history stand in as many packs as there were backups.
const OPEN_PACKS: usize = 128;

impl Store {
    /// The plain bytes of a chunk, checked against its id. Where one copy is damaged, another is taken.
    ///
    /// # Errors
    /// [`StoreError::ChunkMissing`] where no pack has it, else what is wrong with the last copy tried.
    pub fn get(&self, id: &ChunkId) -> Result<Vec<u8>> {
        let index = self.index()?;
        let first = self.get_from(&index, id);
        match first {
            Err(error) if error.is_damage() => self.get_again(&index, id, error),
            result => result,
        }
    }

    /// What this process knew may be old, and what the cache knows may be wrong: asks again if packs came or went, and
    /// then the packs themselves.
    fn get_again(&self, known: &Index, id: &ChunkId, error: StoreError) -> Result<Vec<u8>> {
        if !known.is_of(&list_packs(self.storage())?) {
            let index = self.load_index()?;
            if let Ok(plain) = self.get_from(&index, id) {
                return Ok(plain);
            }
        }
        let uncached = self.get_from(self.uncached_index()?.as_ref(), id);
        uncached.map_err(|last| match last {
            // What keeps a pack from being read is the better answer.
            StoreError::Io { .. } => last,
            _ => error,
        })
    }

    fn get_from(&self, index: &Index, id: &ChunkId) -> Result<Vec<u8>> {
        let effort = Effort::new();
        let mut failure = index.missing(id);
        for copy in index.copies(id).into_iter().take(MOST_COPIES) {
            match self.read_within(index, &copy, &effort) {
                Ok(plain) => return Ok(plain),
                Err(error) => failure = better(failure, error),
            }
        }
        Err(failure)
    }

    /// The plain bytes of one stored copy, checked against its id.
    pub(crate) fn read_copy(&self, index: &Index, copy: &Location) -> Result<Vec<u8>> {
        self.read_within(index, copy, &Effort::new())
    }

    fn read_within(&self, index: &Index, copy: &Location, effort: &Effort) -> Result<Vec<u8>> {
        match self.read_chain(index, copy, effort) {
            Some(plain) => Ok(plain),
            // Link by link: each base is checked, others are tried, and what is wrong has a name.
            None => self.read_link(index, copy, 0, effort),
        }
    }

    /// Decodes a chain of deltas from its whole chunk upwards and hashes the last result only: it has the right id only
    /// where everything on its way was right. `None` where anything was not.
    fn read_chain(&self, index: &Index, copy: &Location, effort: &Effort) -> Option<Vec<u8>> {
        let chain = index.chain(copy.encoding)?;
        let Some((root, links)) = chain.split_last() else {
            effort.pays_for(copy).then_some(())?;
            return self.decode_on(None, copy);
        };
        let root = self.read_root(root, effort)?;
        let mut plain: Option<Vec<u8>> = None;
        for link in links.iter().rev() {
            effort.pays_for(link).then_some(())?;
            let stored = self.read_stored(link).ok()?;
            let base = plain.as_deref().unwrap_or(&root);
            let plain_len = link.plain_len as usize;
            plain = Some(frame::decode(link.encoding, &stored, plain_len, Some(base)).ok()?);
        }
        effort.pays_for(copy).then_some(())?;
        self.decode_on(Some(plain.as_deref().unwrap_or(&root)), copy)
    }

    fn decode_on(&self, base: Option<&[u8]>, copy: &Location) -> Option<Vec<u8>> {
        let stored = self.read_stored(copy).ok()?;
        self.decode_with(copy, &stored, base).ok()
    }

    /// The plain bytes of a base that has none itself, if they are right. Such a one may be that of many chunks which are
    /// read one after another.
    fn read_root(&self, root: &Location, effort: &Effort) -> Option<Arc<Vec<u8>>> {
        if let Some(plain) = self.roots.get(&root.id) {
            return Some(plain);
        }
        effort.pays_for(root).then_some(())?;
        let plain = Arc::new(self.decode_on(None, root)?);
        self.roots.keep(root.id, &plain);
        Some(plain)
    }

    fn read_base(
        &self,
        index: &Index,
        base: &Location,
        depth: usize,
        effort: &Effort,
    ) -> Result<Arc<Vec<u8>>> {
        if let Some(plain) = self.roots.get(&base.id) {
            return Ok(plain);
        }
        let plain = Arc::new(self.read_link(index, base, depth, effort)?);
        if base.encoding.base().is_none() {
            self.roots.keep(base.id, &plain);
        }
        Ok(plain)
    }

    /// The same, of a copy that is `depth` links away from the chunk that is wanted.
    fn read_link(
        &self,
        index: &Index,
        copy: &Location,
        depth: usize,
        effort: &Effort,
    ) -> Result<Vec<u8>> {
        if effort.is_known_to_fail(copy, depth) || !effort.pays_for(copy) {
            return Err(self.damaged(copy, "what it is made from leads nowhere"));
        }
        let read = self
            .read_stored(copy)
            .and_then(|stored| self.decode_link(index, copy, &stored, depth, effort));
        read.inspect_err(|_| effort.note_failed(copy, depth))
    }

    fn read_stored(&self, copy: &Location) -> Result<Vec<u8>> {
        let path = self.storage().locate(Object::Pack(copy.pack));
        let Some(file) = self.open_pack(copy.pack)? else {
            return Err(StoreError::ChunkMissing { id: copy.id });
        };
        let reader = PackReader::new(file.as_ref(), &path);
        reader.read(copy.offset, u64::from(copy.stored_len))
    }

    /// Decodes the stored bytes of a copy and checks the result against its id.
    pub(crate) fn decode_copy(
        &self,
        index: &Index,
        copy: &Location,
        stored: &[u8],
    ) -> Result<Vec<u8>> {
        self.decode_link(index, copy, stored, 0, &Effort::new())
    }

    fn decode_link(
        &self,
        index: &Index,
        copy: &Location,
        stored: &[u8],
        depth: usize,
        effort: &Effort,
    ) -> Result<Vec<u8>> {
        let Some(prefix) = copy.encoding.base() else {
            return self.decode_with(copy, stored, None);
        };
        let mut failure = StoreError::ChunkMissing {
            id: ChunkId::with_prefix(prefix),
        };
        // A longer chain was written by nobody, and might go round in a circle.
        let bases = if depth < MAX_LINKS {
            index.named(prefix)
        } else {
            Vec::new()
        };
        effort.pay_for_glances(bases.len());
        // Different chunks may begin alike: the right base is the one with which the id comes out.
        for base in bases.into_iter().take(NAMESAKES) {
            let plain = self
                .read_base(index, &base, depth + 1, effort)
                .and_then(|base| self.decode_with(copy, stored, Some(&base)));
            match plain {
                Ok(plain) => return Ok(plain),
                Err(error) => failure = better(failure, error),
            }
        }
        Err(failure)
    }

    fn damaged(&self, copy: &Location, what: impl Into<String>) -> StoreError {
        StoreError::ChunkDamaged {
            id: copy.id,
            object: self.storage().locate(Object::Pack(copy.pack)),
            what: what.into(),
        }
    }

    fn decode_with(&self, copy: &Location, stored: &[u8], base: Option<&[u8]>) -> Result<Vec<u8>> {
        let damaged = |what| self.damaged(copy, what);
        let plain_len = copy.plain_len as usize;
        let plain = frame::decode(copy.encoding, stored, plain_len, base).map_err(damaged)?;
        if ChunkId::of(copy.kind, &plain) == copy.id {
            Ok(plain)
        } else {
            Err(damaged("its content does not match its id".to_owned()))
        }
    }

    fn open_pack(&self, pack: PackId) -> Result<Option<Arc<dyn OpenFile>>> {
        let mut open = self
            .open_packs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // The one used last stands last, and the first is given up for another.
        if let Some(at) = open.iter().rposition(|(id, _)| *id == pack) {
            if let Some(behind) = open.get_mut(at..) {
                behind.rotate_left(1);
            }
            return Ok(open.last().map(|(_, file)| file.clone()));
        }
        let Some(file) = self.open_as_written(pack)? else {
            return Ok(None);
        };
        if open.len() >= most_open_packs() {
            open.remove(0);
        }
        open.push((pack, file.clone()));
        Ok(Some(file))
    }
}

/// Of the descriptors that this process may have, the greater part belongs to others (fault F-74).
fn most_open_packs() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(OPEN_PACKS, |limit| {
        usize::try_from(limit / 4).map_or(OPEN_PACKS, |most| most.clamp(4, OPEN_PACKS))
    })
}

/// Of two failures the one to tell: what keeps a pack from being read right now says nothing about what is in it.
fn better(before: StoreError, now: StoreError) -> StoreError {
    match before {
        StoreError::Io { .. } => before,
        _ => now,
    }
}
