//! From the steps of a walk to stored folders.
//!
//! From the first file that is to be read, steps are queued until there is enough to read; the small files of the queue are read
//! in parallel, and then the queue is replayed in order: large files and databases are stored one at a time, each in parallel
//! inside, and every folder is closed when its last entry is in. Memory is that of a queue, whatever the tree looks like.

use std::path::Path;

use lifeboat_store::Session;

use super::describe;
use super::exclude::Excludes;
use super::past::forget_looks;
use super::queued::{Queued, read, read_small};
use super::settings::Settings;
use super::tally::Tally;
use super::walk::{Found, Step, is_side_file_of};
use crate::entry::{Entry, Node};
use crate::error::Result;
use crate::folder::{FolderWriter, SharedBefore};
use crate::monitor::{Monitor, go_on};
use crate::path::{Name, TreePath};

/// Queued files at which the queue is worked off.
const QUEUE_FILES: usize = 256;

/// Bytes of queued small files at which the queue is worked off.
const QUEUE_BYTES: u64 = 8 << 20;

/// Steps at which the queue is worked off, however little of it is to be read.
const QUEUE_STEPS: usize = 4096;

/// Where the walk is, ahead of the replay.
pub(super) struct Ahead<'s> {
    pub(super) before: Option<SharedBefore<'s>>,
    /// Databases of this folder: their side files are not stored.
    pub(super) databases: Vec<Name>,
}

/// A folder whose entries are being stored.
pub(super) struct Open<'s, 'a> {
    pub(super) found: Found,
    /// What it was in the snapshot before.
    pub(super) before: Option<Entry>,
    /// The counts before it, where it may have to be captured again.
    pub(super) tally: Option<Tally>,
    writer: Option<FolderWriter<'s, 'a>>,
    /// What was stored as a database, in order.
    databases: Vec<Name>,
}

/// Assembles one source.
pub(crate) struct Assembly<'s, 'a, 'm> {
    pub(super) session: &'s Session<'a>,
    pub(super) monitor: &'m dyn Monitor,
    pub(super) settings: &'m Settings<'m>,
    pub(super) tally: &'m mut Tally,
    pub(super) excludes: &'m Excludes,
    /// The source's own path.
    pub(super) root_path: &'m Path,
    /// Where the root stands in the source.
    prefix: TreePath,
    /// Whether this is a second try of a folder, whose outcome the first one judges.
    is_retry: bool,
    pub(super) root_before: Option<Entry>,
    pub(super) ahead: Vec<Ahead<'s>>,
    pub(super) queue: Vec<Queued<'s>>,
    pub(super) queued_files: usize,
    pub(super) queued_bytes: u64,
    open: Vec<Open<'s, 'a>>,
    root: Option<Entry>,
}

