//! A pack's trailer to bytes and back. Lengths only, no offsets: overlapping or stray chunks cannot be expressed.
//!
//! Bytes in `docs/format.md`, "Packs". The trailer is read from the end of the file: a footer of fixed size tells how
//! long the rest is, and its hash is checked before any of it is believed.

use super::{Kind, Stored};
use crate::frame::{Encoding, MAX_PLAIN};
use crate::id::{ChunkId, PackId};

/// First bytes of a pack.
pub(crate) const HEAD: &[u8; 8] = b"LBPACK\r\n";
pub(super) const END: &[u8; 8] = b"LBPKEND\n";

/// Newest pack version this program reads and the one it writes.
pub(crate) const VERSION: u16 = 1;

/// Bytes of the footer: version, kind, pack, body hash, entries, body length, trailer hash, end.
pub(crate) const FOOTER: usize = 2 + 1 + 16 + 32 + 4 + 8 + 32 + 8;

/// Bytes of an entry: encoding, id, stored length, plain length.
const ENTRY: usize = 1 + 32 + 4 + 4;

/// Bytes of the entry of a delta, which names its base.
const DELTA_ENTRY: usize = ENTRY + 8;

/// Most entries of a pack that is read; those that are written have far fewer.
pub(crate) const MAX_ENTRIES: u32 = 128 << 10;

/// Most stored bytes of a chunk. What does not shrink is stored raw; the rest is room for an envelope around it.
pub(crate) const MAX_STORED: u32 = MAX_PLAIN as u32 + 4096;

/// All that a pack says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) pack: PackId,
    pub(crate) kind: Kind,
    pub(crate) body_hash: [u8; 32],
    pub(crate) body_len: u64,
    pub(crate) entries: Vec<Stored>,
}

/// Why bytes are no trailer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadTrailer {
    Damaged(&'static str),
    Newer(u16),
}

/// The fixed fields of a footer, before its hash is checked.
pub(crate) struct Footer {
    pub(crate) body_len: u64,
}

impl Footer {
    /// Reads the last [`FOOTER`] bytes of a pack of `file_len` bytes, far enough to know where the trailer begins.
    pub(crate) fn parse(footer: &[u8], file_len: u64) -> Result<Self, BadTrailer> {
        let mut read = Reader(footer);
        let _version_kind_pack = read.take::<19>();
        let _hash = read.take::<32>();
        let entries = read.u32();
        let body_len = read.u64();
        let _trailer_hash = read.take::<32>();
        let (Some(entries), Some(body_len), Some(END)) =
            (entries, body_len, read.take::<8>().as_ref())
        else {
            return Err(BadTrailer::Damaged("it does not end as a pack"));
        };
        let fixed = (HEAD.len() + FOOTER) as u64;
        let table = file_len
            .checked_sub(fixed)
            .and_then(|rest| rest.checked_sub(body_len))
            .ok_or(BadTrailer::Damaged("its lengths do not fit the file"))?;
        let smallest = u64::from(entries) * ENTRY as u64;
        let largest = u64::from(entries) * DELTA_ENTRY as u64;
        if entries > MAX_ENTRIES || !(smallest..=largest).contains(&table) {
            return Err(BadTrailer::Damaged("its lengths do not fit the file"));
        }
        Ok(Self { body_len })
    }

    /// Where the trailer begins in the file.
    pub(crate) fn trailer_offset(&self) -> u64 {
        HEAD.len() as u64 + self.body_len
    }
}

impl Trailer {
    /// The bytes that follow the body.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * DELTA_ENTRY + FOOTER);
        for entry in &self.entries {
            encode_entry(entry, &mut bytes);
        }
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(self.pack.as_bytes());
        bytes.extend_from_slice(&self.body_hash);
        // A pack is closed long before it holds 2³² chunks.
        bytes.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.body_len.to_le_bytes());
        Self::sealed(&bytes)
    }

    /// Table and fixed fields, with their hash and the end.
    pub(crate) fn sealed(content: &[u8]) -> Vec<u8> {
        [content, blake3::hash(content).as_bytes(), END].concat()
    }

    /// Reads all the bytes that follow the body.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadTrailer> {
        let damaged = BadTrailer::Damaged;
        let (content, hash) = bytes
            .strip_suffix(END)
            .and_then(|rest| rest.split_last_chunk::<32>())
            .ok_or(damaged("it does not end as a pack"))?;
        if blake3::hash(content).as_bytes() != hash {
            return Err(damaged("the hash of its trailer does not match"));
        }
        let (table, fixed) = content
            .split_last_chunk::<{ FOOTER - 32 - 8 }>()
            .ok_or(damaged("its trailer is cut short"))?;
        let version = Reader(fixed).u16().unwrap_or_default();
        if version > VERSION {
            return Err(BadTrailer::Newer(version));
        }
        if version == 0 {
            return Err(damaged("it has a version that never was"));
        }
        Self::decode_hashed(table, fixed).ok_or(damaged("its trailer makes no sense"))
    }

    fn decode_hashed(table: &[u8], fixed: &[u8]) -> Option<Self> {
        let mut read = Reader(fixed);
        let _version = read.u16()?;
        let kind = decode_kind(read.u8()?)?;
        let pack = PackId::from_bytes(read.take()?);
        let body_hash = read.take()?;
        let count = read.u32()?;
        let body_len = read.u64()?;
        let mut read = Reader(table);
        let entries: Vec<Stored> = (0..count)
            .map(|_| decode_entry(&mut read))
            .collect::<Option<_>>()?;
        let stored: u64 = entries
            .iter()
            .map(|entry| u64::from(entry.stored_len))
            .sum();
        (read.0.is_empty() && stored == body_len).then_some(Self {
            pack,
            kind,
            body_hash,
            body_len,
            entries,
        })
    }
}

