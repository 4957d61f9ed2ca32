//! Rows of tables, and the counts that somebody configured.
//!
//! What is counted is up to whoever made the database: a table may have as many names as a view has rows, without end. So
//! there is a budget of time and memory for all of it, and what was not reached is told as not known.

use std::collections::BTreeMap;
use std::time::Instant;

use rusqlite::Connection;

use super::{Count, MAX_TEXT, is_damage, shortened};
use crate::limits::MAX_TABLES;
use crate::sqlite::capture::CaptureOptions;
use crate::sqlite::watch::watched;

/// Rows of each table, by its name.
pub(in crate::sqlite) type RowCounts = BTreeMap<String, u64>;

/// The rows of all tables; `None` where the budget did not reach all of them or something went wrong.
pub(in crate::sqlite) fn all_row_counts(
    connection: &Connection,
    options: &CaptureOptions,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Option<RowCounts> {
    let mut counted = RowCounts::new();
    let all = row_counts(connection, options, is_stopped, &mut counted);
    all.is_ok_and(|all| all).then_some(counted)
}

/// Counts table after table; tells whether all were reached.
pub(super) fn row_counts(
    connection: &Connection,
    options: &CaptureOptions,
    is_stopped: &(dyn Fn() -> bool + Sync),
    into: &mut RowCounts,
) -> rusqlite::Result<bool> {
    let (budget, began) = (options.row_count_budget, Instant::now());
    if budget.is_zero() {
        return Ok(false);
    }
    watched(connection, budget, is_stopped, || {
        let (tables, mut all) = tables(connection)?;
        for table in tables {
            if began.elapsed() >= budget {
                return Ok(false);
            }
            let quoted = table.replace('"', "\"\"");
            let query = format!("SELECT count(*) FROM main.\"{quoted}\"");
            let rows = connection.query_row(&query, [], |row| row.get::<_, i64>(0));
            match rows {
                Ok(rows) => drop(into.insert(table, u64::try_from(rows).unwrap_or_default())),
                Err(error) if is_damage(&error) => return Err(error),
                Err(_) => all = false,
            }
        }
        Ok(all)
    })
    .value
}

/// The names of the tables whose rows are told, and whether these are all.
fn tables(connection: &Connection) -> rusqlite::Result<(Vec<String>, bool)> {
    let mut statement = connection.prepare(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table'
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'create virtual%'
         ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    let mut names = Vec::new();
    let mut all = true;
    while let Some(row) = rows.next()? {
        match row.get_ref(0)?.as_str() {
            Ok(name) if name.len() <= MAX_TEXT && names.len() < MAX_TABLES => {
                names.push(name.to_owned());
            }
            _ => all = false,
        }
    }
    Ok((names, all))
}

/// The results of the configured queries.
pub(super) fn counts(connection: &Connection, options: &CaptureOptions) -> BTreeMap<String, Count> {
    let counts = options.counts.iter();
    counts
        .map(|(name, query)| (name.clone(), configured(connection, query, options)))
        .collect()
}

/// Runs a query that somebody wrote into a configuration: one that reads, and only for a while.
///
/// `COMMIT` counts as reading to SQLite and would end the capture's transaction, hence the look
/// at the words; writing and attaching are refused by the connection itself.
fn configured(connection: &Connection, query: &str, options: &CaptureOptions) -> Count {
    let first = query.split_whitespace().next().unwrap_or_default();
    let is_query = ["select", "with", "values"].map(|word| first.eq_ignore_ascii_case(word));
    if !is_query.contains(&true) {
        return Count::Unknown(rusqlite::Error::InvalidQuery.to_string());
    }
    let counted = watched(
        connection,
        options.count_budget,
        &|| options.is_stopped(),
        || {
            let mut statement = connection.prepare(query)?;
            match statement.readonly() {
                true => statement.query_row([], |row| row.get(0)),
                false => Err(rusqlite::Error::InvalidQuery),
            }
        },
    );
    match (counted.value, counted.ended) {
        (Ok(value), _) => Count::Is(value),
        (Err(_), Some(why)) => Count::Unknown(why.to_string()),
        (Err(error), None) => Count::Unknown(shortened(error.to_string())),
    }
}
