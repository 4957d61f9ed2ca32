//! Live bytes compared with stored ones, without storing anything.
//!
//! A stored file tells where its chunks end and what each is called, so the live file is cut at the same places and its
//! pieces are named: the first piece of another name is the answer. A database is read as a backup reads it, in one
//! transaction and by the layer that never writes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use lifeboat_store::{ChunkId, Kind, Store};

use super::{DatabaseChange, Live};
use crate::capture::walk::Found;
use crate::capture::{CountQuery, file};
use crate::content::{Chunks, Content, Near, Ref};
use crate::entry::Node;
use crate::error::SnapshotError;
use crate::monitor::{Monitor, Warning, WarningKind};
use crate::path::TreePath;
use crate::sqlite::{
    self, CaptureOptions, EXTENT_BYTES, ExtentSink, Facts, Fingerprint, Sniffed, SqliteError,
    Stopped,
};
use lifeboat_store::words::system_words;

/// Why two states could not be compared.
pub(super) enum Failed {
    /// The live file could not be read.
    Live(Warning),
    /// The stored one could not.
    Stored(SnapshotError),
}

/// What a live file is, and whether its bytes differ from the stored ones.
pub(super) struct Compared {
    pub(super) node: Node,
    pub(super) differs: bool,
    pub(super) database: Option<DatabaseChange>,
}

impl Compared {
    /// A file with the bytes that are stored.
    pub(super) fn same_file(content: &Content) -> Self {
        Self::file(content.len, false)
    }

    /// A file or database with nothing to compare it with.
    pub(super) fn unknown(found: &Found, is_database: bool) -> Self {
        match is_database {
            true => Self::database(found.stat.len(), true, None),
            false => Self::file(found.stat.len(), true),
        }
    }

    fn file(len: u64, differs: bool) -> Self {
        Self {
            node: Node::File {
                content: only_len(len),
                seen: None,
                links: None,
            },
            differs,
            database: None,
        }
    }

    fn database(len: u64, differs: bool, database: Option<DatabaseChange>) -> Self {
        Self {
            node: Node::Database {
                content: only_len(len),
                seen: None,
            },
            differs,
            database,
        }
    }
}

/// A content of which nothing but the length is known; it is told, and never read.
fn only_len(len: u64) -> Content {
    Content {
        len,
        ..Content::empty()
    }
}

/// One live file to be read.
pub(super) struct Reading<'r> {
    pub(super) store: &'r Store,
    pub(super) monitor: &'r dyn Monitor,
    pub(super) live: &'r Live,
    pub(super) found: &'r Found,
}

