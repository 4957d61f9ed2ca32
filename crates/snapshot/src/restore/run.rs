//! A restore in progress: small files many at once, large ones alone with their chunks in parallel, links last.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{AtFlags, CWD};

use super::select::Selection;
use super::write::{create, make_folders, set_meta, timestamps};
use super::{Restore, RestoreReport};
use crate::content::{Content, read_chunk};
use crate::entry::{Entry, Meta, Node};
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::{Monitor, Warning, WarningKind};
use crate::path::TreePath;
use crate::repository::Repository;
use crate::tree::{Tree, batches};

/// Files that are written at once, at most.
const BATCH_FILES: usize = 256;

/// Files longer than this are written alone, their chunks in parallel.
const LARGE: u64 = 1 << 20;

/// A file whose bytes are to be written.
struct Waiting {
    path: PathBuf,
    meta: Meta,
    content: Content,
}

/// A restore in progress.
pub(super) struct Run<'a> {
    tree: &'a Tree<'a>,
    repository: &'a Repository,
    monitor: &'a dyn Monitor,
    plan: &'a Restore,
    pub(super) report: RestoreReport,
    waiting: Vec<Waiting>,
    /// Folders get their times and modes last: writing into them changes the one and may need the other.
    folders: Vec<(PathBuf, Meta)>,
    links: Vec<(PathBuf, Vec<u8>, Meta)>,
    /// The first file of each group of hard links.
    groups: HashMap<u64, (PathBuf, Content)>,
}

