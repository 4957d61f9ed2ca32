//! The head of a parity object to bytes and back: which pack, which shape, and the checksum of every shard.
//!
//! Bytes in `docs/format.md`, "Parity". All lengths are held against the file before anything is allocated, and the head's
//! hash is checked before any of it is believed.

use std::io;
use std::path::Path;

use super::shape::{Shape, Stripe};
use super::{CHECKSUM, checksum};
use crate::disk::OpenFile;
use crate::error::{IoContext, Result, StoreError};
use crate::id::PackId;
use crate::pack::Reader;

const MAGIC: &[u8; 8] = b"LBPARI\r\n";

/// Newest version of a parity object that this program reads and the one it writes.
const VERSION: u16 = 1;

/// Bytes before the checksums: magic, version, pack, its length and hash, and the shape.
const FIXED: u64 = 8 + 2 + 16 + 8 + 32 + 4 * 4;

/// Bytes of the head's own hash.
const HASH: u64 = 32;

/// All that a parity object says before its recovery shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) pack: PackId,
    pub(crate) pack_hash: [u8; 32],
    pub(crate) shape: Shape,
    /// Stripe by stripe: those of its shards, then those of its recovery shards.
    pub(crate) checksums: Vec<[u8; CHECKSUM]>,
}

impl Head {
    /// The bytes of a parity object with the right hash in their head, if their lengths have a place for one.
    #[cfg(feature = "testing")]
    pub(crate) fn sealed(bytes: &[u8]) -> Vec<u8> {
        let mut sealed = bytes.to_vec();
        let shape = bytes.get(..FIXED as usize).and_then(parse_shape);
        let head = shape.and_then(|shape| head_len(&shape, bytes.len() as u64));
        let head = head.and_then(|len| sealed.get_mut(..len as usize));
        if let Some((content, hash)) = head.and_then(|head| head.split_last_chunk_mut::<32>()) {
            *hash = *blake3::hash(content).as_bytes();
        }
        sealed
    }

    /// The bytes of the head.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let shape = &self.shape;
        let mut bytes =
            Vec::with_capacity((FIXED + HASH) as usize + self.checksums.len() * CHECKSUM);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(self.pack.as_bytes());
        bytes.extend_from_slice(&shape.pack_len.to_le_bytes());
        bytes.extend_from_slice(&self.pack_hash);
        for number in [
            shape.shard_len,
            shape.stripe,
            shape.recovery,
            shape.last_recovery,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.checksums
            .iter()
            .for_each(|sum| bytes.extend_from_slice(sum));
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// The head of the parity object of this pack.
    pub(crate) fn read(file: &dyn OpenFile, path: &Path, pack: PackId) -> Result<Self> {
        let damaged = |what: &str| StoreError::Damaged {
            object: path.into(),
            what: what.to_owned(),
        };
        let file_len = file.len().context("read", || path.into())?;
        if file_len < FIXED + HASH {
            return Err(damaged("it is cut short"));
        }
        let fixed = read(file, path, FIXED)?;
        let shape = parse_shape(&fixed).ok_or_else(|| damaged("it does not begin as parity"))?;
        let head_len = head_len(&shape, file_len).ok_or_else(|| damaged(LENGTHS))?;
        let bytes = read(file, path, head_len)?;
        let (content, hash) = bytes
            .split_last_chunk::<32>()
            .ok_or_else(|| damaged(LENGTHS))?;
        if blake3::hash(content).as_bytes() != hash {
            return Err(damaged("the hash of its head does not match"));
        }
        let (version, found, pack_hash) =
            parse_names(content).ok_or_else(|| damaged("its head makes no sense"))?;
        if version > VERSION {
            return Err(StoreError::NewerFormat {
                object: path.into(),
                found: version,
                supported: VERSION,
            });
        }
        if version == 0 || found != pack {
            return Err(damaged("it is that of another pack, or of no version"));
        }
        let table = content.get(FIXED as usize..).unwrap_or_default();
        Ok(Self {
            pack,
            pack_hash,
            shape,
            checksums: table.as_chunks().0.to_vec(),
        })
    }

    /// The checksums of a stripe's shards, then of its recovery shards.
    pub(crate) fn checksums_of(&self, stripe: &Stripe) -> &[[u8; CHECKSUM]] {
        let begin = stripe.first_shard + stripe.first_recovery;
        let len = stripe.shards + stripe.recovery;
        self.checksums
            .get(begin as usize..(begin + u64::from(len)) as usize)
            .unwrap_or_default()
    }

    /// A recovery shard of a stripe; `None` where it is not what was written.
    pub(crate) fn recovery(
        &self,
        file: &dyn OpenFile,
        stripe: &Stripe,
        number: u32,
    ) -> io::Result<Option<Vec<u8>>> {
        let shape = &self.shape;
        let before = stripe.first_recovery + u64::from(number);
        let shards = FIXED + HASH + self.checksums.len() as u64 * CHECKSUM as u64;
        let mut shard = vec![0; shape.shard_len as usize];
        file.read_exact_at(&mut shard, shards + before * u64::from(shape.shard_len))?;
        let sums = self.checksums_of(stripe);
        let sum = sums.get((stripe.shards + number) as usize);
        Ok((sum == Some(&checksum(&shard))).then_some(shard))
    }
}

const LENGTHS: &str = "its lengths do not fit the file";

fn read(file: &dyn OpenFile, path: &Path, len: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)
        .context("read", || path.into())
        .map(|()| bytes)
}

fn parse_shape(fixed: &[u8]) -> Option<Shape> {
    let mut read = Reader(fixed);
    if read.take::<8>()? != *MAGIC {
        return None;
    }
    let (_version, _pack) = (read.u16()?, read.take::<16>()?);
    let pack_len = read.u64()?;
    let _hash = read.take::<32>()?;
    let shape = Shape {
        pack_len,
        shard_len: read.u32()?,
        stripe: read.u32()?,
        recovery: read.u32()?,
        last_recovery: read.u32()?,
    };
    shape.is_sane().then_some(shape)
}

fn parse_names(content: &[u8]) -> Option<(u16, PackId, [u8; 32])> {
    let mut read = Reader(content);
    let _magic = read.take::<8>()?;
    let version = read.u16()?;
    let pack = PackId::from_bytes(read.take()?);
    let _len = read.u64()?;
    Some((version, pack, read.take()?))
}

/// Bytes of the head, if head and recovery shards are exactly the file.
fn head_len(shape: &Shape, file_len: u64) -> Option<u64> {
    let sums = shape.shards().checked_add(shape.recovery_shards())?;
    let head = sums
        .checked_mul(CHECKSUM as u64)?
        .checked_add(FIXED + HASH)?;
    let shards = shape
        .recovery_shards()
        .checked_mul(u64::from(shape.shard_len))?;
    (head.checked_add(shards)? == file_len).then_some(head)
}
