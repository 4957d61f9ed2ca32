//! What leaves its place by a journal: what is in the folders among it, and the databases, each by itself or in a folder.

use std::path::PathBuf;

use super::journal::{Change, Journal, Step};
use super::was::{Inner, Role};

impl Journal {
    /// What is in the folder that leaves by this step.
    pub(super) fn inside(&self, step: usize) -> &[Inner] {
        let from = self
            .inside
            .partition_point(|one| (one.step as usize) < step);
        let to = self.inside.partition_point(|one| one.step as usize <= step);
        self.inside.get(from..to).unwrap_or_default()
    }

    /// Where the databases are live that are replaced or taken away.
    pub(super) fn databases(&self) -> Vec<PathBuf> {
        let lives: Vec<PathBuf> = self.places().map(|(live, _)| live).collect();
        self.leaving(|step, _| Some(step.path.below(lives.get(step.folder as usize)?)))
    }

    /// Where the databases are that were replaced or taken away.
    pub(super) fn replaced(&self) -> Vec<PathBuf> {
        let stages: Vec<PathBuf> = self.places().map(|(_, stage)| stage).collect();
        self.leaving(|step, number| {
            let stage = stages.get(step.folder as usize)?;
            match &step.change {
                Change::Put {
                    staged,
                    was: Some(_),
                    ..
                } => Some(staged.below(stage)),
                Change::Remove { .. } => {
                    Some(stage.join(super::steps::OLD).join(number.to_string()))
                }
                _ => None,
            }
        })
    }

    /// The databases that leave, each by itself or with the folder that it is in, where what leaves is found by `find`.
    fn leaving(&self, find: impl Fn(&Step, usize) -> Option<PathBuf>) -> Vec<PathBuf> {
        let mut databases = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let is_database = match step.change {
                Change::Put { is_database, .. } | Change::Remove { is_database, .. } => is_database,
                Change::RemoveFolder | Change::Describe { .. } => false,
            };
            let inside = self.inside(number).iter();
            let inside = inside.filter(|inner| inner.role == Role::Database);
            if let Some(found) = find(step, number) {
                databases.extend(inside.map(|inner| inner.path.below(&found)));
                databases.extend(is_database.then_some(found));
            }
        }
        databases
    }
}
