//! What is in the snapshot and not among the live files.

use std::ops::ControlFlow;
use std::path::Path;

use super::beside::Beside;
use crate::capture::exclude::Excludes;
use crate::diff::pair::Pairs;
use crate::diff::{Change, ChangeKind, Look};
use crate::entry::Entry;
use crate::path::{Name, TreePath};

impl Beside<'_, '_> {
    /// What stood at a name; what stood between the name before and this one is gone, and told.
    pub(super) fn before(
        &mut self,
        name: &Name,
        excludes: &Excludes,
    ) -> ControlFlow<(), Option<Entry>> {
        self.removed_up_to(Some(name), excludes)?;
        let Some(reader) = self
            .levels
            .last_mut()
            .and_then(|level| level.before.as_mut())
        else {
            return ControlFlow::Continue(None);
        };
        let is_there = matches!(reader.peek(), Ok(Some(entry)) if entry.name == *name);
        let entry = is_there.then(|| reader.next()).flatten();
        ControlFlow::Continue(entry.and_then(Result::ok))
    }

    /// Tells of everything in the snapshot's folder before a name, or to its end.
    pub(super) fn removed_up_to(
        &mut self,
        name: Option<&Name>,
        excludes: &Excludes,
    ) -> ControlFlow<()> {
        loop {
            let Some(level) = self.levels.last_mut() else {
                return ControlFlow::Continue(());
            };
            let Some(reader) = level.before.as_mut() else {
                return ControlFlow::Continue(());
            };
            let gone = match reader.peek() {
                Ok(Some(entry)) if name.is_none_or(|name| entry.name < *name) => reader.next(),
                Ok(_) => return ControlFlow::Continue(()),
                Err(error) => Some(Err(error)),
            };
            match gone.transpose() {
                Ok(Some(entry)) => {
                    let tree = level.tree.join(&entry.name);
                    let live = level.live.join(entry.name.as_os_str());
                    self.removed(tree, &live, entry, excludes, false)?;
                }
                Ok(None) => return ControlFlow::Continue(()),
                // The rest of the folder is not known.
                Err(error) => {
                    level.before = None;
                    return (self.take)(Err(error));
                }
            }
        }
    }

    /// Tells that an entry is gone with everything in it; `is_told` where that of the entry itself has been told.
    pub(super) fn removed(
        &mut self,
        tree: TreePath,
        live: &Path,
        entry: Entry,
        excludes: &Excludes,
        is_told: bool,
    ) -> ControlFlow<()> {
        let depth = tree.parts().len();
        let mut left_out: Option<TreePath> = None;
        for gone in Pairs::removed(self.store, tree, entry).skip(is_told.into()) {
            let gone = match gone {
                Ok(gone) => gone,
                Err(error) => {
                    (self.take)(Err(error))?;
                    continue;
                }
            };
            let Some(before) = &gone.before else { continue };
            let below = gone.path.parts().iter().skip(depth);
            let place = below.fold(live.to_owned(), |path, name| path.join(name.as_os_str()));
            let is_folder = before.is_folder();
            let is_below = |folder: &TreePath| gone.path.parts().starts_with(folder.parts());
            if left_out.as_ref().is_some_and(is_below) {
                continue;
            }
            if excludes.by_pattern(&place, is_folder) {
                left_out = Some(gone.path);
                continue;
            }
            self.tell(Change {
                path: gone.path,
                kind: ChangeKind::Removed,
                before: Some(Look::of(before)),
                after: None,
                aspects: Vec::new(),
                database: None,
            })?;
        }
        ControlFlow::Continue(())
    }
}
