//! Looking for damage: the structure of every pack, or every stored byte. Reports, never repairs.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::disk::OpenFile;
use crate::error::{IoContext, Result, StoreError};
use crate::id::{ChunkId, PackId};
use crate::index::{Index, list_packs, locations};
use crate::layout::Object;
use crate::pack::{HEAD, PackReader, Trailer};
use crate::progress::Progress;
use crate::store::Store;

/// Bytes of a pack that are read at once.
const WINDOW: u64 = 1 << 20;

/// What a look at the packs found.
#[derive(Debug, Default)]
pub struct Verification {
    /// Chunks whose place, or whose bytes, were checked.
    pub checked_chunks: u64,
    /// Stored bytes that were read and checked.
    pub checked_bytes: u64,
    /// What is damaged.
    pub damage: Vec<Damage>,
    /// The chunks of which at least one good copy was found.
    pub good: HashSet<ChunkId>,
    /// Whether something could not be read, as against read and found wrong.
    pub is_partial: bool,
}

/// One damaged object.
#[derive(Debug)]
pub struct Damage {
    /// The object.
    pub object: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// The chunks in it that cannot be had from it; of a pack whose trailer is lost, nobody knows them.
    pub chunks: Vec<ChunkId>,
}

impl Store {
    /// Checks every pack: that its trailer fits it and, with `read_data`, that each stored chunk gives the bytes that
    /// its id names.
    ///
    /// # Errors
    /// Where the packs cannot be listed, or on request. Damage is a finding, no error.
    pub fn verify_packs(&self, read_data: bool, progress: &dyn Progress) -> Result<Verification> {
        let mut all = Verification::default();
        for (pack, what) in self.verify_parity(read_data, progress)? {
            all.damage.push(Damage {
                object: self.storage().locate(Object::Parity(pack)),
                what,
                chunks: Vec::new(),
            });
        }
        for (_, one) in self.verify_each(read_data, progress)? {
            all.checked_chunks += one.checked_chunks;
            all.checked_bytes += one.checked_bytes;
            all.damage.extend(one.damage);
            all.good.extend(one.good);
            all.is_partial |= one.is_partial;
        }
        Ok(all)
    }

    /// The same, pack by pack.
    pub(crate) fn verify_each(
        &self,
        read_data: bool,
        progress: &dyn Progress,
    ) -> Result<Vec<(PackId, Verification)>> {
        // In this order: a delta's pack is never listed without its base being known.
        let mut packs: Vec<PackId> = list_packs(self.storage())?.into_iter().collect();
        let index = self.load_index()?;
        packs.sort_unstable();
        let check =
            |index: &Index, packs: &[PackId]| self.verify_these(index, packs, read_data, progress);
        let (doubtful, mut found): (Vec<_>, Vec<_>) = check(&index, &packs)?
            .into_iter()
            .partition(|(_, one)| !one.damage.is_empty());
        if !doubtful.is_empty() {
            // What is damaged may be the cache, by which the bases of deltas are found: now ask the packs alone.
            let uncached = Index::load(self.storage(), None, self.config.id)?;
            let packs: Vec<PackId> = doubtful.into_iter().map(|(pack, _)| pack).collect();
            found.extend(check(&uncached, &packs)?);
        }
        Ok(found)
    }

    /// Checks these packs, with the bases of deltas where the index knows them.
    pub(crate) fn verify_these(
        &self,
        index: &Index,
        packs: &[PackId],
        read_data: bool,
        progress: &dyn Progress,
    ) -> Result<Vec<(PackId, Verification)>> {
        let one = |&pack| Ok((pack, self.verify_pack(index, pack, read_data, progress)?));
        packs.par_iter().map(one).collect()
    }