impl<'a> Run<'a> {
    /// Nothing is written yet.
    pub(super) fn new(
        repository: &'a Repository,
        tree: &'a Tree<'a>,
        plan: &'a Restore,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self {
            tree,
            repository,
            monitor,
            plan,
            report: RestoreReport::default(),
            waiting: Vec::new(),
            folders: Vec::new(),
            links: Vec::new(),
            groups: HashMap::new(),
        }
    }

    /// Writes everything that is selected.
    pub(super) fn restore(&mut self, selection: &Selection) -> Result<()> {
        if !self.plan.dry_run {
            // A folder that was there keeps its own owner and mode.
            let is_new = !self.plan.target.exists();
            make_folders(&self.plan.target)?;
            if let Some(meta) = self.tree.root_meta().filter(|_| is_new) {
                self.folders.push((self.plan.target.clone(), meta.clone()));
            }
        }
        let mut met = false;
        for found in self.tree.walk() {
            let (path, entry) = found?;
            if self.monitor.cancelled() {
                return Err(SnapshotError::cancelled());
            }
            if selection.admits(&path, &entry) {
                met = true;
                self.place(&path, entry)?;
            }
        }
        if !met && !self.plan.paths.is_empty() {
            return Err(SnapshotError::NothingMatches {
                patterns: self.plan.paths.join(", "),
            });
        }
        self.write_waiting()?;
        self.finish()
    }

    fn place(&mut self, path: &TreePath, entry: Entry) -> Result<()> {
        let at = path.below(&self.plan.target);
        let Entry { meta, node, .. } = entry;
        match node {
            Node::Folder { .. } => {
                self.report.folders += 1;
                self.folders.push((at.clone(), meta));
                if self.plan.dry_run {
                    Ok(())
                } else {
                    make_folders(&at)
                }
            }
            Node::Symlink { target } => {
                self.report.links += 1;
                self.links.push((at, target.into_vec(), meta));
                Ok(())
            }
            Node::Special { .. } => {
                let message = format!("a {} is not restored", node.kind());
                self.warn(at, WarningKind::Skipped, message);
                Ok(())
            }
            Node::File { content, links, .. } => self.place_file(at, meta, content, links),
            Node::Database { content, .. } => self.place_file(at, meta, content, None),
        }
    }

    fn place_file(
        &mut self,
        path: PathBuf,
        meta: Meta,
        content: Content,
        group: Option<u64>,
    ) -> Result<()> {
        self.report.files += 1;
        self.report.bytes += content.len;
        self.monitor.item(&path);
        if self.plan.dry_run {
            return Ok(());
        }
        let first = group.and_then(|group| self.groups.get(&group));
        // The number is a hint: names of one file have one content, or they are not linked.
        if let Some((first, _)) = first.filter(|(_, same)| *same == content).cloned() {
            // The first name must exist before it gets a second one.
            self.write_waiting()?;
            self.make_parents(&path)?;
            return std::fs::hard_link(first, &path).context("link", &path);
        }
        if let Some(group) = group {
            self.groups.insert(group, (path.clone(), content.clone()));
        }
        self.make_parents(&path)?;
        let waiting = Waiting {
            path,
            meta,
            content,
        };
        if waiting.content.len > LARGE {
            return self.write_large(&waiting);
        }
        self.waiting.push(waiting);
        if self.waiting.len() >= BATCH_FILES {
            self.write_waiting()?;
        }
        Ok(())
    }

    /// Of a selection, folders above it may not have been selected themselves.
    fn make_parents(&self, path: &Path) -> Result<()> {
        match path.parent() {
            Some(parent) if !self.plan.paths.is_empty() => make_folders(parent),
            _ => Ok(()),
        }
    }

    fn write_waiting(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let warnings: Vec<Option<Warning>> = waiting
            .par_iter()
            .map(|file| self.write_small(file))
            .collect::<Result<_>>()?;
        for warning in warnings.into_iter().flatten() {
            self.note(warning);
        }
        Ok(())
    }

    fn write_small(&self, waiting: &Waiting) -> Result<Option<Warning>> {
        let file = create(&waiting.path)?;
        for batch in batches(self.repository.store(), &waiting.content) {
            for (offset, chunk) in batch? {
                self.write_chunk(&file, waiting, offset, &chunk)?;
            }
        }
        Ok(describe(&file, waiting))
    }

    fn write_large(&mut self, waiting: &Waiting) -> Result<()> {
        let file = create(&waiting.path)?;
        for batch in batches(self.repository.store(), &waiting.content) {
            batch?
                .par_iter()
                .try_for_each(|(offset, chunk)| self.write_chunk(&file, waiting, *offset, chunk))?;
        }
        if let Some(warning) = describe(&file, waiting) {
            self.note(warning);
        }
        Ok(())
    }

    fn write_chunk(
        &self,
        file: &File,
        waiting: &Waiting,
        offset: u64,
        chunk: &crate::content::Ref,
    ) -> Result<()> {
        if self.monitor.cancelled() {
            return Err(SnapshotError::cancelled());
        }
        let bytes = read_chunk(self.repository.store(), chunk);
        let bytes = bytes.map_err(|error| unreadable(&waiting.path, error))?;
        file.write_all_at(&bytes, offset)
            .context("write", &waiting.path)?;
        self.monitor.advance(chunk.len);
        Ok(())
    }

    /// Links, then folders from the inside out, then everything durable at once.
    fn finish(&mut self) -> Result<()> {
        if self.plan.dry_run {
            return Ok(());
        }
        for (path, target, meta) in std::mem::take(&mut self.links) {
            self.make_parents(&path)?;
            std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&target), &path)
                .context("link", &path)?;
            let times = timestamps(&meta);
            // A file system that keeps no times of links loses nothing that anybody reads.
            let _ = rustix::fs::utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW);
        }
        for (path, meta) in std::mem::take(&mut self.folders).into_iter().rev() {
            let folder = File::open(&path).context("open", &path)?;
            if let Some(message) = set_meta(&folder, &meta) {
                self.warn(path, WarningKind::Attribute, message);
            }
        }
        let target = File::open(&self.plan.target).context("open", &self.plan.target)?;
        rustix::fs::syncfs(&target).context("sync", &self.plan.target)
    }

    fn warn(&mut self, path: PathBuf, kind: WarningKind, message: String) {
        self.note(Warning {
            path,
            kind,
            message,
        });
    }

    fn note(&mut self, warning: Warning) {
        self.monitor.warning(&warning);
        self.report.warnings.push(warning);
    }
}

/// The same error, of a file that people know instead of a chunk that they do not.
fn unreadable(path: &Path, error: SnapshotError) -> SnapshotError {
    match error {
        SnapshotError::Store(source) if source.is_damage() => SnapshotError::Unreadable {
            path: path.display().to_string(),
            source,
        },
        other => other,
    }
}

fn describe(file: &File, waiting: &Waiting) -> Option<Warning> {
    set_meta(file, &waiting.meta).map(|message| Warning {
        path: waiting.path.clone(),
        kind: WarningKind::Attribute,
        message,
    })
}
