//! A restore in progress: folders as the walk comes to them, small files many at once, large ones by all threads together,
//! each folder finished when everything in it is.

use std::collections::HashMap;

use lifeboat_store::words::in_one_line;

use super::account::Account;
use super::file::{Done, Fate, Files, Waiting};
use super::folders::{Folders, Made};
use super::parts::is_loss;
use super::select::Selection;
use super::{Loss, Restore, RestoreReport};
use crate::content::Content;
use crate::entry::{Entry, Meta, Node};
use crate::error::Result;
use crate::monitor::{Monitor, WarningKind, go_on};
use crate::path::TreePath;
use crate::tree::Tree;

/// Files that are written at once, at most, and their bytes.
const BATCH_FILES: usize = 2048;
const BATCH_BYTES: u64 = 64 << 20;

/// A restore in progress.
pub(super) struct Run<'a> {
    tree: &'a Tree<'a>,
    files: &'a Files<'a>,
    monitor: &'a dyn Monitor,
    plan: &'a Restore,
    account: Account<'a>,
    folders: Folders<'a>,
    waiting: Vec<Waiting>,
    waiting_bytes: u64,
    /// The first file of each group of hard links.
    groups: HashMap<u64, (TreePath, Content)>,
}

impl<'a> Run<'a> {
    /// Nothing is written yet. `root` is given to the target itself in the end.
    pub(super) fn new(
        tree: &'a Tree<'a>,
        files: &'a Files<'a>,
        plan: &'a Restore,
        root: Option<Meta>,
        monitor: &'a dyn Monitor,
    ) -> Self {
        // Of a part of a snapshot, the rest of it would be deleted.
        let deletes = plan.delete && plan.paths.is_empty() && plan.only.is_none();
        Self {
            tree,
            files,
            monitor,
            plan,
            account: Account::new(files.root, monitor),
            folders: Folders::new(files, root, deletes),
            waiting: Vec::new(),
            waiting_bytes: 0,
            groups: HashMap::new(),
        }
    }

    /// What was done so far.
    pub(super) fn into_report(self) -> RestoreReport {
        self.account.report
    }

    /// Writes everything that is selected.
    pub(super) fn restore(&mut self, selection: &Selection) -> Result<()> {
        let mut walk = self.tree.walk();
        while let Some(found) = walk.next() {
            go_on(self.monitor)?;
            match found {
                Ok((path, entry)) => self.take(selection, &path, entry)?,
                // Entries are lost, nobody knows which.
                Err(error) if is_loss(&error) => {
                    let path = walk.folder();
                    self.folders.is_lacking(&path);
                    self.account.lose(Loss {
                        path,
                        ranges: Vec::new(),
                        reason: format!("entries of this folder are lost: {}", in_one_line(&error)),
                    });
                }
                Err(error) => return Err(error),
            }
        }
        self.write_waiting()?;
        self.folders.leave_all();
        self.finish_folders()?;
        self.account.tell_of_attributes();
        Ok(())
    }

    fn take(&mut self, selection: &Selection, path: &TreePath, entry: Entry) -> Result<()> {
        self.folders.arrive(path);
        let is_wanted = selection.admits(path, &entry);
        let Entry { meta, node, .. } = entry;
        let is_folder = matches!(node, Node::Folder { .. });
        if is_folder {
            self.folders.enter(path, meta.clone());
        }
        if !is_wanted || self.folders.is_barred() {
            return Ok(());
        }
        match self.folders.make()? {
            Made::All => {}
            Made::Barred(what) => {
                self.account.unwritable(path, what);
                return Ok(());
            }
        }
        if is_folder {
            self.account.report.folders += 1;
            return Ok(());
        }
        self.monitor.item(&self.files.root.locate(path));
        let done = match node {
            Node::File { content, links, .. } => self.take_file(path, meta, content, links, false),
            Node::Database { content, .. } => self.take_file(path, meta, content, None, true),
            Node::Symlink { target } => self
                .files
                .put_link(path, &target, &meta)
                .map(|done| self.account.settle(path, done, |report| report.links += 1)),
            Node::Special { kind, device } if self.plan.special_files => self
                .files
                .put_special(path, kind, device, &meta)
                .map(|done| {
                    self.account
                        .settle(path, done, |report| report.specials += 1)
                }),
            node => {
                let message = format!("a {} is made on request only", node.kind());
                self.account.warn(path, WarningKind::Skipped, message);
                Ok(())
            }
        };
        done.or_else(|error| self.account.forgive(path, error))
    }

    fn take_file(
        &mut self,
        path: &TreePath,
        meta: Meta,
        content: Content,
        group: Option<u64>,
        is_database: bool,
    ) -> Result<()> {
        if let Some(group) = group
            && self.take_name(path, &content, group)?
        {
            return Ok(());
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(content.len);
        self.waiting.push(Waiting {
            path: path.clone(),
            meta,
            content,
            is_database,
            group,
        });
        if self.waiting.len() >= BATCH_FILES || self.waiting_bytes >= BATCH_BYTES {
            self.write_waiting()?;
        }
        Ok(())
    }

    /// Makes a hard link where the file is there under another name; `false` where this is the first.
    fn take_name(&mut self, path: &TreePath, content: &Content, group: u64) -> Result<bool> {
        // The number is a hint: names of one file have one content, or they are not linked.
        let is_same = |groups: &HashMap<_, (TreePath, Content)>| {
            let first = groups.get(&group).filter(|(_, first)| first == content);
            first.map(|(path, _)| path.clone())
        };
        if is_same(&self.groups).is_some() {
            // The first name must be there before it gets a second one; it may turn out to be lost.
            self.write_waiting()?;
            if let Some(first) = is_same(&self.groups) {
                let done = self.files.put_name(path, &first)?;
                self.account.report.bytes += content.len;
                self.monitor.advance(content.len);
                self.account.settle(path, done, |report| report.files += 1);
                return Ok(true);
            }
        }
        self.groups.insert(group, (path.clone(), content.clone()));
        Ok(false)
    }

    fn write_waiting(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let files = self.files;
        let done = files.put_all(&waiting);
        for (file, done) in waiting.into_iter().zip(done) {
            // What was left is somebody else's file of this name, and gets no other names.
            let is_there =
                matches!(&done, Ok(done) if matches!(done.fate, Fate::Written | Fate::Kept));
            if let (false, Some(group)) = (is_there, file.group) {
                self.groups.remove(&group);
            }
            let len = file.content.len;
            let count = |report: &mut RestoreReport| {
                report.files += 1;
                report.bytes += len;
            };
            done.map(|done| self.account.settle(&file.path, done, count))
                .or_else(|error| self.account.forgive(&file.path, error))?;
        }
        self.finish_folders()
    }

    /// Folders whose entries are all there get their attributes; writing into them changed their times.
    fn finish_folders(&mut self) -> Result<()> {
        for (path, result) in self.folders.finish() {
            match result {
                Ok((missed, deleted)) => {
                    self.account.report.deleted += deleted;
                    let done = Done {
                        fate: Fate::Written,
                        missed,
                    };
                    self.account.settle(&path, done, |_| {});
                }
                Err(error) => self.account.forgive(&path, error)?,
            }
        }
        Ok(())
    }
}
