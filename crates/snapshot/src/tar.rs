//! A snapshot as a tar with everything that it knows of its entries: nanoseconds, owners, extended attributes, hard links,
//! devices.
//!
//! What the old header cannot say is in pax records, which every tar of today reads. Names are bytes here as there, so
//! those that are no UTF-8 stay what they are. Sockets have no place in a tar and are left out with a warning.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::Path;

use lifeboat_store::{DurableFile, RealDisk};
use tar::{Builder, EntryType, Header};

use crate::content::Content;
use crate::entry::{Entry, Meta, Node, Special};
use crate::error::{IoContext, Result};
use crate::export::{split, unusable};
use crate::monitor::{Monitor, Task, Warning, WarningKind, go_on};
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::{Tree, pieces};

mod records;
mod stream;

use records::Records;
use stream::{Counted, Pieces, Sink};

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

/// A tar that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TarReport {
    /// Its length.
    pub bytes: u64,
    /// Files, folders, links and all others.
    pub entries: u64,
    /// What could not be put into it.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// Writes a snapshot as a tar to a file that must not exist.
    ///
    /// # Errors
    /// Where it cannot be written or the snapshot cannot be read; nothing is left then.
    pub fn export_tar(
        &self,
        snapshot: &Snapshot,
        path: &Path,
        monitor: &dyn Monitor,
    ) -> Result<TarReport> {
        let (folder, name) = split(path)?;
        let path = folder.join(&name);
        if path.symlink_metadata().is_ok() {
            return Err(unusable(&path, "it exists already"));
        }
        let disk = RealDisk::new(&folder);
        let mut file = DurableFile::create(&disk, "", name)?;
        let mut write = |bytes: &[u8]| file.write(bytes).map_err(io::Error::other);
        let report = self.export_tar_to(snapshot, &mut Sink(&mut write), &path, monitor)?;
        match file.publish()? {
            true => Ok(report),
            false => Err(unusable(&path, "another process wrote it meanwhile")),
        }
    }

    /// Writes a snapshot as a tar; `place` is for messages.
    ///
    /// # Errors
    /// Where it cannot be written or the snapshot cannot be read.
    pub fn export_tar_to(
        &self,
        snapshot: &Snapshot,
        out: &mut (dyn Write + Send),
        place: &Path,
        monitor: &dyn Monitor,
    ) -> Result<TarReport> {
        monitor.begin(Task::Export, Some(snapshot.bytes));
        let tree = self.tree(snapshot)?;
        self.in_pool(None, || {
            let out = io::BufWriter::with_capacity(BUFFER, Counted::new(out));
            let mut tar = Tar {
                repository: self,
                monitor,
                place,
                builder: Builder::new(out),
                linked: HashMap::new(),
                report: TarReport::default(),
            };
            tar.all(&tree)?;
            tar.finish()
        })
    }
}

/// A tar being written.
struct Tar<'a, W: Write> {
    repository: &'a Repository,
    monitor: &'a dyn Monitor,
    place: &'a Path,
    builder: Builder<W>,
    /// The first name of each file that has several.
    linked: HashMap<u64, Vec<u8>>,
    report: TarReport,
}

impl<'a, 'o> Tar<'a, io::BufWriter<Counted<'o>>> {
    fn all(&mut self, tree: &Tree<'_>) -> Result<()> {
        if let Some(meta) = tree.root_meta() {
            let header = header(EntryType::Directory, meta, 0);
            self.put(b"./", meta, header, None, io::empty())?;
        }
        for found in tree.walk() {
            let (path, entry) = found?;
            go_on(self.monitor)?;
            self.entry(&path, &entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &TreePath, entry: &Entry) -> Result<()> {
        let (meta, mut name) = (&entry.meta, path.to_bytes());
        match &entry.node {
            Node::Folder { .. } => {
                name.push(b'/');
                self.put(
                    &name,
                    meta,
                    header(EntryType::Directory, meta, 0),
                    None,
                    io::empty(),
                )
            }
            Node::Symlink { target } => {
                let header = header(EntryType::Symlink, meta, 0);
                self.put(&name, meta, header, Some(target), io::empty())
            }
            Node::Special { kind, device } => self.special(path, meta, *kind, *device),
            Node::File { content, links, .. } => match self.first_name(*links, &name) {
                Some(first) => {
                    let header = header(EntryType::Link, meta, 0);
                    self.put(&name, meta, header, Some(&first), io::empty())
                }
                None => self.file(path, &name, meta, content),
            },
            Node::Database { content, .. } => self.file(path, &name, meta, content),
        }
    }

    /// The name under which a file with several names is in the tar already.
    fn first_name(&mut self, group: Option<u64>, name: &[u8]) -> Option<Vec<u8>> {
        let group = group?;
        let known = self.linked.get(&group).cloned();
        if known.is_none() {
            self.linked.insert(group, name.to_vec());
        }
        known
    }

    fn file(&mut self, path: &TreePath, name: &[u8], meta: &Meta, content: &Content) -> Result<()> {
        self.monitor.item(&path.below(Path::new("")));
        let mut failure = None;
        let pieces = pieces(self.repository.store(), content);
        let bytes = Pieces::new(pieces, self.monitor, &mut failure);
        let header = header(EntryType::Regular, meta, content.len);
        let put = self.put(name, meta, header, None, bytes);
        match failure {
            Some(failure) => Err(failure),
            None => put,
        }
    }

    fn special(&mut self, path: &TreePath, meta: &Meta, kind: Special, device: u64) -> Result<()> {
        let kind = match kind {
            Special::Fifo => EntryType::Fifo,
            Special::CharDevice => EntryType::Char,
            Special::BlockDevice => EntryType::Block,
            Special::Socket => {
                let warning = Warning {
                    path: path.below(Path::new("")),
                    kind: WarningKind::Skipped,
                    message: "a tar has no sockets".to_owned(),
                };
                self.monitor.warning(&warning);
                self.report.warnings.push(warning);
                return Ok(());
            }
        };
        let mut header = header(kind, meta, 0);
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let numbers = header
            .set_device_major(major)
            .and(header.set_device_minor(minor));
        numbers.context("write", self.place)?;
        self.put(&path.to_bytes(), meta, header, None, io::empty())
    }

    /// Writes one entry, its records first.
    fn put(
        &mut self,
        name: &[u8],
        meta: &Meta,
        mut header: Header,
        link: Option<&[u8]>,
        bytes: impl Read,
    ) -> Result<()> {
        let mut records = Records::default();
        records.name(&mut header, name);
        if let Some(link) = link {
            records.link(&mut header, link);
        }
        records.meta(meta);
        header.set_cksum();
        let extensions = records.as_pairs();
        let written = match extensions.is_empty() {
            true => Ok(()),
            false => self.builder.append_pax_extensions(extensions),
        };
        let written = written.and_then(|()| self.builder.append(&header, bytes));
        self.report.entries += 1;
        written.context("write", self.place)
    }

    fn finish(mut self) -> Result<TarReport> {
        let written = self.builder.into_inner().and_then(|mut out| {
            out.flush()?;
            Ok(out.get_ref().len())
        });
        self.report.bytes = written.context("write", self.place)?;
        Ok(self.report)
    }
}

/// What the old header has room for.
fn header(kind: EntryType, meta: &Meta, len: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(meta.mode & 0o7777);
    header.set_uid(u64::from(meta.uid));
    header.set_gid(u64::from(meta.gid));
    header.set_mtime(u64::try_from(meta.mtime.secs).unwrap_or(0));
    header.set_size(len);
    header
}
