//! What is to be done for each step of a walk, decided ahead of the doing.
//!
//! Here a file is compared with what it was, and told to be a database or not; nothing is stored. The hazard is the order:
//! a database's side files come after it in the walk and must be known as such by then.

use std::os::unix::ffi::OsStrExt;

use super::assemble::{Ahead, Assembly};
use super::describe;
use super::file::{self, SMALL};
use super::queued::Queued;
use super::walk::{Found, Step, is_side_file_of};
use crate::entry::{Entry, Node};
use crate::folder::Before;
use crate::manifest::Flaw;
use crate::monitor::{Warning, WarningKind};
use crate::path::{Name, TreePath};

impl<'s> Assembly<'s, '_, '_> {
    /// Queues what a step asks for.
    pub(super) fn queue_step(&mut self, step: Step) {
        match step {
            // The journal of a transaction that ended.
            Step::Note(warning) if was_side_file(self.databases(), &warning) => {}
            Step::Note(warning) => self.queue.push(Queued::Note(warning)),
            Step::Excluded(count) => self.queue.push(Queued::Excluded(count)),
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

    /// The databases of the folder that the walk is in.
    fn databases(&self) -> &[Name] {
        let databases = self.ahead.last().map(|ahead| ahead.databases.as_slice());
        databases.unwrap_or_default()
    }

    /// Something that the walk could not look at.
    pub(super) fn note(&mut self, warning: Warning) {
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
        let omitted = || before.is_some().then_some(Queued::Omitted);
        if is_side_file(self.databases(), &found.name) {
            return omitted();
        }
        if !found.stat.is_file() {
            return Some(self.without_bytes(&found, before));
        }
        if is_shared_memory(&found) {
            return omitted();
        }
        let was_database = matches!(
            before,
            Some(Entry {
                node: Node::Database { .. },
                ..
            })
        );
        if (found.has_side_file || was_database) && self.settings.is_database(&found) {
            if let Some(ahead) = self.ahead.last_mut() {
                ahead.databases.push(found.name.clone());
            }
            return Some(Queued::Database { found, before });
        }
        if self.settings.is_too_large(&found) {
            self.queue.extend(before.map(|_| Queued::Omitted));
            return Some(Queued::Excluded(1));
        }
        self.recall(before.as_ref());
        match before {
            Some(before) if describe::is_unchanged(self.session, &found, &before) => {
                let (entry, is_same) = describe::renewed(&found, before);
                Some(Queued::Unchanged { entry, is_same })
            }
            before => Some(self.reading(found, before)),
        }
    }

    /// A file that is to be read; it counts towards a full queue.
    fn reading(&mut self, found: Found, before: Option<Entry>) -> Queued<'s> {
        self.queued_files += 1;
        if found.stat.len() <= SMALL {
            self.queued_bytes += found.stat.len();
        }
        Queued::Read {
            found,
            before,
            result: None,
        }
    }

    fn without_bytes(&mut self, found: &Found, before: Option<Entry>) -> Queued<'s> {
        match describe::without_bytes(found) {
            Ok((entry, warning)) => {
                self.queue.extend(warning.map(Queued::Note));
                Queued::Entry(entry, before)
            }
            Err(warning) => Queued::Note(warning),
        }
    }

    /// New small files are told by what those were told by that were there before.
    fn recall(&self, before: Option<&Entry>) {
        let content = before.and_then(|entry| entry.node.content());
        let small = content.filter(|content| content.depth == 0 && content.len <= SMALL);
        if let Some(first) = small.and_then(|content| content.refs.first()) {
            self.session.recall_sibling(first.id);
        }
    }
}

/// Whether it is a side file of one of these databases.
pub(super) fn is_side_file(databases: &[Name], name: &Name) -> bool {
    databases.iter().any(|main| is_side_file_of(name, main))
}

/// Whether it is about a side file of one of these databases that is gone since the folder was listed.
pub(super) fn was_side_file(databases: &[Name], warning: &Warning) -> bool {
    let name = warning.path.file_name().map(OsStrExt::as_bytes);
    let name = name.and_then(|name| Name::new(name).ok());
    warning.kind == WarningKind::Vanished && name.is_some_and(|name| is_side_file(databases, &name))
}

/// Whether it is the `-shm` of a database: SQLite locks it as it locks the database, it is made anew at each opening,
/// and it must not be opened here even where its database is left out of the backup (F-34).
pub(crate) fn is_shared_memory(found: &Found) -> bool {
    let Some(main) = found.name.as_bytes().strip_suffix(b"-shm") else {
        return false;
    };
    let path = found.path.with_file_name(std::ffi::OsStr::from_bytes(main));
    path.symlink_metadata()
        .is_ok_and(|stat| stat.is_file() && file::is_database(&path, &stat).unwrap_or(true))
}
