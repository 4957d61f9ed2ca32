//! From a tree to the entries of a zip: small files many at once, large ones alone with their segments in parallel.

use std::io::{Seek, Write};
use std::path::Path;

use super::earlier::Earlier;
use super::output::{Done, Output};
use super::pack::{Packed, Packer};
use super::parts::{Cut, groups, key_of, weigh};
use super::sums;
use super::table::Row;
use crate::content::Content;
use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, go_on};
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::Tree;
use crate::zip::{ZipWriter, ordered};

/// Files up to this many bytes are compressed whole, many at once.
const SMALL: u64 = 1 << 20;

/// Small files that are compressed at once, at most.
const BATCH: usize = 1024;

/// A zip being written.
pub(super) struct Archive<'a, W: Write + Seek> {
    repository: &'a Repository,
    tree: &'a Tree<'a>,
    earlier: &'a Earlier,
    monitor: &'a dyn Monitor,
    packer: Packer<'a>,
    output: Output<'a, W>,
}

impl<'a, W: Write + Seek + Send> Archive<'a, W> {
    /// Writes by `writer`; `path` is for messages.
    pub(super) fn new(
        repository: &'a Repository,
        snapshot: &'a Snapshot,
        tree: &'a Tree<'a>,
        earlier: &'a Earlier,
        monitor: &'a dyn Monitor,
        path: &'a Path,
        writer: ZipWriter<W>,
    ) -> Self {
        Self {
            repository,
            tree,
            earlier,
            monitor,
            packer: Packer::new(repository.store(), earlier, monitor),
            output: Output::new(snapshot, path, writer),
        }
    }

    /// Writes every entry, and the description last.
    pub(super) fn run(&mut self) -> Result<()> {
        let mut small = Vec::new();
        for found in self.tree.walk() {
            let (path, entry) = found?;
            go_on(self.monitor)?;
            let is_small = entry.node.content().map(|content| content.len <= SMALL);
            if is_small != Some(true) || small.len() >= BATCH {
                self.small(std::mem::take(&mut small))?;
            }
            match is_small {
                Some(true) => small.push((path, entry)),
                Some(false) => self.large(&path, &entry)?,
                None => self.output.without_bytes(&path, &entry)?,
            }
        }
        self.small(small)?;
        self.output.description(self.tree)
    }

    /// Ends the zip and gives it back.
    pub(super) fn finish(self) -> Result<Done<W>> {
        self.output.finish()
    }

    fn small(&mut self, files: Vec<(TreePath, Entry)>) -> Result<()> {
        let (packer, output) = (&self.packer, &mut self.output);
        ordered(
            files.into_iter().map(Ok),
            |(_, entry)| {
                entry
                    .node
                    .content()
                    .map_or(0, |content| content.len as usize)
            },
            |(path, entry)| {
                let nothing = Content::empty();
                let packed = packer.whole(entry.node.content().unwrap_or(&nothing));
                packed.map(|(packed, hash)| (path, entry, packed, hash))
            },
            |packed| {
                let (path, entry, packed, hash) = packed?;
                output.whole(&path, &entry, &packed, hash)
            },
        )
    }

    fn large(&mut self, path: &TreePath, entry: &Entry) -> Result<()> {
        let Some(content) = entry.node.content() else {
            return Ok(());
        };
        self.monitor.item(&path.below(Path::new("")));
        let mut sum = match entry.node {
            Node::Database { .. } => Sum::Extents(Vec::new()),
            _ => self
                .earlier
                .sum(&key_of(content, b"file"))
                .map_or_else(|| Sum::Bytes(Box::default()), Sum::Known),
        };
        let (cut, wants_plain) = (sum.cut(), matches!(sum, Sum::Bytes(_)));
        let (packer, output) = (&self.packer, &mut self.output);
        let mut file = output.begin(path, entry, content.len)?;
        ordered(
            groups(self.repository.store(), content, cut),
            |group| weigh(group),
            |group| packer.group(&group, cut, wants_plain),
            |packed| {
                let packed = packed?;
                sum.add(&packed);
                file.add(&packed)
            },
        )?;
        let hash = sum.finish(content).ok_or_else(|| SnapshotError::Refused {
            what: "the list of a database's chunks",
            reason: "its lengths do not add up".to_owned(),
        })?;
        let row = (cut == Cut::Chunks).then(|| Row::of_file(key_of(content, b"file"), hash));
        file.finish(hash, row)
    }
}

/// The hash of a long file on its way.
enum Sum {
    /// A database: the sums of its extents.
    Extents(Vec<[u8; 32]>),
    /// All its bytes go through.
    Bytes(Box<blake3::Hasher>),
    /// The whole file was in the earlier zip.
    Known(blake3::Hash),
}

impl Sum {
    fn cut(&self) -> Cut {
        match self {
            Self::Extents(_) => Cut::Extents,
            Self::Bytes(_) | Self::Known(_) => Cut::Chunks,
        }
    }

    fn add(&mut self, packed: &Packed) {
        match self {
            Self::Extents(sums) => sums.extend(packed.rows.iter().map(|row| row.sum)),
            Self::Bytes(hasher) => drop(hasher.update(&packed.plain)),
            Self::Known(_) => {}
        }
    }

    fn finish(self, content: &Content) -> Option<blake3::Hash> {
        match self {
            Self::Extents(sums) => sums::join(&sums, content.len),
            Self::Bytes(hasher) => Some(hasher.finalize()),
            Self::Known(hash) => Some(hash),
        }
    }
}
