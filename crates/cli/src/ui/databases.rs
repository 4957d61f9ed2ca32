//! Databases as people want to see them: how big, whether sound, and how much is in them.
//!
//! The configured counts are what a clinic knows its data by, so they come first; the rows of tables stand in for them.

use anstyle::Style;
use chrono::Utc;
use lifeboat_snapshot::manifest::Database;
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::sqlite::{Checked, Count, Facts};

use super::table::Cell;
use super::{facts::moment, paint, words};

/// Tables that are named where nothing was configured to be counted.
const TABLES: usize = 3;

/// What is in the database, in a few words.
pub(crate) fn contents(facts: &Facts) -> String {
    let texts: Vec<String> = match facts.counts.is_empty() {
        false => facts
            .counts
            .iter()
            .map(|(name, count)| counted(name, count))
            .collect(),
        true => largest(facts),
    };
    escape(texts.join(", ").as_bytes())
}

fn counted(name: &str, count: &Count) -> String {
    match count {
        Count::Is(number) => format!("{name} {}", words::signed(*number)),
        Count::Unknown(_) => format!("{name} unknown"),
    }
}

/// The tables with most rows.
fn largest(facts: &Facts) -> Vec<String> {
    let mut tables: Vec<(&String, &u64)> = facts.row_counts.iter().collect();
    tables.sort_by_key(|(name, rows)| (std::cmp::Reverse(**rows), *name));
    let named = tables.iter().take(TABLES);
    let mut texts: Vec<String> = named
        .map(|(name, rows)| format!("{name} {}", words::count(**rows)))
        .collect();
    if tables.len() > TABLES {
        texts.push(format!("+{} tables", tables.len() - TABLES));
    }
    texts
}

/// What SQLite's check said, or when it last said something: a check takes long, so not every backup makes one.
pub(crate) fn check(database: &Database) -> Cell {
    let (word, style) = match &database.facts.check {
        Checked::Ok => ("ok".to_owned(), paint::GOOD),
        Checked::NotDone => (last_check(database.checked_ms), Style::new()),
        Checked::Unable(_) => ("cannot be checked".to_owned(), paint::FAIR),
        Checked::Damaged(_) => ("DAMAGED".to_owned(), paint::ERROR),
    };
    Cell::new(word).styled(style)
}

fn last_check(checked_ms: Option<i64>) -> String {
    match checked_ms.and_then(moment) {
        Some(time) => format!("checked {}", words::age(time.fixed_offset(), Utc::now())),
        None => "not checked".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    fn facts(counts: &[(&str, Count)], rows: &[(&str, u64)]) -> Facts {
        Facts {
            page_size: 4096,
            pages: 2,
            journal_mode: "wal".into(),
            encoding: "UTF-8".into(),
            user_version: 0,
            application_id: 0,
            schema_hash: None,
            row_counts: rows
                .iter()
                .map(|(name, rows)| ((*name).to_owned(), *rows))
                .collect(),
            row_counts_complete: true,
            counts: counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), count.clone()))
                .collect::<BTreeMap<_, _>>(),
            check: Checked::Ok,
            rolled_back: false,
            lock: Duration::ZERO,
        }
    }

    #[test]
    fn configured_counts_come_first() {
        let counts = [
            ("patients", Count::Is(1204)),
            ("visits", Count::Unknown("no such table".into())),
        ];
        assert_eq!(
            contents(&facts(&counts, &[("t", 5)])),
            "patients 1,204, visits unknown"
        );
    }

    #[test]
    fn without_counts_the_largest_tables_are_told() {
        let rows = [("a", 1), ("b", 9000), ("c", 3), ("d", 3)];
        assert_eq!(contents(&facts(&[], &rows)), "b 9,000, c 3, d 3, +1 tables");
        assert_eq!(contents(&facts(&[], &[])), "");
    }
}
