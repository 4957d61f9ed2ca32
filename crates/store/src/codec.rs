//! Values to bytes and back: the only place that knows bincode.
//!
//! Content addressing needs one encoding per value, and hostile bytes must not cost memory, so decoding is stricter
//! than the library: at most [`LIMIT`] bytes, nothing left over, and the value must encode to the very same bytes
//! (bincode alone accepts numbers written longer than needed). See `docs/decisions/0004-bincode.md`.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes that one encoded value may have.
pub const LIMIT: usize = 32 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<LIMIT>> =
    bincode::config::standard().with_limit::<LIMIT>();

/// Bytes that are not the encoding of a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes end early, are too long, or hold a value that its type refuses.
    #[error("not a valid encoding")]
    Malformed(#[source] bincode::error::DecodeError),
    /// Bytes follow the value.
    #[error("{extra} bytes follow the value")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The value has another, shorter encoding.
    #[error("not the canonical encoding")]
    NotCanonical,
    /// The value has more bytes than anybody would read.
    #[error("its {len} bytes are over the limit")]
    TooLong {
        /// How many.
        len: usize,
    },
    /// The value cannot be encoded.
    #[error("the value cannot be encoded")]
    Encode(#[source] EncodeError),
}

/// The canonical bytes of a value.
///
/// # Errors
/// [`CodecError::TooLong`] where [`decode`] would refuse them, which counts wide numbers at their full width.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    let bytes = bincode::serde::encode_to_vec(value, CONFIG).map_err(CodecError::Encode)?;
    check_len(bytes.len())?;
    Ok(bytes)
}

/// Refuses what the decoder might: its limit counts a number of eight bytes as eight, however short it was written.
fn check_len(len: usize) -> Result<(), CodecError> {
    match len > LIMIT / 8 {
        true => Err(CodecError::TooLong { len }),
        false => Ok(()),
    }
}

/// The value at the front of `bytes`, which then begin behind it.
///
/// # Errors
/// Where no canonical encoding stands there.
pub fn take<T: Serialize + DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, CodecError> {
    let (value, used) =
        bincode::serde::decode_from_slice(bytes, CONFIG).map_err(CodecError::Malformed)?;
    let (own, rest) = bytes.split_at_checked(used).unwrap_or((bytes, &[]));
    check_len(own.len())?;
    let mut expected = Expected(own);
    let same = bincode::serde::encode_into_writer(&value, &mut expected, CONFIG);
    if same.is_err() || !expected.0.is_empty() {
        return Err(CodecError::NotCanonical);
    }
    *bytes = rest;
    Ok(value)
}

/// Takes only the bytes that are expected: canonical bytes are compared as they are made, and not kept.
struct Expected<'a>(&'a [u8]);

impl Writer for Expected<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let rest = match (bytes, self.0) {
            // Most bytes come one by one, those of an id for instance.
            ([byte], [next, rest @ ..]) if byte == next => Some(rest),
            _ => self.0.strip_prefix(bytes),
        };
        self.0 = rest.ok_or(EncodeError::UnexpectedEnd)?;
        Ok(())
    }
}

/// The value whose canonical bytes these are.
///
/// # Errors
/// Where they are anybody else's.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut rest = bytes;
    let value = take(&mut rest)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(CodecError::Trailing { extra: rest.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_encoding() {
        let bytes = encode(&(3_u32, "a")).unwrap();
        assert_eq!(bytes, [3, 1, b'a']);
        assert_eq!(
            decode::<(u32, String)>(&bytes).unwrap(),
            (3, "a".to_owned())
        );
        // The same 3, written as a two-byte number.
        let long = [251, 3, 0, 1, b'a'];
        assert!(matches!(
            decode::<(u32, String)>(&long),
            Err(CodecError::NotCanonical)
        ));
    }

    #[test]
    fn left_over_and_missing_bytes_are_refused() {
        assert!(matches!(
            decode::<u32>(&[3, 0]),
            Err(CodecError::Trailing { extra: 1 })
        ));
        assert!(matches!(
            decode::<String>(&[5, b'a']),
            Err(CodecError::Malformed(_))
        ));
    }

    #[test]
    fn f55_a_length_of_petabytes_costs_nothing() {
        let mut bomb = vec![253];
        bomb.extend((1_u64 << 60).to_le_bytes());
        assert!(matches!(
            decode::<Vec<u64>>(&bomb),
            Err(CodecError::Malformed(_))
        ));
    }
}
