//! Looking for damage: the structure of every pack, or every stored byte. Reports, never repairs.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::error::{IoContext, Result, StoreError};
use crate::id::{ChunkId, PackId};
use crate::index::{Index, Location, list_packs};
use crate::layout::Object;
use crate::pack::PackReader;
use crate::progress::Progress;
use crate::store::Store;
use crate::words::system_words;

mod body;
mod chunks;

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
    /// Deltas whose base nobody knew.
    pub(crate) without_base: Vec<ChunkId>,
    /// The packs that were read from end to end, and whether each is whole.
    pub read: Vec<(PackId, bool)>,
}

/// How much is read.
#[derive(Debug, Clone)]
pub enum Reading {
    /// The structure alone.
    Structure,
    /// Every stored byte.
    All,
    /// Every stored byte of these packs, the structure of the others.
    Some(HashSet<PackId>),
}

impl Reading {
    pub(crate) fn reads(&self, pack: PackId) -> bool {
        match self {
            Self::Structure => false,
            Self::All => true,
            Self::Some(packs) => packs.contains(&pack),
        }
    }
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
        let reading = match read_data {
            true => Reading::All,
            false => Reading::Structure,
        };
        self.verify_as(&reading, progress)
    }

    /// The same, with some packs read and others not.
    ///
    /// # Errors
    /// As [`verify_packs`](Self::verify_packs).
    pub fn verify_as(&self, reading: &Reading, progress: &dyn Progress) -> Result<Verification> {
        let mut all = Verification::default();
        for (pack, what) in self.verify_parity(reading, progress)? {
            all.damage.push(Damage {
                object: self.storage().locate(Object::Parity(pack)),
                what,
                chunks: Vec::new(),
            });
        }
        for (pack, one) in self.verify_each(reading, progress)? {
            if reading.reads(pack) {
                all.read.push((pack, one.damage.is_empty()));
            }
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
        reading: &Reading,
        progress: &dyn Progress,
    ) -> Result<Vec<(PackId, Verification)>> {
        // What this process read before says nothing of what is on the disk now.
        self.forget_packs();
        // In this order: a delta's pack is never listed without its base being known.
        let mut packs: Vec<PackId> = list_packs(self.storage())?.into_iter().collect();
        let cached = self.load_index()?;
        // A part of the cache that is damaged hides the bases of deltas.
        let is_whole = cached.is_whole();
        let index = match is_whole {
            true => cached,
            false => self.uncached_index()?,
        };
        packs.sort_unstable();
        let check =
            |index: &Index, packs: &[PackId]| self.verify_these(index, packs, reading, progress);
        let (doubtful, mut found): (Vec<_>, Vec<_>) = check(&index, &packs)?
            .into_iter()
            .partition(|(_, one)| !one.without_base.is_empty() || !one.damage.is_empty());
        if !is_whole {
            found.extend(doubtful);
        } else if !doubtful.is_empty() {
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
        reading: &Reading,
        progress: &dyn Progress,
    ) -> Result<Vec<(PackId, Verification)>> {
        let one = |&pack| {
            let read_data = reading.reads(pack);
            Ok((pack, self.verify_pack(index, pack, read_data, progress)?))
        };
        packs.par_iter().map(one).collect()
    }

    /// Stored bytes of all packs, for a progress bar.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub fn pack_bytes(&self) -> Result<u64> {
        Ok(self.pack_sizes()?.into_iter().map(|(_, bytes)| bytes).sum())
    }

    /// Every pack and its length in bytes, by name.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub fn pack_sizes(&self) -> Result<Vec<(PackId, u64)>> {
        let mut packs: Vec<PackId> = list_packs(self.storage())?.into_iter().collect();
        packs.sort_unstable();
        let mut sizes = Vec::new();
        for pack in packs {
            if let Some(file) = self.storage().open(Object::Pack(pack))? {
                let path = || self.storage().locate(Object::Pack(pack));
                sizes.push((pack, file.len().context("read", path)?));
            }
        }
        Ok(sizes)
    }

    /// Of each copy of the chunk that can be read as far as its bases go, the packs that it takes.
    ///
    /// # Errors
    /// Where the packs cannot be listed.
    pub fn packs_of(&self, id: &ChunkId) -> Result<Vec<Vec<PackId>>> {
        let index = self.index()?;
        let takes = |copy: &Location| {
            let chain = index.chain(copy.encoding)?;
            Some(
                [copy]
                    .into_iter()
                    .chain(&chain)
                    .map(|link| link.pack)
                    .collect(),
            )
        };
        Ok(index.copies(id).iter().filter_map(takes).collect())
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
}

/// An error and its cause in one line; the object is named beside it.
pub(crate) fn words(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } | StoreError::ChunkDamaged { what, .. } => what.clone(),
        StoreError::Io { source, .. } => system_words(source),
        other => other.to_string(),
    }
}
