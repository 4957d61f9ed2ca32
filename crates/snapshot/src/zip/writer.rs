//! The archive being written: entries one after the other, the directory at the end.
//!
//! An entry whose length is not known beforehand gets its header twice: blank before the data, filled in afterwards by
//! seeking back. The hazard is an entry left half-way, by an error or a dropped [`EntryWriter`]: what follows would be
//! a valid-looking archive with a hole. So the writer is `Ready` only between whole entries, and every step that does not
//! come to its end leaves it `Broken` for good.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Seek, SeekFrom, Write};

use super::ZipError;
use super::entries::Entries;
use super::entry::EntryWriter;
use super::head::{EntryHead, Totals, Written};
use super::name::{is_escaped, zip_name};
use super::record::{Directory, Kind, Method, Record};
use super::segment::{Run, STREAM_END, Segment};
use super::time::Modified;

/// From this announced length on, room for 64-bit sizes is reserved: 4 GiB less what deflate may add to it.
const LARGE: u64 = 0xf000_0000;

/// Whether the next entry may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    InEntry,
    Broken,
}

/// Writes one archive to `W`, which needs no buffer of its own for segments.
#[derive(Debug)]
pub struct ZipWriter<W> {
    out: W,
    position: u64,
    state: State,
    /// What was written, as the directory tells it: of very many entries anything else would take far more memory.
    entries: Entries,
    /// Hashes of the names so far, keyed anew in each run so that nobody can choose names that collide.
    names: HashSet<u64>,
    hasher: RandomState,
    /// Nothing that is written can be gone back to.
    streams: bool,
}

impl<W: Write + Seek> ZipWriter<W> {
    /// Begins an archive at the start of `out`, which is empty: what an old file has beyond the new end would stay there.
    ///
    /// # Errors
    /// [`ZipError::NotAtStart`] if `out` is elsewhere.
    pub fn new(mut out: W) -> Result<Self, ZipError> {
        let position = out.stream_position().map_err(ZipError::Write)?;
        if position != 0 {
            return Err(ZipError::NotAtStart { position });
        }
        Ok(Self {
            out,
            position,
            state: State::Ready,
            entries: Entries::default(),
            names: HashSet::new(),
            hasher: RandomState::new(),
            streams: false,
        })
    }

    /// Begins an archive in an `out` that cannot seek: where lengths are not known beforehand, they follow the bytes.
    pub fn streaming(out: W) -> Self {
        Self {
            out,
            position: 0,
            state: State::Ready,
            entries: Entries::default(),
            names: HashSet::new(),
            hasher: RandomState::new(),
            streams: true,
        }
    }

    /// Length of the archive so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// A name that cannot be taken, or a failed write.
    pub fn directory(&mut self, head: &EntryHead) -> Result<Written, ZipError> {
        let record = self.record(head, Kind::Directory)?;
        self.add(record, &[])
    }

    /// Adds a symlink to `target`, whose bytes are taken as they are.
    ///
    /// # Errors
    /// A name that cannot be taken, or a failed write.
    pub fn symlink(&mut self, head: &EntryHead, target: &[u8]) -> Result<Written, ZipError> {
        let mut record = self.record(head, Kind::Symlink)?;
        let len = target.len() as u64;
        record.run = Run {
            deflated_len: len,
            plain_len: len,
            crc: crc32fast::hash(target),
        };
        self.add(record, &[target])
    }

    /// Adds a file whose segments are all there, without seeking.
    ///
    /// # Errors
    /// A name that cannot be taken, or a failed write.
    pub fn whole(&mut self, head: &EntryHead, segments: &[Segment]) -> Result<Written, ZipError> {
        let mut record = self.record(head, Kind::File)?;
        let mut parts: Vec<&[u8]> = segments.iter().map(Segment::deflated).collect();
        record.run = segments
            .iter()
            .fold(Run::EMPTY, |sum, segment| sum.then(segment.run()));
        if close_stream(&mut record) {
            parts.push(&STREAM_END);
        }
        self.add(record, &parts)
    }

