//! The `[counts."DATABASE"]`: facts to read from databases at each backup.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lifeboat_snapshot::CountQuery;

use super::{Config, Source};

/// Queries by the name of the fact, by database.
pub(super) type Counts = BTreeMap<String, BTreeMap<String, String>>;

impl Config {
    /// The facts to read from databases of any source.
    pub(crate) fn count_queries(&self) -> Vec<CountQuery> {
        let of_sources = self.sources.values().map(|source| &source.counts);
        merged(std::iter::once(&self.counts).chain(of_sources))
    }

    /// The facts to read from databases of this source: its own, and those at the top.
    pub(super) fn counts_of(&self, source: Option<&Source>) -> Vec<CountQuery> {
        let own = source.map(|source| &source.counts);
        merged(std::iter::once(&self.counts).chain(own))
    }
}

/// Of facts with the same name of the same database, the last one counts.
fn merged<'c>(all: impl Iterator<Item = &'c Counts>) -> Vec<CountQuery> {
    let mut merged: BTreeMap<(&String, &String), &String> = BTreeMap::new();
    for (database, queries) in all.flatten() {
        let named = queries.iter();
        merged.extend(named.map(|(name, query)| ((database, name), query)));
    }
    let query = |((database, name), query): ((&String, &String), &String)| CountQuery {
        database: PathBuf::from(database),
        name: name.clone(),
        query: query.clone(),
    };
    merged.into_iter().map(query).collect()
}
