//! Databases that are none any more: their header is gone, or all that was in them.
//!
//! Such a file is stored as it is, which nothing is wrong with. The hazard is that nobody notices: rules that drop old snapshots
//! would then drop the last one that has the database.

use super::assemble::Assembly;
use super::file::Stored;
use super::walk::Found;
use crate::entry::{Entry, Node};
use crate::error::Result;
use crate::manifest::Flaw;
use crate::monitor::WarningKind;
use crate::path::TreePath;
use crate::sqlite::Facts;

/// What is said of a file where a database stood before.
pub(super) const NONE_ANY_MORE: &str =
    "it was a database, and is none any more; it is stored as a plain file";

impl Assembly<'_, '_, '_> {
    /// A file that was read as one. Where a database stood before, that is told for as long as none does.
    pub(super) fn settle_read(
        &mut self,
        found: &Found,
        before: Option<&Entry>,
        result: Result<Option<Stored>>,
    ) -> Result<Option<Entry>> {
        let was_database = matches!(result, Ok(Some(_))) && self.was_database(found, before);
        let mut entry = self.settle_file(found, before, result)?;
        if let Some(Node::File { seen, .. }) = entry.as_mut().map(|entry| &mut entry.node)
            && was_database
        {
            // The next backup looks again, and says again that it is none.
            *seen = None;
            self.warn(found, WarningKind::DatabaseDamaged, NONE_ANY_MORE);
            self.tally.flag(self.tree_path(&found.name), Flaw::Damaged);
        }
        Ok(entry)
    }

    /// Whether a database without any page had some before.
    pub(super) fn was_emptied(&self, path: &TreePath, facts: &Facts) -> bool {
        let old = self.settings.database_before(self.tally.source, path);
        let had_pages = old.is_some_and(|old| old.facts.pages > 0);
        facts.pages == 0 && (had_pages || self.settings.was_damaged(self.tally.source, path))
    }

    fn was_database(&self, found: &Found, before: Option<&Entry>) -> bool {
        let path = || self.tree_path(&found.name);
        self.settings
            .was_database(self.tally.source, found, before, path)
    }
}
