//! What would become of each entry of one source, in the order of its walk. The decisions are those of a backup, and what they
//! need beyond the look at an entry is the head of a file.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use lifeboat_store::Store;
use lifeboat_store::words::system_words;

use super::ahead::{is_shared_memory, is_side_file, was_side_file};
use super::linked::wal_elsewhere;
use super::preview::{DatabasePreview, SourcePreview};
use super::settings::Settings;
use super::settle::VANISHED;
use super::tally::Tally;
use super::undone::NONE_ANY_MORE;
use super::walk::{Found, Step};
use super::{database, describe, file};
use crate::content::Content;
use crate::entry::{Entry, Node};
use crate::error::{IoContext, Result};
use crate::folder::{Before, SharedBefore};
use crate::monitor::{Monitor, Warning, WarningKind, go_on};
use crate::path::{Name, TreePath};
use crate::sqlite::side_files;

/// What was found in a source. The paths of its databases are those in the source.
#[derive(Default)]
pub(super) struct Foreseen {
    pub(super) source: SourcePreview,
    pub(super) databases: Vec<DatabasePreview>,
}

/// A folder that the walk is in.
struct Level<'s> {
    found: Found,
    entry_before: Option<Entry>,
    before: Option<SharedBefore<'s>>,
    /// Its databases: their side files are not stored.
    databases: Vec<Name>,
}

/// Looks at one source.
pub(super) struct Foresight<'f> {
    settings: &'f Settings<'f>,
    /// What a backup may build on, if there is anything.
    store: Option<&'f Store>,
    root_path: &'f Path,
    root_before: Option<Entry>,
    levels: Vec<Level<'f>>,
    tally: &'f mut Tally,
    monitor: &'f dyn Monitor,
    foreseen: Foreseen,
}

impl<'f> Foresight<'f> {
    /// Of the source at `root_path`, which was `root_before` in the snapshot before.
    pub(super) fn new(
        settings: &'f Settings<'f>,
        store: Option<&'f Store>,
        root_path: &'f Path,
        root_before: Option<Entry>,
        tally: &'f mut Tally,
        monitor: &'f dyn Monitor,
    ) -> Self {
        let mut foreseen = Foreseen::default();
        foreseen.source.path = root_path.to_owned();
        Self {
            settings,
            store,
            root_path,
            root_before,
            levels: Vec::new(),
            tally,
            monitor,
            foreseen,
        }
    }

    /// Takes all steps.
    pub(super) fn run(mut self, steps: impl Iterator<Item = Step>) -> Result<Foreseen> {
        for step in steps {
            go_on(self.monitor)?;
            match step {
                Step::Note(warning) if was_side_file(self.databases(), &warning) => {}
                Step::Note(warning) => self.tally.warn(self.monitor, warning),
                Step::Excluded(count) => self.tally.excluded += count,
                Step::Enter(found) => self.enter(found),
                Step::Leave => self.leave(),
                Step::Item(found) => self.item(found)?,
            }
        }
        Ok(self.foreseen)
    }

    fn databases(&self) -> &[Name] {
        let databases = self.levels.last().map(|level| level.databases.as_slice());
        databases.unwrap_or_default()
    }

    /// The entry of this name in the snapshot before.
    fn before(&mut self, name: &Name) -> Option<Entry> {
        match self.levels.last() {
            Some(level) => level.before.as_ref()?.borrow_mut().find(name),
            None => self.root_before.take(),
        }
    }

    fn enter(&mut self, found: Found) {
        self.monitor.item(&found.path);
        let entry_before = self.before(&found.name);
        let before = match (self.store, entry_before.as_ref().map(|entry| &entry.node)) {
            (Some(store), Some(Node::Folder { entries })) => Some(Before::shared(store, entries)),
            _ => None,
        };
        self.levels.push(Level {
            found,
            entry_before,
            before,
            databases: Vec::new(),
        });
    }

    fn leave(&mut self) {
        let Some(level) = self.levels.pop() else {
            return;
        };
        let lacks_some = level
            .before
            .is_some_and(|before| before.borrow().has_unasked());
        self.tally.differs |= lacks_some;
        let entries = Content::empty();
        let described = describe::entry(&level.found, Node::Folder { entries });
        self.describe(Ok(described), level.entry_before.as_ref());
    }

    /// What has no bytes of its own.
    fn describe(
        &mut self,
        described: Result<(Entry, Option<Warning>), Warning>,
        before: Option<&Entry>,
    ) {
        let (entry, warning) = match described {
            Ok((entry, warning)) => (Some(entry), warning),
            Err(warning) => (None, Some(warning)),
        };
        let is_same = |entry: &Entry| before.is_some_and(|before| entry.is_same_as(before));
        self.tally.differs |= !entry.as_ref().is_some_and(is_same);
        if let Some(warning) = warning {
            self.tally.warn(self.monitor, warning);
        }
    }

