//! The walk of live files beside the folders of a snapshot.
//!
//! The order of names is the same on both sides, so what stands before the next live name in the snapshot's folder is gone.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use lifeboat_store::Store;

use super::{Live, Root};
use crate::capture::ahead::is_shared_memory;
use crate::capture::exclude::Excludes;
use crate::capture::walk::{Found, Step, Walk, find_root, is_side_file_of};
use crate::diff::{DiffTotals, TakeChange};
use crate::entry::Entry;
use crate::error::{IoContext, Result};
use crate::folder::FolderReader;
use crate::monitor::{Monitor, Warning, WarningKind, go_on};
use crate::path::{Name, TreePath, real};
use crate::sqlite::Facts;

/// A live folder, and the folder of the snapshot beside it.
pub(super) struct Level<'r> {
    pub(super) tree: TreePath,
    pub(super) live: PathBuf,
    pub(super) before: Option<FolderReader<'r>>,
    /// Databases met so far: their side files are not compared.
    pub(super) databases: Vec<Name>,
}

/// The walk.
pub(super) struct Beside<'c, 't> {
    pub(super) store: &'c Store,
    /// What the manifest says of the databases.
    pub(super) facts: HashMap<TreePath, &'c Facts>,
    pub(super) live: &'c Live,
    pub(super) monitor: &'c dyn Monitor,
    pub(super) take: &'c mut TakeChange<'t>,
    pub(super) totals: DiffTotals,
    pub(super) levels: Vec<Level<'c>>,
}

impl Beside<'_, '_> {
    /// Compares one source.
    ///
    /// # Errors
    /// Where the live one is not there.
    pub(super) fn source(&mut self, repository: PathBuf, root: Root) -> Result<ControlFlow<()>> {
        let stat = std::fs::symlink_metadata(&root.live).of_source(&root.live)?;
        let own = self.live.exclude_folders.iter().cloned();
        let own = own.chain([repository]).map(|folder| real(&folder));
        let excludes = Excludes::new(&root.live, &self.live.excludes, own.collect())?;
        let walk = Walk::new(&excludes, find_root(&root.live, stat)?);
        let mut first = Some((root.tree, root.entry));
        for step in walk {
            go_on(self.monitor)?;
            let flow = match first.take() {
                Some((tree, entry)) => self.root_step(step, tree, entry),
                None => self.step(step, &excludes),
            };
            if flow.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn root_step(&mut self, step: Step, tree: TreePath, entry: Entry) -> ControlFlow<()> {
        match step {
            Step::Enter(found) => self.folder(&found, tree, Some(entry)),
            Step::Item(found) => self.item(&found, tree, Some(entry)),
            Step::Leave | Step::Excluded(_) => ControlFlow::Continue(()),
            Step::Note(warning) => self.unread(warning),
        }
    }

    fn step(&mut self, step: Step, excludes: &Excludes) -> ControlFlow<()> {
        match step {
            Step::Enter(found) => {
                let before = self.before(&found.name, excludes)?;
                let tree = self.below(&found.name);
                self.folder(&found, tree, before)
            }
            Step::Item(found) if self.is_side_file(&found) => ControlFlow::Continue(()),
            Step::Item(found) => {
                let before = self.before(&found.name, excludes)?;
                let tree = self.below(&found.name);
                self.item(&found, tree.clone(), before.clone())?;
                // A folder that is none any more held something.
                match before {
                    Some(was) if was.is_folder() => {
                        self.removed(tree, &found.path, was, excludes, true)
                    }
                    _ => ControlFlow::Continue(()),
                }
            }
            Step::Leave => {
                let flow = self.removed_up_to(None, excludes);
                self.levels.pop();
                flow
            }
            Step::Excluded(_) => ControlFlow::Continue(()),
            Step::Note(warning) => self.note(warning, excludes),
        }
    }

    fn below(&self, name: &Name) -> TreePath {
        let level = self.levels.last();
        level.map_or_else(TreePath::root, |level| level.tree.join(name))
    }

    fn is_side_file(&self, found: &Found) -> bool {
        let databases = self.levels.last().map(|level| level.databases.as_slice());
        let mut databases = databases.unwrap_or_default().iter();
        databases.any(|main| is_side_file_of(&found.name, main)) || is_shared_memory(found)
    }

    /// Something that the walk could not look at: neither there nor gone.
    fn note(&mut self, warning: Warning, excludes: &Excludes) -> ControlFlow<()> {
        use std::os::unix::ffi::OsStrExt;
        if warning.kind == WarningKind::Vanished {
            return ControlFlow::Continue(());
        }
        let is_level = |level: &&mut Level<'_>| level.live == warning.path;
        if let Some(level) = self.levels.last_mut().filter(is_level) {
            level.before = None;
        } else if let Some(name) = warning.path.file_name()
            && let Ok(name) = Name::new(name.as_bytes())
        {
            self.before(&name, excludes)?;
        }
        self.unread(warning)
    }

    pub(super) fn unread(&mut self, warning: Warning) -> ControlFlow<()> {
        self.totals.unreadable += u64::from(warning.kind.is_loss());
        self.monitor.warning(&warning);
        ControlFlow::Continue(())
    }
}