impl Reading<'_> {
    /// Compares a file that was stored as one.
    pub(super) fn file(&self, content: &Content) -> Result<Compared, Failed> {
        let stat = &self.found.stat;
        // Files of some file systems have bytes and say that they have none.
        if stat.len() != content.len && stat.len() > 0 {
            return Ok(Compared::file(stat.len(), true));
        }
        if stat.len() == 0 && content.len == 0 {
            return Ok(Compared::file(0, false));
        }
        let file = file::open(&self.found.path, stat)
            .map_err(|error| self.unreadable(&system_words(&error)))?;
        let sniffed = sqlite::sniff(&file, &self.found.path);
        let same = self.same_bytes(&file, content);
        if !matches!(sniffed, Ok(Sniffed::NotDatabase)) {
            // A database that was stored as a file, or what may be one: closing it would drop locks (F-34).
            sqlite::keep_open(file);
        }
        Ok(Compared::file(content.len, !same?))
    }

    fn same_bytes(&self, file: &File, content: &Content) -> Result<bool, Failed> {
        let mut bytes = Vec::new();
        for chunk in Chunks::of(self.store, content) {
            let (offset, chunk) = chunk.map_err(Failed::Stored)?;
            if self.monitor.cancelled() {
                return Err(Failed::Stored(SnapshotError::cancelled()));
            }
            if !self.is_here(file, offset, &chunk, &mut bytes)? {
                return Ok(false);
            }
            self.monitor.advance(chunk.len);
        }
        let mut more = [0];
        let read = file.read_at(&mut more, content.len);
        Ok(read.map_err(|error| self.unreadable(&system_words(&error)))? == 0)
    }

    /// Whether the file has the chunk's bytes at this place.
    fn is_here(
        &self,
        file: &File,
        offset: u64,
        chunk: &Ref,
        bytes: &mut Vec<u8>,
    ) -> Result<bool, Failed> {
        // No chunk is longer; a list that says so is not what was stored.
        let Some(len) = usize::try_from(chunk.len)
            .ok()
            .filter(|len| *len <= lifeboat_store::MAX_PLAIN)
        else {
            return Ok(false);
        };
        bytes.resize(len, 0);
        match file.read_exact_at(bytes, offset) {
            Ok(()) => Ok(ChunkId::of(Kind::Data, bytes) == chunk.id),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(self.unreadable(&system_words(&error))),
        }
    }

    /// Compares a database: by its fingerprint, else by its extents.
    pub(super) fn database(
        &self,
        tree: &TreePath,
        content: &Content,
        seen: Option<&Fingerprint>,
        facts: Option<&Facts>,
    ) -> Result<Compared, Failed> {
        let path = &self.found.path;
        let counts = CountQuery::of(&self.live.counts, tree);
        let is = sqlite::fingerprint(path).ok().flatten();
        let is = is.map(|is| is.with_questions(&counts));
        if seen.is_some() && is.as_ref() == seen {
            return Ok(Compared::database(content.len, false, None));
        }
        let mut before = Near::chunks(self.store, Some(content));
        let mut sink = Extents {
            monitor: self.monitor,
            first: before.at(0),
            before,
            changed_bytes: 0,
            len: 0,
        };
        let now = sqlite::capture(path, &self.options(counts), &mut sink)
            .map_err(|error| self.uncapturable(error))?;
        let differs = sink.changed_bytes > 0 || sink.len != content.len;
        let change = DatabaseChange {
            changed_bytes: Some(sink.changed_bytes),
            ..DatabaseChange::between(facts, Some(&now))
        };
        Ok(Compared::database(sink.len, differs, Some(change)))
    }

    fn options(&self, counts: Vec<(String, String)>) -> CaptureOptions {
        CaptureOptions {
            counts,
            busy_timeout: self.live.busy_timeout,
            scratch: self.live.scratch.clone(),
            ..CaptureOptions::default()
        }
    }

    fn uncapturable(&self, error: SqliteError) -> Failed {
        if self.monitor.cancelled() {
            return Failed::Stored(SnapshotError::cancelled());
        }
        let kind = match &error {
            SqliteError::Busy { .. } => WarningKind::Busy,
            SqliteError::Damaged { .. } => WarningKind::DatabaseDamaged,
            _ => WarningKind::Unreadable,
        };
        self.warning(kind, lifeboat_store::words::in_one_line(&error))
    }

    fn unreadable(&self, message: &str) -> Failed {
        self.warning(WarningKind::Unreadable, message.to_owned())
    }

    fn warning(&self, kind: WarningKind, message: String) -> Failed {
        let path: &Path = &self.found.path;
        Failed::Live(Warning {
            path: path.to_owned(),
            kind,
            message,
        })
    }
}

/// Compares the extents of a capture with the stored ones, and keeps none.
struct Extents<'a> {
    monitor: &'a dyn Monitor,
    first: Option<ChunkId>,
    before: Near<'a>,
    changed_bytes: u64,
    len: u64,
}

impl ExtentSink for Extents<'_> {
    fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
        if self.monitor.cancelled() {
            return Err(Stopped);
        }
        let was = match index {
            0 => self.first,
            _ => self.before.at(index * EXTENT_BYTES as u64),
        };
        let len = bytes.len() as u64;
        if was != Some(ChunkId::of(Kind::Data, &bytes)) {
            self.changed_bytes += len;
        }
        self.len += len;
        self.monitor.advance(len);
        Ok(())
    }
}