impl<'s, 'a, 'm> Assembly<'s, 'a, 'm> {
    /// Begins a source; `root_before` is what it was in the snapshot before.
    pub(crate) fn new(
        session: &'s Session<'a>,
        monitor: &'m dyn Monitor,
        settings: &'m Settings<'m>,
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
            go_on(self.monitor)?;
            self.queue_step(step);
            // With nothing to read, each step is replayed at once, while the walk's thread goes on.
            if self.queued_files == 0
                || self.queued_files >= QUEUE_FILES
                || self.queued_bytes >= QUEUE_BYTES
                || self.queue.len() >= QUEUE_STEPS
            {
                self.work_off()?;
            }
        }
        self.work_off()?;
        Ok(self.root)
    }

    /// Reads what can be read in parallel, then replays the queue.
    fn work_off(&mut self) -> Result<()> {
        let mut queue = std::mem::take(&mut self.queue);
        if self.queued_files > 0 {
            read_small(&mut queue, self.session, self.monitor, self.settings);
        }
        (self.queued_files, self.queued_bytes) = (0, 0);
        queue.drain(..).try_for_each(|queued| self.replay(queued))?;
        // Its memory is used again.
        self.queue = queue;
        Ok(())
    }

    fn replay(&mut self, queued: Queued<'s>) -> Result<()> {
        match queued {
            Queued::Enter {
                found,
                entry_before,
                before,
            } => {
                self.enter(found, entry_before, before);
                Ok(())
            }
            Queued::Unchanged { entry, is_same } => {
                if self.is_side_file(&entry.name) {
                    return self.omit(true);
                }
                self.monitor
                    .advance(entry.node.content().map_or(0, |content| content.len));
                self.tally.unchanged(&entry);
                self.store_entry(entry, is_same)
            }
            Queued::Leave => self.leave(),
            Queued::Note(warning) => {
                self.note(warning);
                Ok(())
            }
            Queued::Entry(entry, before) => self.push(Some(entry), before.as_ref()),
            Queued::Omitted => self.omit(true),
            Queued::Excluded(count) => {
                self.tally.excluded += count;
                Ok(())
            }
            Queued::Read {
                found,
                before,
                result,
            } => {
                if self.is_side_file(&found.name) {
                    return self.omit(before.is_some());
                }
                let result = result.unwrap_or_else(|| {
                    let before = before.as_ref();
                    read(self.session, self.monitor, self.settings, &found, before)
                });
                let settled = self.settle_read(&found, before.as_ref(), result)?;
                self.push(settled, before.as_ref())
            }
            Queued::Database { found, before } => {
                self.monitor.item(&found.path);
                let path = self.tree_path(&found.name);
                let settled = self.settle_database(&found, before.as_ref(), &path)?;
                self.push(settled, before.as_ref())
            }
        }
    }

    /// Stores nothing of what was, or was not, in the snapshot before.
    fn omit(&mut self, was_there: bool) -> Result<()> {
        self.tally.differs |= was_there;
        Ok(())
    }

    /// Whether it is the side file of what was stored as a database. The walk is ahead, and what it took for no database yet
    /// may be one by its turn: the journal that was read meanwhile would undo in a restored copy what is committed.
    fn is_side_file(&self, name: &Name) -> bool {
        let databases = self.open.last().map(|open| open.databases.iter());
        databases.is_some_and(|mut all| all.any(|main| is_side_file_of(name, main)))
    }

    fn enter(
        &mut self,
        found: Found,
        entry_before: Option<Entry>,
        before: Option<SharedBefore<'s>>,
    ) {
        self.monitor.item(&found.path);
        self.open.push(Open {
            tally: self.may_retry(&found).then(|| self.tally.clone()),
            writer: Some(FolderWriter::new(self.session, before)),
            databases: Vec::new(),
            before: entry_before,
            found,
        });
    }

    fn may_retry(&self, found: &Found) -> bool {
        found.companions.is_some() && !self.is_retry
    }

    /// Stores what became of an entry, if anything did.
    fn push(&mut self, settled: Option<Entry>, before: Option<&Entry>) -> Result<()> {
        self.tally.differs |= match (&settled, before) {
            (Some(entry), Some(before)) => !entry.is_same_as(before),
            (settled, before) => settled.is_some() || before.is_some(),
        };
        let is_same = settled.as_ref() == before;
        settled.map_or(Ok(()), |entry| self.store_entry(entry, is_same))
    }

    /// `is_same`: the entry before was exactly this one.
    fn store_entry(&mut self, mut entry: Entry, mut is_same: bool) -> Result<()> {
        if self.settings.plan.past.is_some() {
            forget_looks(&mut entry);
            is_same = false;
        }
        let Some(Open {
            writer: Some(writer),
            databases,
            ..
        }) = self.open.last_mut()
        else {
            self.root = Some(entry);
            return Ok(());
        };
        if matches!(entry.node, Node::Database { .. }) {
            databases.push(entry.name.clone());
        }
        writer.push(entry, is_same)
    }

    fn leave(&mut self) -> Result<()> {
        let Some(mut open) = self.open.pop() else {
            return Ok(());
        };
        let Some(writer) = open.writer.take() else {
            return Ok(());
        };
        self.tally.differs |= writer.lacks_some();
        let entries = writer.finish()?;
        let entry = self.describe(&open.found, Node::Folder { entries });
        let before = open.before.clone();
        let entry = self.settle_companions(open, entry)?;
        self.push(Some(entry), before.as_ref())
    }

    /// An entry that is no file.
    pub(super) fn describe(&mut self, found: &Found, node: Node) -> Entry {
        let (entry, warning) = describe::entry(found, node);
        if let Some(warning) = warning {
            self.tally.warn(self.monitor, warning);
        }
        entry
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
