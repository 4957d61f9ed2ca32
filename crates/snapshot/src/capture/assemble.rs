//! From the steps of a walk to stored folders.
//!
//! Steps are queued until there is enough to read, the small files of the queue are read in parallel, and then the queue
//! is replayed in order: large files and databases are stored one at a time, each in parallel inside, and every folder is
//! closed when its last entry is in. Memory is that of a queue, whatever the tree looks like.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use lifeboat_store::Session;
use rayon::prelude::*;

use super::describe;
use super::exclude::Excludes;
use super::file::{self, SMALL, Stored};
use super::settle::Settled;
use super::tally::Tally;
use super::walk::{Found, Step, is_sidecar_of};
use crate::entry::{Entry, Node};
use crate::error::{Result, SnapshotError};
use crate::folder::{Before, FolderWriter, SharedBefore};
use crate::manifest::Flaw;
use crate::monitor::{Monitor, Warning, WarningKind};
use crate::path::{Name, TreePath};

/// Queued files at which the queue is worked off.
const QUEUE_FILES: usize = 256;

/// Bytes of queued small files at which the queue is worked off.
const QUEUE_BYTES: u64 = 8 << 20;

/// Steps at which the queue is worked off, even if nothing needs reading.
const QUEUE_STEPS: usize = 4096;

/// A step that is decided, and the reading that it needs.
#[expect(
    clippy::large_enum_variant,
    reason = "most of a queue is the largest variant"
)]
enum Queued<'s> {
    Enter {
        found: Found,
        entry_before: Option<Entry>,
        before: Option<SharedBefore<'s>>,
    },
    Leave,
    /// It has no bytes.
    Entry(Entry),
    /// It is a file as it was before.
    Unchanged(Entry),
    Read {
        found: Found,
        before: Option<Entry>,
        result: Option<Result<Option<Stored>>>,
    },
    Database {
        found: Found,
        before: Option<Entry>,
    },
}

/// Where the walk is, ahead of the replay.
struct Ahead<'s> {
    before: Option<SharedBefore<'s>>,
    /// Databases of this folder: their side files are not stored.
    databases: Vec<Name>,
}

/// A folder whose entries are being stored.
pub(super) struct Open<'s, 'a> {
    pub(super) found: Found,
    /// What it was in the snapshot before.
    pub(super) before: Option<Entry>,
    /// The counts before it, where it may have to be captured again.
    pub(super) tally: Option<Tally>,
    writer: Option<FolderWriter<'s, 'a>>,
}

/// Assembles one source.
pub(crate) struct Assembly<'s, 'a, 'm> {
    pub(super) session: &'s Session<'a>,
    pub(super) monitor: &'m dyn Monitor,
    pub(super) settings: &'m super::Settings<'m>,
    pub(super) tally: &'m mut Tally,
    pub(super) excludes: &'m Excludes,
    /// The source's own path.
    root_path: &'m Path,
    /// Where the root stands in the source.
    prefix: TreePath,
    /// Whether this is a second try of a folder, whose outcome the first one judges.
    is_retry: bool,
    root_before: Option<Entry>,
    ahead: Vec<Ahead<'s>>,
    queue: Vec<Queued<'s>>,
    queued_files: usize,
    queued_bytes: u64,
    open: Vec<Open<'s, 'a>>,
    root: Option<Entry>,
}

impl<'s, 'a, 'm> Assembly<'s, 'a, 'm> {
    /// Begins a source; `root_before` is what it was in the snapshot before.
    pub(crate) fn new(
        session: &'s Session<'a>,
        monitor: &'m dyn Monitor,
        settings: &'m super::Settings<'m>,
        excludes: &'m Excludes,
        tally: &'m mut Tally,
        root_before: Option<Entry>,
    ) -> Self {
        Self {
            session,
            monitor,
            settings,
            tally,
            excludes,
            root_path: excludes.root(),
            prefix: TreePath::root(),
            is_retry: false,
            root_before,
            ahead: Vec::new(),
            queue: Vec::new(),
            queued_files: 0,
            queued_bytes: 0,
            open: Vec::new(),
            root: None,
        }
    }