    /// Stored bytes of all packs, for a progress bar.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub fn pack_bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for pack in list_packs(self.storage())? {
            if let Some(file) = self.storage().open(Object::Pack(pack))? {
                let path = || self.storage().locate(Object::Pack(pack));
                bytes += file.len().context("read", path)?;
            }
        }
        Ok(bytes)
    }

    fn verify_pack(
        &self,
        index: &Index,
        pack: PackId,
        read_data: bool,
        progress: &dyn Progress,
    ) -> Result<Verification> {
        let object = self.storage().locate(Object::Pack(pack));
        let mut found = Verification::default();
        let checked = self.check_pack(index, pack, read_data, progress, &mut found);
        match checked {
            Err(StoreError::Cancelled) => return Err(StoreError::Cancelled),
            Err(error) => {
                found.is_partial |= !error.is_damage();
                found.damage.push(Damage {
                    object,
                    what: words(&error),
                    chunks: Vec::new(),
                });
            }
            Ok(()) => {}
        }
        Ok(found)
    }

    fn check_pack(
        &self,
        index: &Index,
        pack: PackId,
        read_data: bool,
        progress: &dyn Progress,
        found: &mut Verification,
    ) -> Result<()> {
        let path = self.storage().locate(Object::Pack(pack));
        let Some(file) = self.open_as_written(pack)? else {
            return Ok(()); // Gone since it was listed.
        };
        let reader = PackReader::new(file.as_ref(), &path);
        let trailer = reader.trailer(pack)?;
        if read_data {
            self.check_body(index, file.as_ref(), &trailer, progress, found)?;
        } else {
            let entries = trailer.entries.iter();
            let whole = entries.filter(|entry| index.has_bases(entry.encoding));
            found.good.extend(whole.map(|entry| entry.id));
        }
        found.checked_chunks += trailer.entries.len() as u64;
        reader.check_head()
    }

    /// Decodes every chunk, in order, and hashes the body as a whole: the first finds the chunk that is bad, the second
    /// bytes that a decoder overlooks.
    fn check_body(
        &self,
        index: &Index,
        file: &dyn OpenFile,
        trailer: &Trailer,
        progress: &dyn Progress,
        found: &mut Verification,
    ) -> Result<()> {
        let path = self.storage().locate(Object::Pack(trailer.pack));
        let mut body = Body::new(PackReader::new(file, &path), trailer.body_len);
        let mut bad = Vec::new();
        let mut reason = "the hash of its body does not match".to_owned();
        for copy in locations(trailer) {
            if progress.cancelled() {
                return Err(StoreError::Cancelled);
            }
            let stored = body.next(copy.stored_len as usize)?;
            match self.decode_copy(index, &copy, stored) {
                Ok(_) => drop(found.good.insert(copy.id)),
                // A delta that nobody needs loses its base when that is collected. One that is needed is missed by whoever
                // knows who needs it.
                Err(StoreError::ChunkMissing { .. }) => {}
                Err(error) => {
                    found.is_partial |= !error.is_damage();
                    bad.push(copy.id);
                    reason = words(&error);
                }
            }
            found.checked_bytes += u64::from(copy.stored_len);
            progress.advance(u64::from(copy.stored_len));
        }
        if body.hash() != trailer.body_hash || !bad.is_empty() {
            found.damage.push(Damage {
                object: path,
                what: reason,
                chunks: bad,
            });
        }
        Ok(())
    }
}

/// A pack's body, read once from front to end and hashed on the way.
struct Body<'a> {
    reader: PackReader<'a>,
    hasher: blake3::Hasher,
    window: Vec<u8>,
    /// Where in the window the next chunk begins.
    cursor: usize,
    /// Where in the file the window ends, and where the body does.
    read_to: u64,
    end: u64,
}

impl<'a> Body<'a> {
    fn new(reader: PackReader<'a>, len: u64) -> Self {
        let begin = HEAD.len() as u64;
        Self {
            reader,
            hasher: blake3::Hasher::new(),
            window: Vec::new(),
            cursor: 0,
            read_to: begin,
            end: begin + len,
        }
    }

    /// The next stored bytes. The trailer's lengths add up to the body, so they are there unless the file shrinks.
    fn next(&mut self, len: usize) -> Result<&[u8]> {
        while self.window.len() - self.cursor < len && self.read_to < self.end {
            self.window.drain(..self.cursor);
            self.cursor = 0;
            let more = WINDOW.min(self.end - self.read_to);
            let more = self.reader.read(self.read_to, more)?;
            self.read_to += more.len() as u64;
            self.hasher.update(&more);
            self.window.extend(more);
        }
        let begin = self.cursor;
        self.cursor = (begin + len).min(self.window.len());
        Ok(self.window.get(begin..self.cursor).unwrap_or_default())
    }

    fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}

/// An error and its cause in one line; the object is named beside it.
pub(crate) fn words(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } | StoreError::ChunkDamaged { what, .. } => what.clone(),
        StoreError::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}
