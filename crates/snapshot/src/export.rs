//! The portable zip of a snapshot: the archive that needs no lifeboat to be opened.
//!
//! It appears under its name only when it is whole and durable. Layout: the snapshot's tree, and `backup_manifest.json` as
//! the last entry.

use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use lifeboat_store::layout::EXPORTS;
use lifeboat_store::{Disk, DurableFile, RealDisk, StoreError};

use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Task};
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::{Tree, pieces};
use crate::zip::{
    DEFAULT_LEVEL, EntryHead, SEGMENT_LEN, Segment, Written, ZipError, ZipWriter, ordered,
};

use listing::Listing;

mod listing;

/// Name of the description in the zip.
pub const MANIFEST_NAME: &str = "backup_manifest.json";

/// Files up to this many bytes are compressed whole, many at once.
const SMALL: u64 = 1 << 20;

/// Small files that are compressed at once, at most.
const BATCH: usize = 1024;

/// Names that are tried for one second's zips.
const MAX_SUFFIX: u32 = 10_000;

/// Where a zip goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZipTarget {
    /// Into the repository, named after the snapshot's time.
    Repository,
    /// Into this folder, named after the snapshot's time.
    Folder(PathBuf),
    /// To this very file, which must not exist.
    File(PathBuf),
}

impl ZipTarget {
    /// The folder or file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Repository => Path::new(EXPORTS),
            Self::Folder(path) | Self::File(path) => path,
        }
    }
}

/// A zip that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipReport {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Bytes that came compressed from an earlier zip.
    pub copied_bytes: u64,
    /// Plain bytes that were compressed for it.
    pub compressed_bytes: u64,
}

impl Repository {
    /// Writes a snapshot as a zip that any unzip opens.
    ///
    /// # Errors
    /// Where the zip cannot be written or the snapshot cannot be read; nothing is left then.
    pub fn export_zip(
        &self,
        snapshot: &Snapshot,
        target: &ZipTarget,
        monitor: &dyn Monitor,
    ) -> Result<ZipReport> {
        let (folder, name) = self.zip_place(snapshot, target)?;
        let disk = RealDisk::new(&folder);
        let path = folder.join(&name);
        if path.symlink_metadata().is_ok() {
            return Err(unusable(&path, "it exists already"));
        }
        monitor.begin(Task::Export, Some(snapshot.bytes));
        let tree = self.tree(snapshot)?;
        let file = DurableFile::create(&disk, "", name)?;
        let mut export = Export {
            repository: self,
            snapshot,
            tree: &tree,
            monitor,
            path: &path,
            writer: ZipWriter::new(BufWriter::with_capacity(
                1 << 18,
                Positioned { file, at: 0 },
            ))
            .map_err(|error| zip_error(&path, error))?,
            listing: Listing::default(),
        };
        self.in_pool(None, || export.run())?;
        let (out, totals) = export
            .writer
            .finish(b"")
            .map_err(|error| zip_error(&path, error))?;
        let out = out.into_inner();
        let out = out.map_err(|error| zip_error(&path, ZipError::Write(error.into_error())))?;
        if !out.file.publish()? {
            return Err(unusable(&path, "another process wrote it meanwhile"));
        }
        Ok(ZipReport {
            path,
            bytes: totals.len,
            copied_bytes: 0,
            compressed_bytes: totals.plain_len,
        })
    }

    /// The folder, made where that is ours to do, and a file name that is free.
    fn zip_place(&self, snapshot: &Snapshot, target: &ZipTarget) -> Result<(PathBuf, String)> {
        let folder = match target {
            ZipTarget::File(path) => return split(path),
            ZipTarget::Folder(path) => path.clone(),
            ZipTarget::Repository => {
                let folder = self.place().join(EXPORTS);
                match RealDisk::new(&folder).create_dir("") {
                    Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                        let action = "create";
                        let path = folder;
                        return Err(SnapshotError::Io {
                            action,
                            path,
                            source,
                        });
                    }
                    _ => folder,
                }
            }
        };
        if !folder.is_dir() {
            return Err(unusable(&folder, "it is no folder"));
        }
        let time = snapshot.time().format("%Y-%m-%d_%H-%M-%S");
        let name = (1..MAX_SUFFIX)
            .map(|number| match number {
                1 => format!("backup_{time}.zip"),
                _ => format!("backup_{time}_{number}.zip"),
            })
            .find(|name| folder.join(name).symlink_metadata().is_err());
        let full = || unusable(&folder, "it has no free name for this second");
        name.ok_or_else(full).map(|name| (folder.clone(), name))
    }
}

/// The folder and the name of a file.
fn split(path: &Path) -> Result<(PathBuf, String)> {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let name = name.ok_or_else(|| unusable(path, "it is not the path of a file"))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if folder.is_dir() {
        Ok((folder, name.to_owned()))
    } else {
        Err(unusable(&folder, "it is no folder"))
    }
}

fn unusable(path: &Path, reason: &str) -> SnapshotError {
    SnapshotError::TargetUnusable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn zip_error(path: &Path, source: ZipError) -> SnapshotError {
    SnapshotError::Zip {
        path: path.to_owned(),
        source,
    }
}

/// A zip being written.
struct Export<'a, W: Write + Seek> {
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

impl<W: Write + Seek + Send> Export<'_, W> {
    fn run(&mut self) -> Result<()> {
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
                    plain = crate::content::read_all(store, content)?;
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

/// A durable file with the position that a zip writer needs.
struct Positioned<'a> {
    file: DurableFile<'a>,
    at: u64,
}

impl Write for Positioned<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_at(bytes, self.at).map_err(io_error)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for Positioned<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The cause alone: the path is told by the zip's error.
fn io_error(error: StoreError) -> std::io::Error {
    match error {
        StoreError::Io { source, .. } => source,
        other => std::io::Error::other(other),
    }
}