    /// An assembly of its own for a folder inside this one.
    pub(super) fn within(&mut self, path: TreePath, before: Option<Entry>) -> Assembly<'s, 'a, '_> {
        let mut assembly = Assembly::new(
            self.session,
            self.monitor,
            self.settings,
            self.excludes,
            self.tally,
            before,
        );
        assembly.prefix = path;
        assembly.is_retry = true;
        assembly
    }

    /// Takes all steps and gives the stored root; `None` where even the root could not be read.
    pub(crate) fn run(mut self, steps: impl Iterator<Item = Step>) -> Result<Option<Entry>> {
        for step in steps {
            if self.monitor.cancelled() {
                return Err(SnapshotError::cancelled());
            }
            self.queue_step(step);
            if self.queued_files >= QUEUE_FILES
                || self.queued_bytes >= QUEUE_BYTES
                || self.queue.len() >= QUEUE_STEPS
            {
                self.work_off()?;
            }
        }
        self.work_off()?;
        Ok(self.root)
    }

    fn queue_step(&mut self, step: Step) {
        match step {
            Step::Note(warning) => self.note(warning),
            Step::Leave => {
                self.ahead.pop();
                self.queue.push(Queued::Leave);
            }
            Step::Enter(found) => {
                let entry = self.before(&found.name);
                let before = match entry.as_ref().map(|entry| &entry.node) {
                    Some(Node::Folder { entries }) => {
                        Some(Before::shared(self.session.store(), entries))
                    }
                    _ => None,
                };
                self.ahead.push(Ahead {
                    before: before.clone(),
                    databases: Vec::new(),
                });
                self.queue.push(Queued::Enter {
                    found,
                    entry_before: entry,
                    before,
                });
            }
            Step::Item(found) => {
                if let Some(queued) = self.decide(found) {
                    self.queue.push(queued);
                }
            }
        }
    }

    /// Something that the walk could not look at.
    fn note(&mut self, warning: Warning) {
        if warning.kind == WarningKind::Unreadable {
            let below = warning.path.strip_prefix(self.root_path);
            let path = below.map_or(&b""[..], |path| path.as_os_str().as_bytes());
            if let Ok(path) = TreePath::parse(path) {
                self.tally.flag(path, Flaw::Missing);
            }
        }
        self.tally.warn(self.monitor, warning);
    }

    /// The entry of this name in the snapshot before.
    fn before(&mut self, name: &Name) -> Option<Entry> {
        match self.ahead.last() {
            Some(ahead) => ahead.before.as_ref()?.borrow_mut().find(name),
            None => self.root_before.take(),
        }
    }

    /// What is to be done for an entry that is no folder; `None` for what is not stored.
    fn decide(&mut self, found: Found) -> Option<Queued<'s>> {
        let before = self.before(&found.name);
        let databases = self.ahead.last().map(|ahead| ahead.databases.as_slice());
        let is_sidecar = |name: &Name| is_sidecar_of(&found.name, name);
        if databases.unwrap_or_default().iter().any(is_sidecar) {
            return None;
        }
        if !found.stat.is_file() {
            return self.describe(&found).map(Queued::Entry);
        }
        if is_shared_memory(&found) {
            return None;
        }
        let was_database = matches!(
            before,
            Some(Entry {
                node: Node::Database { .. },
                ..
            })
        );
        if (found.has_sidecar || was_database) && self.is_database(&found) {
            if let Some(ahead) = self.ahead.last_mut() {
                ahead.databases.push(found.name.clone());
            }
            return Some(Queued::Database { found, before });
        }
        if let Some(entry) = describe::unchanged(self.session, &found, before.as_ref()) {
            return Some(Queued::Unchanged(entry));
        }
        self.queued_files += 1;
        if found.stat.len() <= SMALL {
            self.queued_bytes += found.stat.len();
        }
        Some(Queued::Read {
            found,
            before,
            result: None,
        })
    }

    fn is_database(&self, found: &Found) -> bool {
        self.settings.takes_databases(&found.path)
            && file::is_database(&found.path, &found.stat).unwrap_or(false)
    }

    fn describe(&mut self, found: &Found) -> Option<Entry> {
        describe::without_bytes(found)
            .map_err(|warning| self.tally.warn(self.monitor, warning))
            .ok()
    }

    /// Reads what can be read in parallel, then replays the queue.
    fn work_off(&mut self) -> Result<()> {
        let mut queue = std::mem::take(&mut self.queue);
        (self.queued_files, self.queued_bytes) = (0, 0);
        let (session, monitor, settings) = (self.session, self.monitor, self.settings);
        let small: Vec<_> = queue
            .iter_mut()
            .filter_map(|queued| match queued {
                Queued::Read {
                    found,
                    before,
                    result,
                } if found.stat.len() <= SMALL => Some((&*found, &*before, result)),
                _ => None,
            })
            .collect();
        small.into_par_iter().for_each(|(found, before, result)| {
            *result = Some(read(session, monitor, settings, found, before.as_ref()));
        });
        queue.into_iter().try_for_each(|queued| self.replay(queued))
    }

    fn replay(&mut self, queued: Queued<'s>) -> Result<()> {
        match queued {
            Queued::Enter {
                found,
                entry_before,
                before,
            } => {
                self.monitor.item(&found.path);
                self.open.push(Open {
                    tally: self.may_retry(&found).then(|| self.tally.clone()),
                    writer: Some(FolderWriter::new(self.session, before)),
                    before: entry_before,
                    found,
                });
                Ok(())
            }
            Queued::Unchanged(entry) => {
                self.monitor
                    .advance(entry.node.content().map_or(0, |content| content.len));
                self.tally.unchanged(&entry);
                self.push(entry)
            }
            Queued::Leave => self.leave(),
            Queued::Entry(entry) => self.push(entry),
            Queued::Read {
                found,
                before,
                result,
            } => {
                let result = result.unwrap_or_else(|| {
                    let before = before.as_ref();
                    read(self.session, self.monitor, self.settings, &found, before)
                });
                let settled = self.settle_file(&found, before.as_ref(), result)?;
                self.push_settled(settled)
            }
            Queued::Database { found, before } => {
                self.monitor.item(&found.path);
                let path = self.tree_path(&found.name);
                let settled = self.settle_database(&found, before.as_ref(), &path)?;
                self.push_settled(settled)
            }
        }
    }

    fn may_retry(&self, found: &Found) -> bool {
        found.companions.is_some() && !self.is_retry
    }

    fn push_settled(&mut self, settled: Settled) -> Result<()> {
        match settled {
            Settled::Entry(entry) => self.push(*entry),
            Settled::Nothing => Ok(()),
        }
    }

    fn push(&mut self, entry: Entry) -> Result<()> {
        match self.open.last_mut().and_then(|open| open.writer.as_mut()) {
            Some(writer) => writer.push(entry),
            None => {
                self.root = Some(entry);
                Ok(())
            }
        }
    }

    fn leave(&mut self) -> Result<()> {
        let Some(mut open) = self.open.pop() else {
            return Ok(());
        };
        let Some(writer) = open.writer.take() else {
            return Ok(());
        };
        let entries = writer.finish()?;
        let entry = describe::entry(&open.found, Node::Folder { entries });
        let entry = self.settle_companions(open, entry)?;
        self.push(entry)
    }

    /// Where an entry of the innermost open folder stands in its source.
    pub(super) fn tree_path(&self, name: &Name) -> TreePath {
        // The first open folder is the root itself, which has no part in the path.
        let folders = self.open.iter().skip(1).map(|open| &open.found.name);
        let own = self.open.first().map(|_| name);
        folders
            .chain(own)
            .fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

/// Whether it is the `-shm` of a database: SQLite locks it as it locks the database, it is made anew at each opening,
/// and it must not be opened here even where its database is left out of the backup (F-34).
fn is_shared_memory(found: &Found) -> bool {
    let Some(main) = found.name.as_bytes().strip_suffix(b"-shm") else {
        return false;
    };
    let path = found.path.with_file_name(std::ffi::OsStr::from_bytes(main));
    path.symlink_metadata()
        .is_ok_and(|stat| stat.is_file() && file::is_database(&path, &stat).unwrap_or(true))
}

fn read(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    settings: &super::Settings<'_>,
    found: &Found,
    before: Option<&Entry>,
) -> Result<Option<Stored>> {
    if monitor.cancelled() {
        return Err(SnapshotError::cancelled());
    }
    monitor.item(&found.path);
    let near = before.and_then(|entry| entry.node.content());
    let as_database = settings.takes_databases(&found.path);
    file::store(
        session,
        monitor,
        &found.path,
        &found.stat,
        near,
        as_database,
    )
}

/// The root of a source as the walk would find it.
pub(crate) fn find_root(path: &Path, stat: Metadata) -> Result<Found> {
    let last = path.file_name().map(OsStrExt::as_bytes);
    let name =
        Name::new(last.unwrap_or(b"root")).map_err(|error| SnapshotError::TargetUnusable {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    let beside = |path: &std::path::PathBuf| path.symlink_metadata().is_ok();
    Ok(Found {
        name,
        path: path.to_owned(),
        companions: None,
        has_sidecar: stat.is_file() && crate::sqlite::sidecars(path).iter().any(beside),
        stat,
    })
}

/// Files with several names share a number, whatever the names are.
pub(super) fn link_group(stat: &Metadata) -> Option<u64> {
    (stat.nlink() > 1).then(|| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&stat.dev().to_le_bytes());
        hasher.update(&stat.ino().to_le_bytes());
        let mut group = [0; 8];
        hasher.finalize_xof().fill(&mut group);
        u64::from_le_bytes(group)
    })
}
