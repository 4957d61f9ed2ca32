//! Every decoder of this crate that meets bytes which anybody may have written, for tests that feed it any bytes at all:
//! none may panic, or take time or memory out of proportion.
//!
//! Where a hash comes before everything else it is put right first: nobody who means harm forgets it, and without that a
//! test would never get past it.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{Config, FORMAT};
use crate::envelope;
use crate::frame::{self, Encoding};
use crate::id::{ChunkId, PackId, RepositoryId};
use crate::index::Segment;
use crate::pack::{Footer, Trailer};
use crate::parity::{Head, mend};
use crate::progress::Unwatched;
use crate::repair::Held;
use crate::{gc::plan, verified};

pub use mutation::Mutation;

mod mutation;

/// Takes any bytes.
pub type Decoder = fn(&[u8]);

/// All of them, by name.
pub const DECODERS: [(&str, Decoder); 8] = [
    ("config", config),
    ("trailer", trailer),
    ("segment", segment),
    ("frame", frame),
    ("delta", delta),
    ("plan", plan),
    ("round", round),
    ("parity", parity),
];

/// The payload of a config.
fn config(payload: &[u8]) {
    let bytes = envelope::sealed(envelope::Kind::Config, FORMAT, payload);
    let _ = envelope::unwrap::<Config>(envelope::Kind::Config, FORMAT, &bytes);
    let _ = envelope::unwrap::<Config>(envelope::Kind::Config, FORMAT, payload);
}

/// The payload of a plan.
fn plan(payload: &[u8]) {
    small::<plan::Plan>(envelope::Kind::Plan, plan::VERSION, payload);
}

/// The payload of what a verification left.
fn round(payload: &[u8]) {
    small::<verified::Round>(envelope::Kind::Verified, verified::VERSION, payload);
}

/// The payload of a small object.
pub fn small<T: Serialize + DeserializeOwned>(kind: envelope::Kind, version: u16, payload: &[u8]) {
    let bytes = envelope::sealed(kind, version, payload);
    if let Ok(value) = envelope::unwrap::<T>(kind, version, &bytes) {
        let again = envelope::wrap(kind, version, &value);
        assert!(again.is_ok_and(|again| again == bytes), "one encoding");
    }
}

/// A parity object, and the mending of a pack of zeros by it.
fn parity(bytes: &[u8]) {
    let pack = PackId::from_bytes([1; PackId::LEN]);
    for bytes in [bytes.to_vec(), Head::sealed(bytes)] {
        let file = Held(bytes);
        let Ok(head) = Head::read(&file, Path::new("parity"), pack) else {
            continue;
        };
        let zeros = vec![0; head.shape.pack_len.min(1 << 20) as usize];
        let _ = mend(Some(Arc::new(Held(zeros))), &head, &file, &Unwatched);
    }
}

/// The table and the fixed fields of a trailer, without its hash and its end.
fn trailer(content: &[u8]) {
    let bytes = Trailer::sealed(content);
    if let Ok(trailer) = Trailer::decode(&bytes) {
        assert_eq!(trailer.encode(), bytes, "a trailer has one encoding");
    }
    let _ = Trailer::decode(content);
    let _ = Footer::parse(content, content.len() as u64);
}

/// A file of the index cache.
fn segment(bytes: &[u8]) {
    let repository = RepositoryId::from_bytes([1; RepositoryId::LEN]);
    let sealed = Segment::sealed(bytes, repository);
    for bytes in [bytes.to_vec(), sealed] {
        let Some(segment) = Segment::open("x", Box::new(bytes), repository) else {
            continue;
        };
        let pack = PackId::from_bytes([0; PackId::LEN]);
        for record in segment.records().take(10_000) {
            for found in segment.find(record.prefix()).take(100) {
                let _ = (found.location(pack), found.pack_number());
            }
        }
        let _ = (segment.is_whole(), segment.is_damaged());
    }
}

/// An encoding, a plain length and stored bytes.
fn frame(bytes: &[u8]) {
    let Some((&[encoding, a, b, c], stored)) = bytes.split_first_chunk() else {
        return;
    };
    let plain_len = u32::from_le_bytes([a, b, c, 0]) as usize;
    let encoding = match encoding % 2 {
        0 => Encoding::Raw,
        _ => Encoding::Zstd,
    };
    if let Ok(plain) = frame::decode(encoding, stored, plain_len, None) {
        assert_eq!(plain.len(), plain_len);
    }
}

/// A plain length, the length of the base, the base and stored bytes.
fn delta(bytes: &[u8]) {
    let Some((&[a, b, c, d], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let plain_len = usize::from(u16::from_le_bytes([a, b]));
    let base_len = usize::from(u16::from_le_bytes([c, d])).min(rest.len());
    let (base, stored) = rest.split_at(base_len);
    let encoding = Encoding::Prefix {
        base: ChunkId::from_bytes([0; ChunkId::LEN]).prefix(),
    };
    if let Ok(plain) = frame::decode(encoding, stored, plain_len, Some(base)) {
        assert_eq!(plain.len(), plain_len);
    }
}