    /// Begins a file; its segments follow, then [`EntryWriter::finish`].
    ///
    /// # Errors
    /// A name that cannot be taken, or a failed write.
    pub fn file(&mut self, head: &EntryHead) -> Result<EntryWriter<'_, W>, ZipError> {
        let mut record = self.record(head, Kind::File)?;
        record.reserved = head.at_most.is_none_or(|len| len >= LARGE);
        record.streamed = self.streams;
        // A stream that ends is all that tells a reader where the bytes end.
        if self.streams {
            record.method = Method::Deflated;
        }
        self.step(State::Ready, State::InEntry, |zip| {
            zip.put(&record.local_header())
        })?;
        Ok(EntryWriter::new(self, record, head.at_most))
    }

    /// Writes the directory and gives the file back, flushed; making it durable is the caller's.
    ///
    /// # Errors
    /// [`ZipError::CommentTooLong`], or a failed write.
    pub fn finish(mut self, comment: &[u8]) -> Result<(W, Totals), ZipError> {
        if u16::try_from(comment.len()).is_err() {
            return Err(ZipError::CommentTooLong { len: comment.len() });
        }
        let (entries, plain_len) = (self.entries.count(), self.entries.plain_len());
        self.step(State::Ready, State::Broken, |zip| {
            zip.put_directory(comment)
        })?;
        self.out.flush().map_err(ZipError::Write)?;
        let totals = Totals {
            entries,
            len: self.position,
            plain_len,
        };
        Ok((self.out, totals))
    }

    fn put_directory(&mut self, comment: &[u8]) -> Result<(), ZipError> {
        let offset = self.position;
        let entries = std::mem::take(&mut self.entries);
        self.put(entries.bytes())?;
        let directory = Directory {
            entries: entries.count(),
            offset,
            len: self.position - offset,
        };
        self.put(&directory.end(comment))
    }

    /// The record of an entry without bytes, once its name is known to be good.
    fn record(&self, head: &EntryHead, kind: Kind) -> Result<Record, ZipError> {
        let name = zip_name(&head.path, kind == Kind::Directory);
        if head.path.is_empty() {
            return Err(ZipError::EmptyName);
        }
        if u16::try_from(name.len()).is_err() {
            return Err(ZipError::NameTooLong {
                len: name.len(),
                name,
            });
        }
        let known = self.names.contains(&self.hasher.hash_one(&name));
        if known && self.entries.has(&name) {
            return Err(ZipError::DuplicateName { name });
        }
        Ok(Record {
            name,
            kind,
            mode: head.mode,
            modified: Modified::new(head.mtime, head.utc_offset),
            method: Method::Stored,
            run: Run::EMPTY,
            offset: self.position,
            reserved: false,
            streamed: false,
        })
    }

    /// Writes an entry that is known in full.
    fn add(&mut self, record: Record, parts: &[&[u8]]) -> Result<Written, ZipError> {
        let header = record.local_header();
        self.step(State::Ready, State::Ready, |zip| {
            zip.put(&header)?;
            parts.iter().try_for_each(|part| zip.put(part))
        })?;
        let data_offset = record.offset + header.len() as u64;
        Ok(self.keep(record, data_offset))
    }

    /// Notes an entry, all of which is written, for the directory.
    pub(super) fn keep(&mut self, record: Record, data_offset: u64) -> Written {
        let written = Written {
            name: record.name.clone(),
            escaped: is_escaped(&record.name),
            data_offset,
            run: record.run,
        };
        self.names.insert(self.hasher.hash_one(&record.name));
        self.entries.push(&record);
        written
    }

    /// Does `work` if the writer is in state `from`; it is in state `to` only if all of it was done.
    pub(super) fn step<T>(
        &mut self,
        from: State,
        to: State,
        work: impl FnOnce(&mut Self) -> Result<T, ZipError>,
    ) -> Result<T, ZipError> {
        if std::mem::replace(&mut self.state, State::Broken) != from {
            return Err(ZipError::Unusable);
        }
        let done = work(self)?;
        self.state = to;
        Ok(done)
    }

    /// Writes `bytes` at the end.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), ZipError> {
        self.out.write_all(bytes).map_err(ZipError::Write)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Fills in a header that was written blank, which was as long.
    pub(super) fn put_again(&mut self, record: &Record) -> Result<(), ZipError> {
        if record.streamed {
            return self.put(&record.numbers());
        }
        let header = record.local_header();
        let rewrite = |out: &mut W| {
            out.seek(SeekFrom::Start(record.offset))?;
            out.write_all(&header)?;
            out.seek(SeekFrom::Start(self.position))
        };
        rewrite(&mut self.out).map_err(ZipError::Write)?;
        Ok(())
    }
}

/// Ends the deflate stream of `record`; a file without bytes has none and is stored. Says whether [`STREAM_END`] follows.
pub(super) fn close_stream(record: &mut Record) -> bool {
    let has_bytes = record.run.deflated_len > 0 || record.streamed;
    if has_bytes {
        record.method = Method::Deflated;
        record.run.deflated_len += STREAM_END.len() as u64;
    }
    has_bytes
}
