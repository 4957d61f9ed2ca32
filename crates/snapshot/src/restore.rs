//! Writing a snapshot into a new folder.
//!
//! Nothing outside the folder is touched: names cannot lead out of it, every file is created anew and never through a
//! link, and links are made when no file is left to write (F-53). Each chunk is checked against its id on its way, so what
//! arrives is what was stored, or an error.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rayon::prelude::*;
use rustix::fs::{AtFlags, CWD, Gid, OFlags, Timespec, Timestamps, Uid};

use crate::content::{Content, read_chunk};
use crate::entry::{Entry, Meta, Node};
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::{Monitor, Task, Warning, WarningKind};
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::tree::{Tree, batches};

/// Files that are written at once, at most.
const BATCH_FILES: usize = 256;

/// Files longer than this are written alone, their chunks in parallel.
const LARGE: u64 = 1 << 20;

/// What to restore, and where to.
#[derive(Debug, Clone, Default)]
pub struct Restore {
    /// A folder that is missing or empty.
    pub target: PathBuf,
    /// Patterns in gitignore's syntax; only what one of them matches is restored. None means everything.
    pub paths: Vec<String>,
    /// Only say what would be written.
    pub dry_run: bool,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
}

/// What was restored.
#[derive(Debug, Clone, Default)]
pub struct RestoreReport {
    /// Files and databases.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes in the files.
    pub bytes: u64,
    /// How long it took.
    pub duration: Duration,
    /// Everything that was in the way.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// Writes a snapshot, or a part of it, into a folder that is missing or empty.
    ///
    /// # Errors
    /// Where the folder is not empty, nothing matches, or something cannot be read or written. What has been written by
    /// then stays.
    pub fn restore(
        &self,
        snapshot: &Snapshot,
        plan: &Restore,
        monitor: &dyn Monitor,
    ) -> Result<RestoreReport> {
        let began = Instant::now();
        let selection = Selection::new(&plan.paths)?;
        check_target(&plan.target, &self.place())?;
        let tree = self.tree(snapshot)?;
        let mut report = self.in_pool(plan.threads, || {
            let mut run = Run {
                tree: &tree,
                repository: self,
                monitor,
                plan,
                report: RestoreReport::default(),
                waiting: Vec::new(),
                folders: Vec::new(),
                links: Vec::new(),
                groups: HashMap::new(),
            };
            let total = plan.paths.is_empty().then_some(snapshot.bytes);
            if !plan.dry_run {
                check_space(&plan.target, total.unwrap_or(0))?;
            }
            monitor.begin(Task::Restore, total);
            run.restore(&selection)?;
            Ok(run.report)
        })?;
        report.duration = began.elapsed();
        Ok(report)
    }
}

/// Which entries are wanted.
struct Selection(Option<Gitignore>);

impl Selection {
    fn new(patterns: &[String]) -> Result<Self> {
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let bad = |pattern: &str, error: ignore::Error| SnapshotError::BadPattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        };
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
            builder
                .add_line(None, pattern)
                .map_err(|error| bad(pattern, error))?;
        }
        let matcher = builder.build();
        Ok(Self(Some(matcher.map_err(|error| bad("all", error))?)))
    }

    fn admits(&self, path: &TreePath, entry: &Entry) -> bool {
        let Some(patterns) = &self.0 else {
            return true;
        };
        let is_folder = matches!(entry.node, Node::Folder { .. });
        let path = path.below(Path::new(""));
        patterns
            .matched_path_or_any_parents(path, is_folder)
            .is_ignore()
    }
}

/// A file whose bytes are to be written.
struct Waiting {
    path: PathBuf,
    meta: Meta,
    content: Content,
}

