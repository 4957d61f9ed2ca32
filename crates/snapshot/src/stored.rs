//! A database inside a snapshot as an image that SQLite reads page by page: nothing is written anywhere.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use lifeboat_store::Store;

use crate::content::{Content, ContentReader};
use crate::sqlite::Image;

/// Runs of bytes that are kept: SQLite comes back to the upper pages of a tree with every row.
const KEPT: usize = 64;

/// Bytes of such a run: those of an extent.
const RUN: u64 = crate::sqlite::EXTENT_BYTES as u64;

/// The bytes of a stored database.
pub(crate) struct StoredImage {
    store: Arc<Store>,
    content: Content,
    /// Runs by number, the one used last in front.
    kept: Mutex<VecDeque<(u64, Arc<Vec<u8>>)>>,
}

impl StoredImage {
    pub(crate) fn new(store: Arc<Store>, content: Content) -> Arc<Self> {
        let kept = Mutex::default();
        Arc::new(Self {
            store,
            content,
            kept,
        })
    }

    fn run(&self, number: u64) -> io::Result<Arc<Vec<u8>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(kept, _)| *kept == number);
        if let Some(entry) = found.and_then(|at| kept.remove(at)) {
            let run = Arc::clone(&entry.1);
            kept.push_front(entry);
            return Ok(run);
        }
        let run = Arc::new(self.read_run(number)?);
        kept.truncate(KEPT - 1);
        kept.push_front((number, Arc::clone(&run)));
        Ok(run)
    }

    fn read_run(&self, number: u64) -> io::Result<Vec<u8>> {
        let begin = number.saturating_mul(RUN);
        let len = self.content.len.saturating_sub(begin).min(RUN);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
        let reader = ContentReader::new(&self.store, self.content.clone());
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let read = reader.read_at(rest, begin + filled as u64);
            match read.map_err(io::Error::other)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
        }
        Ok(bytes)
    }
}

impl Image for StoredImage {
    fn len(&self) -> u64 {
        self.content.len
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut at = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let run = self.run(at / RUN)?;
            let from = usize::try_from(at % RUN).unwrap_or(usize::MAX);
            let part = run.get(from..).filter(|part| !part.is_empty());
            let part = part.ok_or(io::ErrorKind::UnexpectedEof)?;
            let len = part.len().min(rest.len());
            let (now, later) = rest.split_at_mut(len);
            for (to, byte) in now.iter_mut().zip(part) {
                *to = *byte;
            }
            at += len as u64;
            rest = later;
        }
        Ok(())
    }
}
