//! One live entry judged by the stored one of its name.

use std::ops::ControlFlow;

use super::beside::{Beside, Level};
use crate::capture::walk::Found;
use crate::capture::{describe, file};
use crate::content::Content;
use crate::diff::bytes::{Compared, Failed, Reading};
use crate::diff::{Change, ChangeKind, DatabaseChange, Look, aspects, is_same_content, judge};
use crate::entry::{Entry, Node};
use crate::folder::FolderReader;
use crate::path::TreePath;

impl Beside<'_, '_> {
    pub(super) fn folder(
        &mut self,
        found: &Found,
        tree: TreePath,
        before: Option<Entry>,
    ) -> ControlFlow<()> {
        let entries = Content::empty();
        let (now, _) = describe::entry(found, Node::Folder { entries });
        let entries = match before.as_ref().map(|entry| &entry.node) {
            Some(Node::Folder { entries }) => Some(FolderReader::new(self.store, entries)),
            _ => None,
        };
        // A file that became a folder is told by the folder; what the folder holds is new.
        let flow = self.compare(&tree, before, now, false, None);
        self.levels.push(Level {
            tree,
            live: found.path.clone(),
            before: entries,
            databases: Vec::new(),
        });
        flow
    }

    pub(super) fn item(
        &mut self,
        found: &Found,
        tree: TreePath,
        before: Option<Entry>,
    ) -> ControlFlow<()> {
        if !found.stat.is_file() {
            return match describe::without_bytes(found) {
                Ok((now, _)) => {
                    let differs = before
                        .as_ref()
                        .is_some_and(|before| !is_same_content(&before.node, &now.node));
                    self.compare(&tree, before, now, differs, None)
                }
                Err(warning) => self.unread(warning),
            };
        }
        match self.read(found, &tree, before.as_ref()) {
            Ok(Compared {
                node,
                differs,
                database,
            }) => {
                let (now, _) = describe::entry(found, node);
                self.compare(&tree, before, now, differs, database)
            }
            Err(Failed::Live(warning)) => self.unread(warning),
            Err(Failed::Stored(error)) => (self.take)(Err(error)),
        }
    }

    /// Reads a live file as far as it must be to know whether it differs.
    fn read(
        &mut self,
        found: &Found,
        tree: &TreePath,
        before: Option<&Entry>,
    ) -> std::result::Result<Compared, Failed> {
        let was_database = matches!(
            before.map(|before| &before.node),
            Some(Node::Database { .. })
        );
        let is_database = (found.has_side_file || was_database)
            && file::is_database(&found.path, &found.stat).unwrap_or(false);
        if is_database && let Some(level) = self.levels.last_mut() {
            level.databases.push(found.name.clone());
        }
        let Some(before) = before else {
            return Ok(Compared::unknown(found, is_database));
        };
        self.monitor.item(&found.path);
        let reading = Reading {
            store: self.store,
            monitor: self.monitor,
            live: self.live,
            found,
        };
        match &before.node {
            Node::Database { content, seen } if is_database => {
                let facts = self.facts.get(tree).copied();
                reading.database(tree, content, seen.as_ref(), facts)
            }
            Node::File { content, .. } if describe::looks_unchanged(found, before) => {
                Ok(Compared::same_file(content))
            }
            Node::File { content, .. } => reading.file(content),
            _ => Ok(Compared::unknown(found, is_database)),
        }
    }

    /// Tells of an entry that is live now, beside what it was.
    fn compare(
        &mut self,
        path: &TreePath,
        before: Option<Entry>,
        now: Entry,
        differs: bool,
        database: Option<DatabaseChange>,
    ) -> ControlFlow<()> {
        let (kind, aspects) = match &before {
            None => (ChangeKind::Added, Vec::new()),
            Some(before) => match judge(aspects(before, &now, differs)) {
                Some(judged) => judged,
                None => return ControlFlow::Continue(()),
            },
        };
        self.tell(Change {
            path: path.clone(),
            kind,
            before: before.as_ref().map(Look::of),
            after: Some(Look::of(&now)),
            aspects,
            database: database.filter(|_| kind == ChangeKind::Changed),
        })
    }

    pub(super) fn tell(&mut self, change: Change) -> ControlFlow<()> {
        self.totals.count(change.kind);
        (self.take)(Ok(change))
    }
}