    fn item(&mut self, found: Found) -> Result<()> {
        let before = self.before(&found.name);
        let is_file = found.stat.is_file();
        let is_omitted = is_side_file(self.databases(), &found.name);
        if is_omitted || (is_file && is_shared_memory(&found)) {
            self.tally.differs |= before.is_some();
            return Ok(());
        }
        if !is_file {
            self.describe(describe::without_bytes(&found), before.as_ref());
            return Ok(());
        }
        let was_database = matches!(
            before.as_ref().map(|b| &b.node),
            Some(Node::Database { .. })
        );
        if (found.has_side_file || was_database) && self.settings.is_database(&found) {
            self.database(&found, before.as_ref());
            return Ok(());
        }
        if self.settings.is_too_large(&found) {
            self.tally.excluded += 1;
            self.tally.differs |= before.is_some();
            return Ok(());
        }
        match before {
            Some(before) if self.is_unchanged(&found, &before) => {
                self.unchanged(&found, before);
                Ok(())
            }
            before => self.file(&found, before.as_ref()),
        }
    }

    fn is_unchanged(&self, found: &Found, before: &Entry) -> bool {
        let content = before.node.content();
        describe::looks_unchanged(found, before) && content.is_some_and(|content| self.has(content))
    }

    /// Whether a backup finds all bytes of it stored.
    fn has(&self, content: &Content) -> bool {
        self.store.is_some_and(|store| {
            let has = |id: &_| store.contains(id).unwrap_or(false);
            database::has_all(store, has, content)
        })
    }

    fn unchanged(&mut self, found: &Found, before: Entry) {
        let (entry, is_same) = describe::renewed(found, before);
        self.tally.differs |= !is_same;
        self.count(Some(&entry), found.stat.len(), (true, false));
    }

    /// A file that is to be read, or turns out to be a database.
    fn file(&mut self, found: &Found, before: Option<&Entry>) -> Result<()> {
        let takes_databases = self.settings.takes_databases(&found.path);
        match file::is_database_by_now(&found.path, &found.stat) {
            Ok(true) if takes_databases => self.database(found, before),
            Ok(_) => {
                let path = || self.tree_path(found);
                let source = self.tally.source;
                if self.settings.was_database(source, found, before, path) {
                    self.warn(found, WarningKind::DatabaseDamaged, NONE_ANY_MORE);
                }
                let looks_same = |before| describe::looks_unchanged(found, before);
                let is_same = before.is_some_and(looks_same);
                self.count(before, found.stat.len(), (is_same, true));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.warn(found, WarningKind::Vanished, VANISHED);
            }
            // A single file that cannot be read leaves nothing of its source.
            Err(error) if self.levels.is_empty() => return Err(error).context("open", &found.path),
            Err(error) => self.warn(found, WarningKind::Unreadable, &system_words(&error)),
        }
        Ok(())
    }

    fn database(&mut self, found: &Found, before: Option<&Entry>) {
        if let Some(level) = self.levels.last_mut() {
            level.databases.push(found.name.clone());
        }
        if let Some(doubt) = wal_elsewhere(found) {
            self.tally.warn(self.monitor, doubt);
        }
        let path = self.tree_path(found);
        let content = before.and_then(|before| before.node.content());
        let known = self
            .settings
            .uncommitted(self.tally.source, found, before, &path);
        let is_due = known.is_none_or(|(old, _)| self.settings.is_check_due(old));
        let [wal, ..] = side_files(&found.path).map(|path| path.symlink_metadata());
        let bytes = found.stat.len() + wal.map_or(0, |stat| stat.len());
        let unchanged = known.is_some();
        let is_read = is_due || !content.is_some_and(|content| self.has(content));
        self.foreseen.databases.push(DatabasePreview {
            path,
            bytes,
            unchanged,
        });
        if let Some(before) = before {
            let described = describe::entry(found, before.node.clone());
            self.describe(Ok(described), Some(before));
        }
        self.count(before, bytes, (unchanged, is_read));
    }

    /// Counts a file: whether it is as it was, and whether it is read to know.
    fn count(&mut self, before: Option<&Entry>, bytes: u64, (is_same, is_read): (bool, bool)) {
        self.tally.differs |= is_read;
        let source = &mut self.foreseen.source;
        let was_there = before.is_some_and(|before| before.node.content().is_some());
        match (was_there, is_same) {
            (false, _) => source.files_new += 1,
            (true, false) => source.files_changed += 1,
            (true, true) => source.files_unchanged += 1,
        }
        source.bytes += bytes;
        source.read_bytes += if is_read { bytes } else { 0 };
    }

    fn tree_path(&self, found: &Found) -> TreePath {
        let below = found.path.strip_prefix(self.root_path);
        let bytes = below.map_or(&b""[..], |path| path.as_os_str().as_bytes());
        TreePath::parse(bytes).unwrap_or_default()
    }

    fn warn(&mut self, found: &Found, kind: WarningKind, message: &str) {
        let warning = Warning {
            path: found.path.clone(),
            kind,
            message: message.to_owned(),
        };
        self.tally.warn(self.monitor, warning);
    }
}