/// The kind that a byte stands for.
pub(crate) fn decode_kind(byte: u8) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| *kind as u8 == byte)
}

fn encode_entry(entry: &Stored, bytes: &mut Vec<u8>) {
    bytes.push(encoding_tag(entry.encoding));
    bytes.extend_from_slice(entry.id.as_bytes());
    bytes.extend_from_slice(&entry.stored_len.to_le_bytes());
    bytes.extend_from_slice(&entry.plain_len.to_le_bytes());
    if let Some(base) = entry.encoding.base() {
        bytes.extend_from_slice(&base.to_be_bytes());
    }
}

fn decode_entry(read: &mut Reader<'_>) -> Option<Stored> {
    let tag = read.u8()?;
    let id = ChunkId::from_bytes(read.take()?);
    let stored_len = read.u32()?;
    let plain_len = read.u32()?;
    let base = if tag == 2 {
        Some(u64::from_be_bytes(read.take()?))
    } else {
        None
    };
    let encoding = decode_encoding(tag, base)?;
    (plain_len <= MAX_PLAIN as u32 && stored_len <= MAX_STORED).then_some(Stored {
        id,
        encoding,
        stored_len,
        plain_len,
    })
}

/// The byte that stands for an encoding.
pub(crate) const fn encoding_tag(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Raw => 0,
        Encoding::Zstd => 1,
        Encoding::Prefix { .. } => 2,
    }
}

/// The encoding that a byte stands for, with the base that a delta must have.
pub(crate) const fn decode_encoding(tag: u8, base: Option<u64>) -> Option<Encoding> {
    match (tag, base) {
        (0, _) => Some(Encoding::Raw),
        (1, _) => Some(Encoding::Zstd),
        (2, Some(base)) => Some(Encoding::Prefix { base }),
        _ => None,
    }
}

/// Takes fields off the front; `None` for ever once the bytes have run out.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer() -> Trailer {
        let entry = |byte, encoding| Stored {
            id: ChunkId::of(Kind::Data, &[byte]),
            encoding,
            stored_len: 10,
            plain_len: 20,
        };
        Trailer {
            pack: PackId::from_bytes([5; 16]),
            kind: Kind::Data,
            body_hash: [7; 32],
            body_len: 30,
            entries: vec![
                entry(1, Encoding::Raw),
                entry(2, Encoding::Zstd),
                entry(3, Encoding::Prefix { base: 99 }),
            ],
        }
    }

    #[test]
    fn trailer_reads_back() {
        let bytes = trailer().encode();
        assert_eq!(Trailer::decode(&bytes), Ok(trailer()));
        let file_len = (HEAD.len() + bytes.len()) as u64 + 30;
        let footer = Footer::parse(&bytes[bytes.len() - FOOTER..], file_len)
            .ok()
            .unwrap();
        assert_eq!(footer.trailer_offset(), 38);
    }

    #[test]
    fn f12_every_flip_and_every_cut_of_a_trailer_is_noticed() {
        let bytes = trailer().encode();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Trailer::decode(&bad).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Trailer::decode(&bytes[..len]).is_err(), "length {len}");
        }
    }

    #[test]
    fn bad_21_lengths_that_do_not_fit_the_file_are_refused() {
        let bytes = trailer().encode();
        let footer = &bytes[bytes.len() - FOOTER..];
        for file_len in [0, 30, 111, 141, 1 << 40] {
            assert!(Footer::parse(footer, file_len).is_err(), "{file_len}");
        }
    }
}
