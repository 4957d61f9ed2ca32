//! Sources that grow: databases, and folders of files.

use std::path::Path;

use rusqlite::Connection;

use crate::Told;
use crate::support::lifeboat::Lifeboat;
use crate::support::measure::{Took, settle};
use crate::support::{Ask, Scratch, files as small};

/// Rows of a gigabyte.
const ROWS: i64 = 1_150_000;

/// Edits of rows that stand anywhere.
const EDIT: &str = "UPDATE entry SET text = printf('%0800d', id + ?2)
    WHERE id IN (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    SELECT 1 + i * 7919 % (SELECT max(id) FROM entry) FROM n)";

/// Adds rows of some 850 bytes, most of them zeros.
fn grow(path: &Path, gigabytes: u64) {
    let mut database = Connection::open(path).expect("it opens");
    let all = "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;
        CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, text TEXT)";
    database.execute_batch(all).expect("it is a database");
    for _ in 0..gigabytes {
        let batch = database.transaction().expect("nobody else writes");
        let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
            INSERT INTO entry (text) SELECT printf('%0800d', i * 1000003) FROM n";
        batch.execute(insert, [ROWS]).expect("there is room");
        batch.commit().expect("there is room");
    }
}

fn edit(path: &Path, rows: u64, seed: u64) {
    let database = Connection::open(path).expect("it opens");
    let numbers = [rows, seed].map(u64::cast_signed);
    database.execute(EDIT, numbers).expect("there is room");
}

/// A backup after something happened, the disk at rest.
fn after(lifeboat: &Lifeboat, source: &Path, happens: impl FnOnce()) -> Took {
    happens();
    settle();
    lifeboat.backup(source)
}

pub(crate) fn databases(ask: &Ask) {
    let title = "Databases that grow: nothing changed, and one row edited";
    let mut told = Told::new("database", title, "gigabytes");
    let scratch = Scratch::new("scale-database");
    let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
    let (path, lifeboat) = (source.join("app.db"), Lifeboat::at(place));
    let (mut size, mut there) = (1, 0);
    while size <= ask.most.unwrap_or(4) {
        grow(&path, size - there);
        there = size;
        // Once more, because a change of the last moment is looked at twice.
        (0..2).for_each(|_| drop(after(&lifeboat, &source, || {})));
        told.add(ask, size, "nothing changed", |_| {
            after(&lifeboat, &source, || {})
        });
        told.add(ask, size, "one edit", |run| {
            // The same text again would be no change.
            let seed = size * 1000 + run as u64;
            after(&lifeboat, &source, || edit(&path, 1, seed))
        });
        size *= 2;
    }
    told.print();
}

pub(crate) fn changes(ask: &Ask) {
    let title = "A database of 1 GB: more and more rows edited";
    let mut told = Told::new("changes", title, "rows edited");
    let scratch = Scratch::new("scale-changes");
    let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
    let (path, lifeboat) = (source.join("app.db"), Lifeboat::at(place));
    grow(&path, 1);
    (0..2).for_each(|_| drop(after(&lifeboat, &source, || {})));
    for (number, rows) in [1, 10, 100, 1000, 10_000, 100_000].into_iter().enumerate() {
        told.add(ask, rows, "backup", |run| {
            let seed = (number * 100 + run + 1) as u64;
            after(&lifeboat, &source, || edit(&path, rows, seed))
        });
    }
    told.print();
}

pub(crate) fn files(ask: &Ask) {
    let title = "Small files: nothing changed, and one edited";
    let mut told = Told::new("files", title, "files");
    let mut count = 10_000;
    while count <= ask.most.unwrap_or(100_000) {
        let scratch = Scratch::new("scale-files");
        let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
        small::tree(&source, count);
        let lifeboat = Lifeboat::at(place);
        (0..2).for_each(|_| drop(after(&lifeboat, &source, || {})));
        told.add(ask, count, "nothing changed", |_| {
            after(&lifeboat, &source, || {})
        });
        told.add(ask, count, "one edit", |run| {
            let edit = || small::edit_tree(&source, count, 1, 0, run as u64 + 1);
            after(&lifeboat, &source, edit)
        });
        count *= 10;
    }
    told.print();
}
