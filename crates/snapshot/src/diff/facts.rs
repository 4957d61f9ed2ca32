//! The facts of the databases on both sides, by the paths that the differences are told with.

use std::collections::HashMap;

use super::pair::Root;
use super::{DatabaseChange, TwoFacts};
use crate::manifest::Manifest;
use crate::path::TreePath;
use crate::sqlite::Facts;
use crate::tree::Tree;

/// What is known of each database on either side.
pub(super) struct FactsBySide<'t>(HashMap<TreePath, TwoFacts<'t>>);

impl<'t> FactsBySide<'t> {
    /// Of two snapshots whose sources were put side by side.
    pub(super) fn of(roots: &[Root], before: &'t Tree<'_>, after: &'t Tree<'_>) -> Self {
        let mut facts: HashMap<TreePath, TwoFacts<'t>> = HashMap::new();
        for root in roots {
            for (path, found) in
                of_source(before.manifest(), root.numbers.0, root.pair.path.clone())
            {
                facts.entry(path).or_default().0 = Some(found);
            }
            for (path, found) in of_source(after.manifest(), root.numbers.1, root.pair.path.clone())
            {
                facts.entry(path).or_default().1 = Some(found);
            }
        }
        Self(facts)
    }

    /// What differs inside the database at a path, if there is one.
    pub(super) fn change(&self, path: &TreePath) -> Option<DatabaseChange> {
        let (before, after) = *self.0.get(path)?;
        Some(DatabaseChange::between(before, after))
    }
}

/// The databases of one source, with its place before their paths.
pub(super) fn of_source(
    manifest: &Manifest,
    number: Option<usize>,
    place: TreePath,
) -> impl Iterator<Item = (TreePath, &Facts)> {
    let databases = manifest.databases.iter();
    databases
        .filter(move |database| Some(database.source as usize) == number)
        .map(move |database| {
            let parts = database.path.parts().iter();
            let path = parts.fold(place.clone(), |path, part| path.join(part));
            (path, &database.facts)
        })
}
