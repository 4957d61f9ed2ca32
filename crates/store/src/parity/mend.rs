//! Making a damaged pack whole again from its parity.
//!
//! Every shard is held against its checksum; those that differ, lie behind the end of a truncated file, or cannot be read
//! are computed from the others of their stripe. The file itself is never touched: what was mended is laid over it for
//! whoever reads. A stripe with more lost shards than recovery shards keeps what is legible of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use reed_solomon_simd::ReedSolomonDecoder;

use super::head::Head;
use super::shape::Stripe;
use super::{checksum, refused};
use crate::disk::OpenFile;
use crate::error::Result;
use crate::progress::Progress;

/// Bytes that are hashed at once.
const WINDOW: u64 = 1 << 20;

/// A pack as it was written, as far as parity gives it back.
pub(crate) struct Mended {
    file: Option<Arc<dyn OpenFile>>,
    len: u64,
    shard_len: u64,
    /// Shards that differ from the file's, by number.
    shards: BTreeMap<u64, Vec<u8>>,
    /// Shards that could not be mended.
    pub(crate) lost: u64,
    /// Reads that failed otherwise than by the end of the file: what they would have given may be there tomorrow.
    pub(crate) unreadable: u64,
    /// Whether all of it is what was written.
    pub(crate) is_whole: bool,
}

impl Mended {
    /// How many shards were made again.
    pub(crate) fn mended(&self) -> u64 {
        self.shards.len() as u64
    }
}

/// Mends a pack; of one whose file is gone, `file` is none.
pub(crate) fn mend(
    file: Option<Arc<dyn OpenFile>>,
    head: &Head,
    parity: &dyn OpenFile,
    progress: &dyn Progress,
) -> Result<Mended> {
    let mut mended = Mended {
        file,
        len: head.shape.pack_len,
        shard_len: u64::from(head.shape.shard_len),
        shards: BTreeMap::new(),
        lost: 0,
        unreadable: 0,
        is_whole: false,
    };
    for stripe in head.shape.each_stripe() {
        if progress.cancelled() {
            return Err(crate::StoreError::Cancelled);
        }
        mended.mend_stripe(head, parity, &stripe)?;
    }
    mended.is_whole = mended.lost == 0 && mended.hash() == Some(head.pack_hash);
    Ok(mended)
}

impl Mended {
    fn mend_stripe(&mut self, head: &Head, parity: &dyn OpenFile, stripe: &Stripe) -> Result<()> {
        let sums = head.checksums_of(stripe);
        let mut good = Vec::with_capacity(stripe.shards as usize);
        for (number, sum) in (0..stripe.shards).zip(sums) {
            let shard = self.original(stripe, number);
            let shard = self.noted(shard);
            good.push(shard.is_some_and(|shard| checksum(&shard) == *sum));
        }
        let lost = good.iter().filter(|good| !**good).count();
        if lost == 0 {
            return Ok(());
        }
        let mut recovery = Vec::new();
        for number in 0..stripe.recovery {
            let shard = head.recovery(parity, stripe, number);
            let shard = self.noted(shard).flatten();
            recovery.extend(shard.map(|shard| (number as usize, shard)));
        }
        if lost > recovery.len() {
            self.lost += lost as u64;
            return Ok(());
        }
        self.decode(stripe, &good, recovery.into_iter().take(lost))
    }

    fn decode(
        &mut self,
        stripe: &Stripe,
        good: &[bool],
        recovery: impl Iterator<Item = (usize, Vec<u8>)>,
    ) -> Result<()> {
        let mut decoder = ReedSolomonDecoder::new(
            stripe.shards as usize,
            stripe.recovery as usize,
            self.shard_len as usize,
        )
        .map_err(refused)?;
        for (number, _) in (0..stripe.shards).zip(good).filter(|(_, good)| **good) {
            if let Ok(shard) = self.original(stripe, number) {
                let number = number as usize;
                decoder.add_original_shard(number, shard).map_err(refused)?;
            }
        }
        for (number, shard) in recovery {
            decoder.add_recovery_shard(number, shard).map_err(refused)?;
        }
        // A shard that was legible a moment ago and is not now makes them too few: the code says so.
        let decoded = decoder.decode().map_err(refused)?;
        for (number, shard) in decoded.restored_original_iter() {
            let number = stripe.first_shard + number as u64;
            self.shards.insert(number, shard.to_vec());
        }
        Ok(())
    }

    /// What was read; a read that failed is counted.
    fn noted<T>(&mut self, read: io::Result<T>) -> Option<T> {
        let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
        self.unreadable += u64::from(read.as_ref().is_err_and(|error| !is_end(error)));
        read.ok()
    }

    /// A shard as it is in the file, with zeros behind the end of the pack.
    fn original(&self, stripe: &Stripe, number: u32) -> io::Result<Vec<u8>> {
        let begin = (stripe.first_shard + u64::from(number)) * self.shard_len;
        let len = self.shard_len.min(self.len - begin);
        let mut shard = vec![0; self.shard_len as usize];
        let end = io::ErrorKind::UnexpectedEof;
        let part = shard.get_mut(..len as usize).ok_or(end)?;
        // A disk that cannot read a block (F-07) has lost it.
        let file = self.file.as_ref().ok_or(end)?;
        file.read_exact_at(part, begin)?;
        Ok(shard)
    }

    fn hash(&self) -> Option<[u8; 32]> {
        let mut hasher = blake3::Hasher::new();
        let mut window = vec![0; WINDOW.min(self.len) as usize];
        let mut offset = 0;
        while offset < self.len {
            let len = WINDOW.min(self.len - offset);
            let part = window.get_mut(..len as usize)?;
            self.read_exact_at(part, offset).ok()?;
            hasher.update(part);
            offset += len;
        }
        Some(*hasher.finalize().as_bytes())
    }

    /// The part of one shard that a read wants: from the shard that was mended, else from the file.
    fn read_part(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let within = (offset % self.shard_len) as usize;
        if let Some(shard) = self.shards.get(&(offset / self.shard_len)) {
            let part = shard.get(within..within + buf.len());
            let part = part.ok_or(io::ErrorKind::UnexpectedEof)?;
            buf.copy_from_slice(part);
            return Ok(());
        }
        match &self.file {
            Some(file) => file.read_exact_at(buf, offset),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl OpenFile for Mended {
    fn len(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut rest, mut offset) = (buf, offset);
        while !rest.is_empty() {
            let in_shard = self.shard_len - offset % self.shard_len;
            let len = in_shard.min(rest.len() as u64) as usize;
            let (part, more) = rest.split_at_mut(len);
            self.read_part(part, offset)?;
            (rest, offset) = (more, offset + len as u64);
        }
        Ok(())
    }
}
