//! Has anything been committed since? Answered without reading the database.
//!
//! The hazard is a yes that is a no: a commit that is never backed up. So no single sign is
//! trusted. Sizes stay the same when a WAL starts over; times can be set, and stand still
//! between two ticks of the kernel's clock; the change counter is not touched in WAL mode. What
//! is put together here: inode, size and times of main file and WAL, the main file's header, the
//! WAL's header with its salts, and the header of the WAL's last commit frame, whose checksum is
//! of all frames before it.
//!
//! Where that could be wrong there is no fingerprint: while a rollback journal is in use, while
//! the WAL has a commit that readers do not see yet (it would be known, and never captured), when
//! a file changed between two looks, and when the last change is so recent that another one might
//! get the same time. The reverse, a changed fingerprint without a commit (a checkpoint, say), is
//! allowed: it costs one capture.
//!
//! Take it *before* the capture it is stored with. A commit between the two is then captured
//! twice, and never lost.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::header::{FRAME_HEADER_BYTES, HEADER_BYTES, WAL_HEADER_BYTES, number, wal_page_size};
use super::held;
use super::sniff::{first_bytes, sibling};
use super::wal_index::sees_all;
use crate::recent::is_recent;

/// Identity of an unmodified database: two that are equal mean that nothing was committed in
/// between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the database together with what was asked of it: other questions make it another one, so that
    /// answers which are kept are those to the questions of today.
    pub(crate) fn with_questions(self, questions: &[(String, String)]) -> Self {
        if questions.is_empty() {
            return self;
        }
        let mut hasher = blake3::Hasher::new_derive_key("lifeboat 2026 fingerprint with questions");
        hasher.update(&self.0);
        for text in questions.iter().flat_map(|(name, query)| [name, query]) {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            hasher.update(&length.to_le_bytes()).update(text.as_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// The fingerprint of the database at `path`; `None` where none can be trusted.
pub fn fingerprint(path: &Path) -> io::Result<Option<Fingerprint>> {
    fingerprint_at(path, SystemTime::now())
}

pub(super) fn fingerprint_at(path: &Path, now: SystemTime) -> io::Result<Option<Fingerprint>> {
    let main = held::descriptor(path)?;
    let before = Stamps::of(path)?;
    if before.is_recent(now) || is_journal_in_use(path)? {
        return Ok(None);
    }
    let mut hasher = blake3::Hasher::new_derive_key("lifeboat 2026 database fingerprint");
    before.hash_into(&mut hasher);
    hasher.update(&first_bytes::<HEADER_BYTES>(&main)?);
    if !hash_wal(path, &mut hasher)? {
        return Ok(None);
    }
    let unchanged = main.metadata()?.ino() == before.main.inode && Stamps::of(path)? == before;
    Ok(unchanged.then(|| Fingerprint(*hasher.finalize().as_bytes())))
}

/// What every commit of another program changes.
pub(crate) struct CommitMark {
    /// Equal ones mean that nothing was committed in between, if the first of them is certain.
    pub(crate) bytes: [u8; 32],
    /// Whether no later commit can leave the same mark.
    pub(crate) is_certain: bool,
    /// Whether readers see what it is of. Where they do not, a commit is under way or was given up, and the mark is worth
    /// nothing however long it stays as it is.
    pub(crate) is_seen: bool,
}

/// The mark of the database at `path`: its last commit in the WAL, else the change counter, size and times of the main file.
/// Unlike a fingerprint it is of the moment only, and can be taken while the database is locked.
///
/// In WAL mode a commit does not touch the change counter. Where it was moved into the main file and the WAL is gone, only the
/// times tell, and those not within the same tick of the clock.
pub(crate) fn commit_mark(path: &Path, now: SystemTime) -> io::Result<CommitMark> {
    let main = held::descriptor(path)?;
    let mut hasher = blake3::Hasher::new_derive_key("lifeboat 2026 database commit mark");
    let (mut is_certain, mut is_seen) = (true, true);
    if super::sniff::has_wal(path)? {
        hasher.update(&main.metadata()?.ino().to_le_bytes());
        is_seen = hash_wal(path, &mut hasher)?;
    } else {
        let stamp = Stamp::from(&main.metadata()?);
        let header = first_bytes::<HEADER_BYTES>(&main)?;
        stamp.hash_into(&mut hasher);
        hasher.update(header.get(24..28).unwrap_or_default());
        let counts_commits = header.get(18).is_some_and(|version| *version == 1);
        is_certain = counts_commits || !stamp.is_recent(now);
    }
    Ok(CommitMark {
        bytes: *hasher.finalize().as_bytes(),
        is_certain,
        is_seen,
    })
}

/// What the file system says of a file.
#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&fs::symlink_metadata(path)?))
    }

    /// Whether a change at `now` could leave the same time. The time of modification is not
    /// asked, since anybody can set it; a time in the future counts as recent.
    fn is_recent(&self, now: SystemTime) -> bool {
        is_recent(self.changed, now)
    }

    fn hash_into(&self, hasher: &mut blake3::Hasher) {
        for number in [self.inode, self.size] {
            hasher.update(&number.to_le_bytes());
        }
        for (seconds, nanoseconds) in [self.modified, self.changed] {
            hasher.update(&seconds.to_le_bytes());
            hasher.update(&nanoseconds.to_le_bytes());
        }
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[derive(PartialEq, Eq)]
struct Stamps {
    main: Stamp,
    wal: Option<Stamp>,
}

impl Stamps {
    fn of(path: &Path) -> io::Result<Self> {
        let main = Stamp::of(path)?;
        let wal = match Stamp::of(&sibling(path, "-wal")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            wal => Some(wal?),
        };
        Ok(Self { main, wal })
    }

    fn each(&self) -> impl Iterator<Item = &Stamp> {
        std::iter::once(&self.main).chain(&self.wal)
    }

    fn is_recent(&self, now: SystemTime) -> bool {
        self.each().any(|stamp| stamp.is_recent(now))
    }

    fn hash_into(&self, hasher: &mut blake3::Hasher) {
        self.each().for_each(|stamp| stamp.hash_into(hasher));
    }
}

/// Whether there is a rollback journal with a header: a transaction under way, or a crash.
/// SQLite clears the header of a journal that it keeps for the next time.
fn is_journal_in_use(path: &Path) -> io::Result<bool> {
    match held::open(&sibling(path, "-journal")) {
        Ok(journal) => Ok(first_bytes::<8>(&journal)? != [0; 8]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The header of the WAL of the database at `path`, and that of its last commit; whether readers see just that. The WAL may be
/// closed: it is never locked.
pub(super) fn hash_wal(path: &Path, hasher: &mut blake3::Hasher) -> io::Result<bool> {
    let wal = match held::open(&sibling(path, "-wal")) {
        Ok(wal) => wal,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    let header = first_bytes::<WAL_HEADER_BYTES>(&wal)?;
    hasher.update(&header);
    let last = last_commit(&wal, &header)?;
    if let Some((frame, commit)) = &last {
        hasher.update(&frame.to_le_bytes()).update(commit);
    }
    sees_all(path, &header, last.map(|(frame, _)| frame))
}

type FrameHeader = [u8; FRAME_HEADER_BYTES];

/// The last commit among the frames of the present generation.
///
/// Frames are written from the front, so those with the header's salts come first, and behind
/// them what is left of older generations: the border is found by halving.
fn last_commit(
    wal: &File,
    header: &[u8; WAL_HEADER_BYTES],
) -> io::Result<Option<(u64, FrameHeader)>> {
    let Some(page_size) = wal_page_size(header) else {
        return Ok(None);
    };
    let stride = u64::from(page_size) + 24;
    let read = |frame: u64| -> io::Result<FrameHeader> {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        wal.read_exact_at(&mut bytes, 32 + frame * stride)?;
        Ok(bytes)
    };
    let (mut present, mut end) = (0, wal.metadata()?.len().saturating_sub(32) / stride);
    while present < end {
        let middle = present + (end - present) / 2;
        match read(middle)?[8..16] == header[16..24] {
            true => present = middle + 1,
            false => end = middle,
        }
    }
    for frame in (0..present).rev() {
        let bytes = read(frame)?;
        if number(&bytes, 4) != 0 {
            return Ok(Some((frame, bytes)));
        }
    }
    Ok(None)
}
