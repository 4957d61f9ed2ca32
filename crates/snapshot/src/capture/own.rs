//! What single sources of a backup have for themselves: folders of one snapshot need not be treated alike.

use std::borrow::Cow;

use super::plan::{Backup, CheckPolicy, CountQuery};

/// What holds for one source of a backup, in place of what [`Backup`] says of all under the same names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRules {
    /// What to leave out, in gitignore's syntax, relative to the source.
    pub excludes: Vec<String>,
    /// Leave out what is in folders that are marked as caches (`CACHEDIR.TAG`).
    pub exclude_caches: bool,
    /// Leave out files of more bytes than this; databases are never too large.
    pub exclude_larger_than: Option<u64>,
    /// Leave out what is on another file system than the source.
    pub one_file_system: bool,
    /// Facts to read from its databases.
    pub counts: Vec<CountQuery>,
    /// When to run SQLite's own check.
    pub check: CheckPolicy,
}

impl Backup {
    /// The backup as it is to be for the source of this number.
    pub(super) fn of_source(&self, number: u32) -> Cow<'_, Self> {
        let Some(own) = self.own_of(number).cloned() else {
            return Cow::Borrowed(self);
        };
        Cow::Owned(Self {
            excludes: own.excludes,
            exclude_caches: own.exclude_caches,
            exclude_larger_than: own.exclude_larger_than,
            one_file_system: own.one_file_system,
            counts: own.counts,
            check: own.check,
            ..self.clone()
        })
    }

    /// When the databases of a source are checked.
    pub(super) fn check_of(&self, number: u32) -> CheckPolicy {
        self.own_of(number).map_or(self.check, |own| own.check)
    }

    fn own_of(&self, number: u32) -> Option<&SourceRules> {
        self.own.get(&usize::try_from(number).ok()?)
    }

    /// Facts that are read from the databases of any source.
    pub(super) fn all_counts(&self) -> impl Iterator<Item = &CountQuery> {
        let own = self.own.values().flat_map(|own| &own.counts);
        self.counts.iter().chain(own)
    }
}
