//! Capturing one database into the session: its extents as chunks, its facts for the manifest.

use std::path::Path;
use std::sync::atomic::Ordering;

use lifeboat_store::{ChunkId, Session, Store};

use super::relatives::Relatives;
use super::stream::{self, Outlet, Piece};
use crate::content::{Chunks, Content, ContentWriter};
use crate::error::{Result, SnapshotError};
use crate::monitor::Monitor;
use crate::sqlite::{
    self, CaptureOptions, EXTENT_BYTES, ExtentSink, Facts, Fingerprint, SqliteError, Stopped,
};

/// How often a capture that was disturbed is begun again.
const TRIES: usize = 3;

/// Bytes of extents that go through memory together. A dictionary is made of one such batch: one of less is a worse one.
const BATCH: usize = 2 << 20;

/// Chunks are longer on average, their lists included, however a content is cut.
const LEAST_CHUNK: u64 = 16 << 10;

/// A captured database.
pub(crate) struct Captured {
    pub(crate) content: Content,
    pub(crate) facts: Facts,
    /// Bytes of extents that were not in the snapshot before.
    pub(crate) changed_bytes: u64,
    /// Taken before the capture: a commit in between is captured twice and never lost.
    pub(crate) seen: Option<Fingerprint>,
}

/// Captures the database at `path`; `near` is what it was before.
pub(crate) fn store(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    path: &Path,
    options: &CaptureOptions,
    near: Option<&Content>,
) -> Result<Captured> {
    for _ in 1..TRIES {
        match store_once(session, monitor, path, options, near) {
            Err(SnapshotError::Sqlite(error)) if error.is_transient() => {}
            result => return result,
        }
    }
    store_once(session, monitor, path, options, near)
}

fn store_once(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    path: &Path,
    options: &CaptureOptions,
    near: Option<&Content>,
) -> Result<Captured> {
    // No fingerprint only means that the next backup reads the database again.
    let seen = sqlite::fingerprint(path).ok().flatten();
    let seen = seen.map(|seen| seen.with_questions(&options.counts));
    let mut relatives = Relatives::new(session, near);
    let extent = EXTENT_BYTES as u64;
    let mut writer = ContentWriter::with_late_first(session, near, extent);
    let mut first = None;
    let mut changed_bytes = 0;
    let result = stream::store(
        session,
        monitor,
        &options.stop,
        BATCH,
        |outlet| sqlite::capture(path, options, &mut Extents { outlet, monitor }),
        &mut |extents| relatives.of(extents),
        &mut |stored| {
            if stored.near != Some(stored.chunk.id) {
                changed_bytes += stored.chunk.len;
            }
            if stored.position == 0 {
                first = Some(stored.chunk);
                return Ok(());
            }
            writer.push(stored.chunk)
        },
    );
    let facts = result?.map_err(|error| cancelled(monitor, options, error))?;
    let content = match first {
        Some(first) => writer.finish_with_first(first)?,
        // A database without a page has no bytes.
        None => Content::empty(),
    };
    Ok(Captured {
        content,
        facts,
        changed_bytes,
        seen,
    })
}

/// A capture that was stopped because the user asked is a cancelled backup.
fn cancelled(monitor: &dyn Monitor, options: &CaptureOptions, error: SqliteError) -> SnapshotError {
    let asked = monitor.cancelled() || options.stop.load(Ordering::Relaxed);
    match error {
        SqliteError::Stopped if asked => SnapshotError::cancelled(),
        error => error.into(),
    }
}

/// Extents on their way to the other threads.
struct Extents<'a> {
    outlet: &'a mut Outlet,
    monitor: &'a dyn Monitor,
}

impl ExtentSink for Extents<'_> {
    fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
        if self.monitor.cancelled() {
            return Err(Stopped);
        }
        let piece = Piece {
            position: index,
            bytes,
        };
        self.outlet.push(piece).map_err(|_| Stopped)
    }

    fn spare(&mut self) -> Vec<u8> {
        self.outlet.spare()
    }
}

/// Chunks that are looked for at a time.
const AT_ONCE: usize = 16 << 10;

/// Whether every chunk of a content, its lists included, is in a pack that the session may build on (invariant I6). A
/// content of far more chunks than anybody cuts it into is as good as absent: walking it could take for ever.
pub(crate) fn is_stored(session: &Session<'_>, content: &Content) -> bool {
    has_all(session.store(), |id| session.has(id), content)
}

/// The same of whatever `has` tells of single chunks.
pub(super) fn has_all(store: &Store, has: impl Fn(&ChunkId) -> bool, content: &Content) -> bool {
    let most = content.len / LEAST_CHUNK + content.refs.len() as u64 + 16;
    let mut chunks = (0..).zip(Chunks::of_all_depths(store, content));
    let mut ids = Vec::new();
    loop {
        ids.clear();
        for (number, chunk) in chunks.by_ref().take(AT_ONCE) {
            match chunk {
                Ok(id) if number < most => ids.push(id),
                _ => return false,
            }
        }
        if ids.is_empty() {
            return true;
        }
        // In the order of the index: in any other each of them would be looked for in another part of a large one.
        ids.sort_unstable();
        if !ids.iter().all(&has) {
            return false;
        }
    }
}
