//! What differs between two states of one database, as far as the facts of both tell: tables, rows, counts, schema.
//!
//! Equal numbers of rows say nothing about the rows themselves: that the bytes differ is told by the entry.

use std::collections::BTreeMap;

use crate::sqlite::{Count, Facts};

/// Differences inside a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseChange {
    /// Tables that are new, with their rows.
    pub tables_added: BTreeMap<String, u64>,
    /// Tables that are gone, with the rows they had.
    pub tables_removed: BTreeMap<String, u64>,
    /// Tables with another number of rows: then and now.
    pub tables_changed: BTreeMap<String, (u64, u64)>,
    /// Whether all tables of both sides were counted. Where not, a table that was not is in none of the lists.
    pub is_complete: bool,
    /// Configured counts that differ: then and now, as far as they are known.
    pub counts: BTreeMap<String, (Option<i64>, Option<i64>)>,
    /// Whether tables, indexes, views or triggers are defined otherwise; `None` where that is not known.
    pub schema_changed: Option<bool>,
    /// Bytes of extents that differ from those of the earlier state, where they were compared.
    pub changed_bytes: Option<u64>,
}

impl DatabaseChange {
    /// What the facts of both sides tell; a side without any has no tables.
    pub(super) fn between(before: Option<&Facts>, after: Option<&Facts>) -> Self {
        let none = BTreeMap::new();
        let rows =
            |facts: Option<&Facts>| facts.map_or_else(|| none.clone(), |f| f.row_counts.clone());
        let (old, new) = (rows(before), rows(after));
        // A table that was not counted is not a table that is not there.
        let knows = |facts: Option<&Facts>| facts.is_none_or(|facts| facts.row_counts_complete);
        let lacking = |from: &BTreeMap<String, u64>, other: &BTreeMap<String, u64>| {
            let only = from.iter().filter(|(table, _)| !other.contains_key(*table));
            only.map(|(table, rows)| (table.clone(), *rows)).collect()
        };
        let changed = old.iter().filter_map(|(table, &then)| {
            let now = *new.get(table)?;
            (then != now).then(|| (table.clone(), (then, now)))
        });
        Self {
            tables_changed: changed.collect(),
            tables_added: if knows(before) {
                lacking(&new, &old)
            } else {
                BTreeMap::new()
            },
            tables_removed: if knows(after) {
                lacking(&old, &new)
            } else {
                BTreeMap::new()
            },
            is_complete: knows(before) && knows(after),
            counts: counts(before, after),
            schema_changed: schema_changed(before, after),
            changed_bytes: None,
        }
    }

    /// Whether nothing that was counted differs.
    pub fn is_empty(&self) -> bool {
        self.tables_added.is_empty()
            && self.tables_removed.is_empty()
            && self.tables_changed.is_empty()
            && self.counts.is_empty()
            && self.schema_changed != Some(true)
    }
}

fn counts(
    before: Option<&Facts>,
    after: Option<&Facts>,
) -> BTreeMap<String, (Option<i64>, Option<i64>)> {
    let of = |facts: Option<&Facts>, name: &str| match facts?.counts.get(name)? {
        Count::Is(number) => Some(*number),
        Count::Unknown(_) => None,
    };
    let names = [before, after].into_iter().flatten();
    names
        .flat_map(|facts| facts.counts.keys())
        .map(|name| (name.clone(), (of(before, name), of(after, name))))
        .filter(|(_, (then, now))| then != now)
        .collect()
}

fn schema_changed(before: Option<&Facts>, after: Option<&Facts>) -> Option<bool> {
    Some(before?.schema_hash? != after?.schema_hash?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sqlite::Checked;

    fn facts(rows: &[(&str, u64)], is_complete: bool) -> Facts {
        let rows = rows.iter().map(|(name, rows)| ((*name).to_owned(), *rows));
        Facts {
            page_size: 4096,
            pages: 1,
            journal_mode: "wal".into(),
            encoding: "UTF-8".into(),
            user_version: 0,
            application_id: 0,
            schema_hash: Some([is_complete.into(); 32]),
            row_counts: rows.collect(),
            row_counts_complete: is_complete,
            counts: BTreeMap::new(),
            check: Checked::NotDone,
            rolled_back: false,
            lock: Duration::ZERO,
        }
    }

    #[test]
    fn tables_come_go_and_grow() {
        let before = facts(&[("a", 1), ("b", 2), ("c", 3)], true);
        let after = facts(&[("b", 2), ("c", 4), ("d", 5)], true);
        let change = DatabaseChange::between(Some(&before), Some(&after));
        assert_eq!(change.tables_added, [("d".to_owned(), 5)].into());
        assert_eq!(change.tables_removed, [("a".to_owned(), 1)].into());
        assert_eq!(change.tables_changed, [("c".to_owned(), (3, 4))].into());
        assert!(change.is_complete && change.schema_changed == Some(false));
    }

    #[test]
    fn a_table_that_was_not_counted_is_not_called_gone() {
        let before = facts(&[("a", 1), ("b", 2)], true);
        let after = facts(&[("a", 1)], false);
        let change = DatabaseChange::between(Some(&before), Some(&after));
        assert!(change.tables_removed.is_empty() && !change.is_complete);
        let back = DatabaseChange::between(Some(&after), Some(&before));
        assert!(back.tables_added.is_empty());
    }

    #[test]
    fn a_count_that_is_new_or_unknown_differs() {
        let with = |count| {
            let mut facts = facts(&[], true);
            facts.counts.insert("patients".into(), count);
            facts
        };
        let (three, unknown) = (with(Count::Is(3)), with(Count::Unknown("why".into())));
        let of = |a, b| DatabaseChange::between(Some(a), Some(b)).counts;
        assert_eq!(of(&three, &three), BTreeMap::new());
        assert_eq!(
            of(&three, &unknown),
            [("patients".to_owned(), (Some(3), None))].into()
        );
        let none = facts(&[], true);
        assert_eq!(of(&none, &three)["patients"], (None, Some(3)));
    }
}
