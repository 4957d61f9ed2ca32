//! The mark by which lifeboat knows its own zips: a line of JSON in the archive's comment, beside the description inside.
//!
//! It can be read without reading the directory, which of a tree of a million files is long. A name proves nothing: only
//! what has the mark of this very repository is ever counted or removed.

use std::os::unix::fs::FileExt as _;
use std::path::Path;

use lifeboat_store::{RepositoryId, SnapshotId};
use serde_json::{Value, json};

use crate::record::Snapshot;

/// The longest comment that a zip can have, and the record before it.
const TAIL: u64 = 22 + 65_535;

/// What a zip says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) repository: String,
    pub(crate) snapshot: String,
    /// The snapshot's number, which orders zips.
    pub(crate) sequence: u64,
    /// Names the machine and the sources.
    pub(crate) set: String,
    /// The day on which the snapshot was taken, by its own clock.
    pub(crate) day: String,
}

impl Mark {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self {
            repository: snapshot.repository.to_string(),
            snapshot: snapshot.id.to_string(),
            sequence: snapshot.sequence,
            set: set_of(snapshot),
            day: snapshot.time().format("%Y-%m-%d").to_string(),
        }
    }

    /// As it stands in the comment.
    pub(super) fn to_comment(&self) -> Vec<u8> {
        let mark = json!({"lifeboat": {
            "repository": self.repository,
            "snapshot": self.snapshot,
            "sequence": self.sequence,
            "set": self.set,
            "day": self.day,
        }});
        mark.to_string().into_bytes()
    }

    /// That of the file at this path, if it ends in one.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let file = open(path)?;
        let len = file
            .metadata()
            .ok()
            .filter(std::fs::Metadata::is_file)?
            .len();
        let start = len.saturating_sub(TAIL);
        let mut tail = vec![0; usize::try_from(len - start).ok()?];
        file.read_exact_at(&mut tail, start).ok()?;
        Self::from_comment(comment(&tail)?)
    }

    fn from_comment(comment: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(comment).ok()?;
        let mark = value.get("lifeboat")?;
        let text = |key: &str| Some(mark.get(key)?.as_str()?.to_owned());
        Some(Self {
            repository: text("repository")?,
            snapshot: text("snapshot")?,
            sequence: mark.get("sequence")?.as_u64()?,
            set: text("set")?,
            day: text("day")?,
        })
    }

    pub(crate) fn is_of(&self, repository: RepositoryId) -> bool {
        self.repository == repository.to_string()
    }

    /// The snapshot, if the id is one.
    pub(crate) fn snapshot_id(&self) -> Option<SnapshotId> {
        self.snapshot.parse().ok()
    }
}

/// Names a machine and its sources: 16 hex digits.
pub(super) fn set_of(snapshot: &Snapshot) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(snapshot.host.as_bytes());
    for source in &snapshot.sources {
        hasher.update(&[0]).update(source);
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// Opens a file that is no link, without waiting for the other end of a pipe.
fn open(path: &Path) -> Option<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = std::fs::OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options.open(path).ok()
}

/// The comment at the end of a zip: the record before it tells its length.
fn comment(tail: &[u8]) -> Option<&[u8]> {
    const END: &[u8; 4] = b"PK\x05\x06";
    (0..tail.len().checked_sub(21)?).rev().find_map(|at| {
        let (record, comment) = tail.get(at..)?.split_at_checked(22)?;
        let len = record.get(20..)?.first_chunk::<2>()?;
        let is_end =
            record.starts_with(END) && usize::from(u16::from_le_bytes(*len)) == comment.len();
        is_end.then_some(comment)
    })
}
