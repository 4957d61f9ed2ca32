//! The wrapping of small objects (config, snapshot records): what it is, which version, and a hash over every byte.
//!
//! The wrapping itself never changes, so that any version of the program can tell a newer object from a damaged one.
//! Layout in `docs/format.md`, "Envelope".

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;

const MAGIC: &[u8; 8] = b"LIFEBOAT";
const HASH: usize = 32;
const HEAD: usize = 8 + 1 + 2;

/// Most bytes of a wrapped object, all included.
pub const LIMIT: usize = 16 << 20;

/// What a small object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A repository's config.
    Config = 1,
    /// A snapshot record.
    Snapshot = 2,
    /// The plan of a collection.
    Plan = 3,
    /// What keeps a snapshot from being forgotten.
    Pin = 4,
    /// When packs and snapshots were last verified.
    Verified = 5,
    /// What came of a drill.
    Drill = 6,
    /// What a run did.
    Run = 7,
}

/// Why bytes are not the wrapped value.
#[derive(Debug)]
pub enum Unwrapped {
    /// They are not what was written; the words say where.
    Damaged(String),
    /// They are whole and of a version that this program does not know.
    Newer(u16),
}

/// Wraps a value.
///
/// # Errors
/// Where the value cannot be encoded.
pub fn wrap<T: Serialize>(
    kind: Kind,
    version: u16,
    value: &T,
) -> Result<Vec<u8>, codec::CodecError> {
    let bytes = sealed(kind, version, &codec::encode(value)?);
    if bytes.len() > LIMIT {
        return Err(codec::CodecError::TooLong { len: bytes.len() });
    }
    Ok(bytes)
}

/// Encoded bytes in their wrapping.
pub fn sealed(kind: Kind, version: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + payload.len() + HASH);
    bytes.extend_from_slice(MAGIC);
    bytes.push(kind as u8);
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(payload);
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    bytes
}

/// Unwraps a value of the newest version this program knows, or of one before.
///
/// # Errors
/// [`Unwrapped`] says whether it is damaged or newer.
pub fn unwrap<T: Serialize + DeserializeOwned>(
    kind: Kind,
    version: u16,
    bytes: &[u8],
) -> Result<T, Unwrapped> {
    let damaged = |what: &str| Unwrapped::Damaged(what.to_owned());
    if bytes.is_empty() {
        return Err(damaged("it is empty"));
    }
    let (content, hash) = bytes
        .split_last_chunk::<HASH>()
        .filter(|(content, _)| content.len() >= HEAD)
        .ok_or_else(|| damaged("it is cut short"))?;
    if blake3::hash(content).as_bytes() != hash {
        return Err(damaged("its hash does not match its bytes"));
    }
    let rest = content
        .strip_prefix(MAGIC)
        .ok_or_else(|| damaged("it does not begin as an object of lifeboat"))?;
    let (&[found_kind, low, high], payload) = rest
        .split_first_chunk::<3>()
        .ok_or_else(|| damaged("it is cut short"))?;
    if found_kind != kind as u8 {
        return Err(damaged("it is an object of another kind"));
    }
    let found = u16::from_le_bytes([low, high]);
    if found > version {
        return Err(Unwrapped::Newer(found));
    }
    if found == 0 {
        return Err(damaged("it has a version that never was"));
    }
    codec::decode(payload).map_err(|error| Unwrapped::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = wrap(Kind::Config, 1, &"value".to_owned()).unwrap();
        assert_eq!(unwrap::<String>(Kind::Config, 1, &bytes).unwrap(), "value");
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(unwrap::<String>(Kind::Config, 1, &bad).is_err(), "{bit}");
        }
        for len in 0..bytes.len() {
            assert!(unwrap::<String>(Kind::Config, 1, &bytes[..len]).is_err());
        }
    }

    #[test]
    fn f77_a_newer_version_is_told_from_damage() {
        let bytes = wrap(Kind::Config, 9999, &1_u32).unwrap();
        assert!(matches!(
            unwrap::<u32>(Kind::Config, 1, &bytes),
            Err(Unwrapped::Newer(9999))
        ));
        assert!(matches!(
            unwrap::<u32>(Kind::Snapshot, 9999, &bytes),
            Err(Unwrapped::Damaged(_))
        ));
    }
}
