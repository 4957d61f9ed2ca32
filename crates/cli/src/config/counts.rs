//! The `[counts."DATABASE"]`: facts to read from databases at each backup.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lifeboat_snapshot::CountQuery;

use super::Config;

/// Queries by the name of the fact, by database.
pub(super) type Counts = BTreeMap<String, BTreeMap<String, String>>;

impl Config {
    /// The facts to read from databases.
    pub(crate) fn count_queries(&self) -> Vec<CountQuery> {
        let of = |(database, queries): (&String, &BTreeMap<String, String>)| {
            let query = |(name, query): (&String, &String)| CountQuery {
                database: PathBuf::from(database),
                name: name.clone(),
                query: query.clone(),
            };
            queries.iter().map(query).collect::<Vec<_>>()
        };
        self.counts.iter().flat_map(of).collect()
    }
}
