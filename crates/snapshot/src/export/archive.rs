//! From a tree to the entries of a zip: small files many at once, large ones alone with their segments in parallel.

use std::io::{Seek, Write};
use std::path::Path;

use super::listing::Listing;
use super::{MANIFEST_NAME, zip_error};
use crate::content::read_all;
use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::monitor::Monitor;
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::{Tree, pieces};
use crate::zip::{
    DEFAULT_LEVEL, EntryHead, SEGMENT_LEN, Segment, Totals, Written, ZipError, ZipWriter, ordered,
};

/// Files up to this many bytes are compressed whole, many at once.
const SMALL: u64 = 1 << 20;

/// Small files that are compressed at once, at most.
const BATCH: usize = 1024;

/// A zip being written.
pub(super) struct Archive<'a, W: Write + Seek> {
    repository: &'a Repository,
    snapshot: &'a Snapshot,
    tree: &'a Tree<'a>,
    monitor: &'a dyn Monitor,
    path: &'a Path,
    writer: ZipWriter<W>,
    listing: Listing,
}

/// A small file, read and compressed.
struct Packed {
    path: TreePath,
    entry: Entry,
    hash: blake3::Hash,
    segments: Vec<Segment>,
}

impl<'a, W: Write + Seek + Send> Archive<'a, W> {
    /// Begins a zip in `out`; `path` is for messages.
    pub(super) fn new(
        repository: &'a Repository,
        snapshot: &'a Snapshot,
        tree: &'a Tree<'a>,
        monitor: &'a dyn Monitor,
        path: &'a Path,
        out: W,
    ) -> Result<Self> {
        Ok(Self {
            repository,
            snapshot,
            tree,
            monitor,
            path,
            writer: ZipWriter::new(out).map_err(|error| zip_error(path, error))?,
            listing: Listing::default(),
        })
    }

    /// Ends the zip and gives it back.
    pub(super) fn finish(self) -> Result<(W, Totals)> {
        let finished = self.writer.finish(b"");
        finished.map_err(|error| zip_error(self.path, error))
    }

    /// Writes every entry, and the description last.
    pub(super) fn run(&mut self) -> Result<()> {
        let mut small = Vec::new();
        for found in self.tree.walk() {
            let (path, entry) = found?;
            if self.monitor.cancelled() {
                return Err(SnapshotError::cancelled());
            }
            match entry.node.content() {
                Some(content) if content.len <= SMALL => small.push((path, entry)),
                Some(_) => {
                    self.small(std::mem::take(&mut small))?;
                    self.large(&path, &entry)?;
                }
                None => {
                    self.small(std::mem::take(&mut small))?;
                    self.without_bytes(&path, &entry)?;
                }
            }
            if small.len() >= BATCH {
                self.small(std::mem::take(&mut small))?;
            }
        }
        self.small(small)?;
        let manifest = self.listing.to_json(self.snapshot, self.tree);
        let head = EntryHead::new(MANIFEST_NAME, 0o644, self.snapshot.time_ms.div_euclid(1000));
        let segments = deflate(&manifest);
        self.writer
            .whole(&head, &segments)
            .map_err(|error| zip_error(self.path, error))?;
        Ok(())
    }

    fn small(&mut self, files: Vec<(TreePath, Entry)>) -> Result<()> {
        let (store, monitor) = (self.repository.store(), self.monitor);
        ordered(
            files.into_iter().map(Ok),
            |(_, entry)| {
                entry
                    .node
                    .content()
                    .map_or(0, |content| content.len as usize)
            },
            |(path, entry)| {
                let mut plain = Vec::new();
                if let Some(content) = entry.node.content() {
                    plain = read_all(store, content)?;
                }
                monitor.advance(plain.len() as u64);
                Ok(Packed {
                    path,
                    entry,
                    hash: blake3::hash(&plain),
                    segments: deflate(&plain),
                })
            },
            |packed: Result<Packed>| {
                let packed = packed?;
                let head = self.head(&packed.path, &packed.entry);
                let written = self.writer.whole(&head, &packed.segments);
                let written = written.map_err(|error| zip_error(self.path, error))?;
                self.list(&packed.path, &packed.entry, packed.hash, &written);
                Ok(())
            },
        )
    }

    fn large(&mut self, path: &TreePath, entry: &Entry) -> Result<()> {
        let Some(content) = entry.node.content() else {
            return Ok(());
        };
        self.monitor.item(&path.below(Path::new("")));
        let mut head = self.head(path, entry);
        head.at_most = Some(content.len);
        let mut hasher = blake3::Hasher::new();
        let monitor = self.monitor;
        let plain = pieces(self.repository.store(), content)
            .map(|piece| {
                if monitor.cancelled() {
                    return Err(SnapshotError::cancelled());
                }
                piece.inspect(|piece| {
                    hasher.update(piece);
                    monitor.advance(piece.len() as u64);
                })
            })
            .flat_map(|piece| match piece {
                Ok(piece) => piece
                    .chunks(SEGMENT_LEN)
                    .map(|part| Ok(part.to_vec()))
                    .collect(),
                Err(error) => vec![Err(Failure::Snapshot(error))],
            });
        let written = write_pieces(&mut self.writer, &head, plain);
        let written = written.map_err(|failure| match failure {
            Failure::Snapshot(error) => error,
            Failure::Zip(error) => zip_error(self.path, error),
        })?;
        self.list(path, entry, hasher.finalize(), &written);
        Ok(())
    }

    fn without_bytes(&mut self, path: &TreePath, entry: &Entry) -> Result<()> {
        let head = self.head(path, entry);
        let written = match &entry.node {
            Node::Folder { .. } => self.writer.directory(&head),
            Node::Symlink { target } => self.writer.symlink(&head, target),
            // A zip has no pipes, sockets or devices.
            _ => return Ok(()),
        };
        let written = written.map_err(|error| zip_error(self.path, error))?;
        if written.escaped {
            self.listing.renamed(path, &written.name);
        }
        Ok(())
    }

    fn head(&self, path: &TreePath, entry: &Entry) -> EntryHead {
        let mut bytes = path.to_bytes();
        if bytes == MANIFEST_NAME.as_bytes() {
            bytes.extend_from_slice(b".source");
        }
        let mut head = EntryHead::new(bytes, entry.meta.mode, entry.meta.mtime.secs);
        head.utc_offset = self.snapshot.offset_minutes.saturating_mul(60);
        head
    }

    fn list(&mut self, path: &TreePath, entry: &Entry, hash: blake3::Hash, written: &Written) {
        let len = entry.node.content().map_or(0, |content| content.len);
        self.listing.add(&written.name, len, hash);
        if written.name.as_bytes() != path.to_bytes() {
            self.listing.renamed(path, &written.name);
        }
    }
}

/// Reading the snapshot failed, or writing the zip.
enum Failure {
    Snapshot(SnapshotError),
    Zip(ZipError),
}

impl From<ZipError> for Failure {
    fn from(error: ZipError) -> Self {
        Self::Zip(error)
    }
}

fn write_pieces<W: Write + Seek + Send>(
    writer: &mut ZipWriter<W>,
    head: &EntryHead,
    plain: impl Iterator<Item = Result<Vec<u8>, Failure>> + Send,
) -> Result<Written, Failure> {
    let mut file = writer.file(head)?;
    file.pieces(plain, DEFAULT_LEVEL, |_| {})?;
    Ok(file.finish()?)
}

fn deflate(plain: &[u8]) -> Vec<Segment> {
    plain
        .chunks(SEGMENT_LEN)
        .map(|part| Segment::deflate(part, DEFAULT_LEVEL))
        .collect()
}