/// A restore in progress.
struct Run<'a> {
    tree: &'a Tree<'a>,
    repository: &'a Repository,
    monitor: &'a dyn Monitor,
    plan: &'a Restore,
    report: RestoreReport,
    waiting: Vec<Waiting>,
    /// Folders get their times and modes last: writing into them changes the one and may need the other.
    folders: Vec<(PathBuf, Meta)>,
    links: Vec<(PathBuf, Vec<u8>, Meta)>,
    /// The first file of each group of hard links.
    groups: HashMap<u64, PathBuf>,
}

impl Run<'_> {
    fn restore(&mut self, selection: &Selection) -> Result<()> {
        if !self.plan.dry_run {
            make_folders(&self.plan.target)?;
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
        if self.plan.dry_run {
            return Ok(());
        }
        if let Some(first) = group.and_then(|group| self.groups.get(&group)).cloned() {
            // The first name must exist before it gets a second one.
            self.write_waiting()?;
            self.make_parents(&path)?;
            return std::fs::hard_link(first, &path).context("link", &path);
        }
        if let Some(group) = group {
            self.groups.insert(group, path.clone());
        }
        self.make_parents(&path)?;
        self.monitor.item(&path);
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
        let bytes = read_chunk(self.repository.store(), chunk)?;
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

/// A file that did not exist; a link in its place is no place for it.
fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .context("create", path)
}

fn make_folders(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .context("create", path)
}

fn describe(file: &File, waiting: &Waiting) -> Option<Warning> {
    set_meta(file, &waiting.meta).map(|message| Warning {
        path: waiting.path.clone(),
        kind: WarningKind::Attribute,
        message,
    })
}

/// Owner, mode and time, in this order: a change of owner clears bits of the mode. Words for what could not be set.
fn set_meta(file: &File, meta: &Meta) -> Option<String> {
    if rustix::process::geteuid().is_root() {
        let owner = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
        if let Err(error) = rustix::fs::fchown(file, Some(owner.0), Some(owner.1)) {
            return Some(format!("its owner could not be set: {error}"));
        }
    }
    let mode = rustix::fs::Mode::from_raw_mode(meta.mode & 0o7777);
    if let Err(error) = rustix::fs::fchmod(file, mode) {
        return Some(format!("its mode could not be set: {error}"));
    }
    rustix::fs::futimens(file, &timestamps(meta))
        .err()
        .map(|error| format!("its time could not be set: {error}"))
}

fn timestamps(meta: &Meta) -> Timestamps {
    let time = Timespec {
        tv_sec: meta.mtime.secs,
        // Decoded numbers may be anything; the system takes nanoseconds only.
        tv_nsec: i64::from(meta.mtime.nanos.min(999_999_999)),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

/// The target is missing or empty, and no part of the repository.
fn check_target(target: &Path, repository: &Path) -> Result<()> {
    let unusable = |reason: &str| SnapshotError::TargetUnusable {
        path: target.to_owned(),
        reason: reason.to_owned(),
    };
    if target.as_os_str().is_empty() {
        return Err(unusable("no folder was named"));
    }
    let existing = target
        .ancestors()
        .find_map(|ancestor| ancestor.canonicalize().ok())
        .unwrap_or_default();
    if repository
        .canonicalize()
        .is_ok_and(|repository| existing.starts_with(repository))
    {
        return Err(unusable("it is inside the repository"));
    }
    match std::fs::read_dir(target) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            Err(unusable("it is no folder"))
        }
        Err(error) => Err(error).context("list", target),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(SnapshotError::TargetNotEmpty {
                path: target.to_owned(),
            }),
        },
    }
}

/// Better no file than half of them.
fn check_space(target: &Path, needed_bytes: u64) -> Result<()> {
    let Some(existing) = target.ancestors().find(|ancestor| ancestor.exists()) else {
        return Ok(());
    };
    let Ok(stat) = rustix::fs::statvfs(existing) else {
        return Ok(());
    };
    let free_bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free_bytes >= needed_bytes {
        return Ok(());
    }
    Err(SnapshotError::NoSpace {
        path: target.to_owned(),
        needed_bytes,
        free_bytes,
    })
}
