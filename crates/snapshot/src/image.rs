//! A database inside a snapshot as SQLite reads it: pages out of stored chunks, as they are asked for.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lifeboat_store::Store;

use crate::content::{Content, ContentReader};
use crate::error::{Result, SnapshotError};
use crate::repository::Repository;
use crate::sqlite::{EXTENT_BYTES, Image, open_image};
use lifeboat_store::words::in_one_line;

/// Extents that are kept in memory, at 64 KiB each: a walk through a tree of pages comes back to the upper ones.
const KEPT: usize = 256;

/// An extent that was read, with its number.
type Extent = (u64, Arc<Vec<u8>>);

/// The bytes of a stored database.
pub(crate) struct StoredDatabase {
    /// Shared: connections outlive the borrow of a repository.
    store: Arc<Store>,
    content: Content,
    /// The one used last stands last.
    kept: Mutex<VecDeque<Extent>>,
    read: AtomicU64,
    stopped: Arc<AtomicBool>,
    failure: OnceLock<String>,
}

impl StoredDatabase {
    /// The database with this content.
    pub(crate) fn new(store: Arc<Store>, content: Content) -> Self {
        Self {
            store,
            content,
            kept: Mutex::default(),
            read: AtomicU64::new(0),
            stopped: Arc::default(),
            failure: OnceLock::new(),
        }
    }

    /// Bytes that were read out of chunks so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Set by anybody to make every further read fail.
    pub(crate) fn stop(&self) -> &Arc<AtomicBool> {
        &self.stopped
    }

    /// Why some bytes could not be read, where some could not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.get().cloned()
    }

    fn extent(&self, number: u64) -> io::Result<Arc<Vec<u8>>> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped on request"));
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(known, _)| *known == number)
            && let Some(found) = kept.remove(at)
        {
            let bytes = found.1.clone();
            kept.push_back(found);
            return Ok(bytes);
        }
        drop(kept);
        let bytes = self.read_extent(number).map_err(|error| {
            let words = in_one_line(&error);
            let _ = self.failure.set(words.clone());
            io::Error::other(words)
        })?;
        let bytes = Arc::new(bytes);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((number, bytes.clone()));
        Ok(bytes)
    }

    fn read_extent(&self, number: u64) -> Result<Vec<u8>> {
        let size = EXTENT_BYTES as u64;
        let begin = number.saturating_mul(size);
        let len = size.min(self.content.len.saturating_sub(begin));
        let reader = ContentReader::new(&self.store, self.content.clone());
        let mut bytes = vec![0; len as usize];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match reader.read_at(rest, begin + filled as u64)? {
                0 => break,
                more => filled += more,
            }
        }
        bytes.truncate(filled);
        self.read.fetch_add(filled as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

impl Image for StoredDatabase {
    fn len(&self) -> u64 {
        self.content.len
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let size = EXTENT_BYTES as u64;
        let mut at = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let extent = self.extent(at / size)?;
            let part = extent.get((at % size) as usize..).unwrap_or_default();
            let len = part.len().min(rest.len());
            let (now, later) = rest.split_at_mut(len);
            match part.get(..len) {
                Some(part) if len > 0 => now.copy_from_slice(part),
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            (rest, at) = (later, at + len as u64);
        }
        Ok(())
    }
}

impl Repository {
    /// A read-only connection to a stored database: the content of an entry that is one. Its pages are read, and checked
    /// against their hashes, when they are asked for.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open_database(&self, content: &Content) -> Result<rusqlite::Connection> {
        let image = StoredDatabase::new(self.shared_store(), content.clone());
        open_image(Arc::new(image)).map_err(SnapshotError::from)
    }
}
