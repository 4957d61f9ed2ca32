//! Sources that grow: databases, and folders of files.

use std::path::Path;

use rusqlite::Connection;

use crate::sparse::Sparse;
use crate::support::lifeboat::Lifeboat;
use crate::support::measure::{rest, settle};
use crate::support::{Ask, Scratch, files as small};
use crate::told::{Step, Told};

/// Rows of a gigabyte.
const ROWS: i64 = 1_150_000;

/// Gigabytes, of 2³⁰ bytes, that databases have.
const GIGABYTES: [u64; 3] = [1, 8, 64];

/// Bytes that the longest of very many files have more than the shortest, 300.
const SPREAD: u64 = 400;

/// Files of which more and more are edited.
const EDITED: u64 = 100_000;

/// Edits of rows that stand anywhere.
const EDIT: &str = "UPDATE entry SET text = printf('%0800d', id + ?2)
    WHERE id IN (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    SELECT 1 + i * 7919 % (SELECT max(id) FROM entry) FROM n)";

/// A database of rows of some 850 bytes, most of them zeros.
fn make_rows(path: &Path) {
    let mut database = Connection::open(path).expect("it opens");
    let all = "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;
        CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT)";
    database.execute_batch(all).expect("it is a database");
    let batch = database.transaction().expect("nobody else writes");
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO entry (text) SELECT printf('%0800d', i * 1000003) FROM n";
    batch.execute(insert, [ROWS]).expect("there is room");
    batch.commit().expect("there is room");
}

fn edit_rows(path: &Path, rows: u64, seed: u64) {
    let database = Connection::open(path).expect("it opens");
    let numbers = [rows, seed].map(u64::cast_signed);
    database.execute(EDIT, numbers).expect("there is room");
}

/// A backup after something happened, the disk at rest.
fn after(lifeboat: &Lifeboat, source: &Path, happens: impl FnOnce()) -> Step {
    happens();
    let before = lifeboat.size();
    settle();
    let took = lifeboat.backup(source);
    (took, Some(lifeboat.size().saturating_sub(before)))
}

/// The first, then twice more of nothing new: a change of the last moment is looked at twice.
fn begin(told: &mut Told, ask: &Ask, size: u64, lifeboat: &Lifeboat, source: &Path) {
    told.put(size, "first", &[after(lifeboat, source, || {})]);
    drop(after(lifeboat, source, || {}));
    told.add(ask, size, "nothing changed", |_| {
        after(lifeboat, source, || {})
    });
}

pub(crate) fn databases(ask: &Ask) {
    let title = "Databases that grow: all of it, nothing changed, one row edited";
    let mut told = Told::new("database", title, "gigabytes");
    let scratch = Scratch::new("scale-database");
    let mut database = Sparse::new();
    let source = database.folder().to_owned();
    let most = ask.most.unwrap_or(8);
    for size in GIGABYTES.into_iter().filter(|size| *size <= most) {
        database.grow(size << 30);
        let lifeboat = Lifeboat::at(scratch.fresh("repository"));
        begin(&mut told, ask, size, &lifeboat, &source);
        told.add(ask, size, "one edit", |run| {
            // The same text again would be no change: SQLite would not even write.
            let seed = size * 1000 + run as u64;
            after(&lifeboat, &source, || database.edit(seed))
        });
    }
    told.print();
}

pub(crate) fn changes(ask: &Ask) {
    let title = "A database of 1 GB: more and more rows edited";
    let mut told = Told::new("changes", title, "rows edited");
    let scratch = Scratch::new("scale-changes");
    let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
    let (path, lifeboat) = (source.join("app.db"), Lifeboat::at(place));
    make_rows(&path);
    (0..2).for_each(|_| drop(after(&lifeboat, &source, || {})));
    for (number, rows) in [1, 10, 100, 1000, 10_000, 100_000].into_iter().enumerate() {
        told.add(ask, rows, "backup", |run| {
            let seed = (number * 100 + run + 1) as u64;
            after(&lifeboat, &source, || edit_rows(&path, rows, seed))
        });
    }
    told.print();
}

pub(crate) fn files(ask: &Ask) {
    let title = "Small files that grow in number: all of them, nothing changed, one edited";
    let mut told = Told::new("files", title, "files");
    let mut count = 10_000;
    while count <= ask.most.unwrap_or(100_000) {
        rest();
        let scratch = Scratch::new("scale-files");
        let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
        small::tree_of(&source, count, SPREAD);
        let lifeboat = Lifeboat::at(place);
        begin(&mut told, ask, count, &lifeboat, &source);
        told.add(ask, count, "one edit", |run| {
            let edit = || small::edit_tree(&source, count, 1, 0, run as u64 + 1);
            after(&lifeboat, &source, edit)
        });
        count *= 10;
    }
    told.print();
}

pub(crate) fn edits(ask: &Ask) {
    let title = "Small files, more and more of them edited";
    let mut told = Told::new("edits", title, "files edited");
    let scratch = Scratch::new("scale-edits");
    let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
    let there = ask.most.unwrap_or(EDITED);
    small::tree_of(&source, there, SPREAD);
    let lifeboat = Lifeboat::at(place);
    (0..2).for_each(|_| drop(after(&lifeboat, &source, || {})));
    for (number, count) in [1, 10, 100, 1000, 10_000].into_iter().enumerate() {
        told.add(ask, count, "backup", |run| {
            let seed = (number * 100 + run + 1) as u64;
            let edit = || small::edit_tree(&source, there, count, 0, seed);
            after(&lifeboat, &source, edit)
        });
    }
    told.print();
}
