//! Parity of a pack while it is written: a stripe in memory at a time, however long the pack gets.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use reed_solomon_simd::engine::{DefaultEngine, Engine, Naive};
use reed_solomon_simd::rate::{DefaultRateEncoder, RateEncoder};

use super::head::Head;
use super::shape::Shape;
use super::{CHECKSUM, Share, checksum, refused};
use crate::error::Result;
use crate::id::PackId;

/// Room for the parity of the packs that are usual; where it is not filled it takes no memory.
const MOST_WRITTEN: usize = 2 << 20;

/// Up to so many bytes, the plain engine has encoded a stripe before the fast ones have made their tables of 8 MiB.
const WITHOUT_TABLES: usize = 1 << 20;

/// Bytes of each shard that are encoded at a time, so that the library does not hold the stripe a second time. A multiple of 64,
/// the code's own unit: any other length would give other parity.
const COLUMN: usize = 512;

/// The library's memory, some of each shard of a stripe. It is used a few milliseconds at a time, so several makers share one.
#[derive(Clone, Default)]
pub(crate) struct Encoder(Arc<Mutex<Option<DefaultRateEncoder<DefaultEngine>>>>);

/// Takes a pack's bytes as they are written and gives its parity. It can take one pack after another and keeps its
/// memory between them: an allocator that several threads give such large pieces back to keeps far more.
pub(crate) struct ParityMaker {
    share: Share,
    encoder: Encoder,
    hasher: blake3::Hasher,
    pack_len: u64,
    /// Bytes of the stripe under way.
    stripe: Vec<u8>,
    checksums: Vec<[u8; CHECKSUM]>,
    recovery: Vec<u8>,
    /// Memory of an object that is written.
    spare: Vec<u8>,
}

impl ParityMaker {
    /// For a pack of which nothing is written yet; the share must not be none.
    pub(crate) fn new(share: Share, encoder: &Encoder) -> Self {
        Self {
            share,
            encoder: encoder.clone(),
            hasher: blake3::Hasher::new(),
            pack_len: 0,
            stripe: Vec::new(),
            checksums: Vec::new(),
            recovery: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// The next bytes of the pack.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.pack_len += bytes.len() as u64;
        let full = Shape::stripe_of_large();
        // Growing little by little, it would leave as much behind. What is not filled takes no memory.
        self.stripe.reserve_exact(full - self.stripe.len());
        while !bytes.is_empty() {
            // A stripe that is full is closed by what follows it: the last one has a rule of its own.
            if self.stripe.len() == full {
                let shape = Shape::new(u64::MAX, self.share);
                self.close(shape.shard_len, shape.recovery)?;
            }
            let (now, rest) = bytes
                .split_at_checked(full - self.stripe.len())
                .unwrap_or((bytes, &[]));
            self.stripe.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    /// The parity object and the hash of the pack, once it is complete. What is pushed next is another pack.
    pub(crate) fn finish(&mut self, pack: PackId) -> Result<(Vec<u8>, [u8; 32])> {
        let shape = Shape::new(mem::take(&mut self.pack_len), self.share);
        self.close(shape.shard_len, shape.last_recovery)?;
        let head = Head {
            pack,
            pack_hash: *self.hasher.finalize().as_bytes(),
            shape,
            checksums: mem::take(&mut self.checksums),
        };
        self.hasher.reset();
        let mut object = mem::take(&mut self.recovery);
        object.splice(0..0, head.encode());
        Ok((object, head.pack_hash))
    }

    /// Takes back the memory of an object that it gave.
    pub(crate) fn give_back(&mut self, mut object: Vec<u8>) {
        object.clear();
        self.spare = object;
    }

    /// Gives up the pack; what is pushed next is another one.
    pub(crate) fn forget(&mut self) {
        self.hasher.reset();
        self.pack_len = 0;
        self.stripe.clear();
        self.checksums.clear();
        self.recovery.clear();
    }

    fn close(&mut self, shard_len: u32, recovery: u32) -> Result<()> {
        let shard_len = shard_len as usize;
        // Zeros stand for what the last shard of a pack lacks.
        let shards = self.stripe.len().div_ceil(shard_len);
        self.stripe.resize(shards * shard_len, 0);
        let recovery = recovery as usize;
        let column = shard_len.min(COLUMN);
        let shared = self.encoder.clone();
        let mut shared = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *shared {
            Some(encoder) => self.encode(encoder, shard_len, recovery),
            None if self.stripe.len() <= WITHOUT_TABLES => {
                let small = RateEncoder::new(shards, recovery, column, Naive::new(), None);
                self.encode::<Naive>(&mut small.map_err(refused)?, shard_len, recovery)
            }
            none => {
                let new = RateEncoder::new(shards, recovery, column, DefaultEngine::new(), None);
                self.encode(none.insert(new.map_err(refused)?), shard_len, recovery)
            }
        }
    }

    /// Adds the parity of the stripe, column by column, and empties it.
    fn encode<E: Engine>(
        &mut self,
        encoder: &mut DefaultRateEncoder<E>,
        shard_len: usize,
        recovery: usize,
    ) -> Result<()> {
        if self.recovery.capacity() == 0 {
            self.recovery = mem::take(&mut self.spare);
            self.recovery.reserve_exact(MOST_WRITTEN);
        }
        let stripe = self.stripe.chunks_exact(shard_len);
        self.checksums.extend(stripe.clone().map(checksum));
        let begin = self.recovery.len();
        self.recovery.resize(begin + recovery * shard_len, 0);
        let (_, made) = self.recovery.split_at_mut(begin);
        for at in (0..shard_len).step_by(COLUMN) {
            let column = at..shard_len.min(at + COLUMN);
            // Whatever state it was left in, it is reset.
            let reset = encoder.reset(stripe.len(), recovery, column.len());
            reset.map_err(refused)?;
            for shard in stripe.clone().filter_map(|shard| shard.get(column.clone())) {
                encoder.add_original_shard(shard).map_err(refused)?;
            }
            let encoded = encoder.encode().map_err(refused)?;
            let parts = made.chunks_exact_mut(shard_len);
            let parts = parts.filter_map(|shard| shard.get_mut(column.clone()));
            for (part, bytes) in parts.zip(encoded.recovery_iter()) {
                part.copy_from_slice(bytes);
            }
        }
        self.checksums
            .extend(made.chunks_exact(shard_len).map(checksum));
        self.stripe.clear();
        Ok(())
    }
}
