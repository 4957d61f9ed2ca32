//! The entries of a zip as they are written, and what is noted of each: for the description inside, and for the next zip.

use std::io::{Seek, Write};
use std::path::Path;

use super::listing::Listing;
use super::mark::Mark;
use super::pack::Packed;
use super::table::Row;
use super::{MANIFEST_NAME, zip_error};
use crate::entry::{Entry, Node};
use crate::error::Result;
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::tree::Tree;
use crate::zip::{EntryHead, EntryWriter, Totals, Written, ZipError, ZipWriter};

/// A zip being written, with what is known of it.
pub(super) struct Output<'a, W> {
    snapshot: &'a Snapshot,
    path: &'a Path,
    writer: ZipWriter<W>,
    notes: Notes,
}

/// A zip that is written, but for making it durable.
pub(super) struct Done<W> {
    pub(super) out: W,
    pub(super) totals: Totals,
    pub(super) rows: Vec<Row>,
    pub(super) copied: u64,
    pub(super) compressed: u64,
}

/// What was written.
#[derive(Default)]
struct Notes {
    listing: Listing,
    rows: Vec<Row>,
    copied: u64,
    compressed: u64,
}

impl Notes {
    /// Compressed bytes that came to lie at `offset`.
    fn packed(&mut self, packed: &Packed, offset: u64) {
        self.copied += packed.copied;
        self.compressed += packed.compressed;
        self.rows.extend(packed.rows.iter().map(|row| Row {
            offset: offset + row.offset,
            ..*row
        }));
    }

    /// A file that is complete.
    fn file(&mut self, path: &TreePath, written: &Written, hash: blake3::Hash) {
        self.listing.add(&written.name, written.run.plain_len, hash);
        self.name(path, written.name.trim_end_matches('/'));
    }

    /// An entry that is called otherwise in the zip.
    fn name(&mut self, path: &TreePath, name: &str) {
        if name.as_bytes() != path.to_bytes() {
            self.listing.renamed(path, name);
        }
    }
}

impl<'a, W: Write + Seek + Send> Output<'a, W> {
    /// Writes by `writer`; `path` is for messages.
    pub(super) fn new(snapshot: &'a Snapshot, path: &'a Path, writer: ZipWriter<W>) -> Self {
        Self {
            snapshot,
            path,
            writer,
            notes: Notes::default(),
        }
    }

    /// A file whose compressed bytes are all there.
    pub(super) fn whole(
        &mut self,
        path: &TreePath,
        entry: &Entry,
        packed: &Packed,
        hash: blake3::Hash,
    ) -> Result<()> {
        let head = head(self.snapshot, path, entry);
        let written = self
            .writer
            .whole(&head, std::slice::from_ref(&packed.segment));
        let written = written.map_err(|error| zip_error(self.path, error))?;
        self.notes.packed(packed, written.data_offset);
        self.notes.file(path, &written, hash);
        Ok(())
    }

    /// A file of `len` bytes whose compressed bytes follow.
    pub(super) fn begin<'o>(
        &'o mut self,
        path: &'o TreePath,
        entry: &Entry,
        len: u64,
    ) -> Result<File<'o, W>> {
        let mut head = head(self.snapshot, path, entry);
        head.at_most = Some(len);
        let zip = self.path;
        let writer = self.writer.file(&head);
        Ok(File {
            path,
            zip,
            writer: writer.map_err(|error| zip_error(zip, error))?,
            notes: &mut self.notes,
        })
    }

    /// A folder or a link; a zip has no pipes, sockets or devices.
    pub(super) fn without_bytes(&mut self, path: &TreePath, entry: &Entry) -> Result<()> {
        let head = head(self.snapshot, path, entry);
        let written = match &entry.node {
            Node::Folder { .. } => self.writer.directory(&head),
            Node::Symlink { target } => self.writer.symlink(&head, target),
            _ => return Ok(()),
        };
        let written = written.map_err(|error| zip_error(self.path, error))?;
        self.notes.name(path, written.name.trim_end_matches('/'));
        Ok(())
    }

    /// The description, which is the last entry.
    pub(super) fn description(&mut self, tree: &Tree<'_>) -> Result<()> {
        let listing = std::mem::take(&mut self.notes.listing);
        let segments = listing.to_segments(self.snapshot, tree);
        drop(listing);
        let mtime = self.snapshot.time_ms.div_euclid(1000);
        let head = EntryHead::new(MANIFEST_NAME, 0o644, mtime);
        let written = segments.map_err(ZipError::Write);
        let written = written.and_then(|segments| self.writer.whole(&head, &segments));
        written
            .map(drop)
            .map_err(|error| zip_error(self.path, error))
    }

    /// Ends the zip and gives it back.
    pub(super) fn finish(self) -> Result<Done<W>> {
        let comment = Mark::of(self.snapshot).to_comment();
        let finished = self.writer.finish(&comment);
        let (out, totals) = finished.map_err(|error| zip_error(self.path, error))?;
        Ok(Done {
            out,
            totals,
            rows: self.notes.rows,
            copied: self.notes.copied,
            compressed: self.notes.compressed,
        })
    }
}

/// A long file being written.
pub(super) struct File<'o, W> {
    path: &'o TreePath,
    zip: &'o Path,
    writer: EntryWriter<'o, W>,
    notes: &'o mut Notes,
}

impl<W: Write + Seek + Send> File<'_, W> {
    /// What comes next.
    pub(super) fn add(&mut self, packed: &Packed) -> Result<()> {
        let placed = self.writer.segment(&packed.segment);
        let placed = placed.map_err(|error| zip_error(self.zip, error))?;
        self.notes.packed(packed, placed.offset);
        Ok(())
    }

    /// Ends it; `row` is noted for the next zip.
    pub(super) fn finish(self, hash: blake3::Hash, row: Option<Row>) -> Result<()> {
        let written = self.writer.finish();
        let written = written.map_err(|error| zip_error(self.zip, error))?;
        self.notes.file(self.path, &written, hash);
        self.notes.rows.extend(row);
        Ok(())
    }
}

fn head(snapshot: &Snapshot, path: &TreePath, entry: &Entry) -> EntryHead {
    let mut bytes = path.to_bytes();
    if bytes == MANIFEST_NAME.as_bytes() {
        bytes.extend_from_slice(b".source");
    }
    let mut head = EntryHead::new(bytes, entry.meta.mode, entry.meta.mtime.secs);
    head.utc_offset = snapshot.offset_minutes.saturating_mul(60);
    head
}
