//! What happens to the clinic's database between two backups, from a seed.

use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::record::{Writer, phone};
use crate::support::rng::Rng;
use crate::support::text::Words;

/// Half a day's work: 50 visits, each a transaction of its own, and 20 edits. About 85 pages change.
pub(crate) fn work(path: &Path, seed: u64) {
    change(path, seed, |connection, words, rng| {
        let patients = count(connection, "patients")?;
        let first = count(connection, "visits")? + 1;
        for id in first..first + 50 {
            let transaction = connection.transaction()?;
            Writer::new(&transaction, words, rng).visit(id, patients)?;
            transaction.commit()?;
        }
        edit_some(connection, 20, words, rng)
    });
}

/// So many edits of visits and patients anywhere.
pub(crate) fn edits(path: &Path, edits: u64, seed: u64) {
    change(path, seed, |connection, words, rng| {
        edit_some(connection, edits, words, rng)
    });
}

/// 1 % of the patients and of the visits edited.
pub(crate) fn heavy(path: &Path, seed: u64) {
    change(path, seed, |connection, words, rng| {
        let rows = count(connection, "patients")? + count(connection, "visits")?;
        edit_some(connection, rows / 100, words, rng)
    });
}

fn change(
    path: &Path,
    seed: u64,
    run: impl FnOnce(&mut Connection, &Words, &mut Rng) -> rusqlite::Result<()>,
) {
    let changed = super::open(path).and_then(|mut connection| {
        run(&mut connection, &Words::new(), &mut Rng::new(seed))?;
        super::close(connection)
    });
    changed.expect("the database can be changed");
}

fn edit_some(
    connection: &mut Connection,
    edits: u64,
    words: &Words,
    rng: &mut Rng,
) -> rusqlite::Result<()> {
    let (patients, visits) = (count(connection, "patients")?, count(connection, "visits")?);
    let transaction = connection.transaction()?;
    for _ in 0..edits {
        let row = rng.below(patients + visits);
        if row < patients {
            edit_patient(&transaction, row + 1, rng)?;
        } else {
            edit_visit(&transaction, row - patients + 1, words, rng)?;
        }
    }
    transaction.commit()
}

fn edit_patient(transaction: &Transaction<'_>, id: u64, rng: &mut Rng) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached("UPDATE patients SET phone = ? WHERE id = ?")?;
    update.execute(params![phone(rng), id.cast_signed()])?;
    Ok(())
}

/// The first words of findings and plan are written anew; the rest stays.
fn edit_visit(
    transaction: &Transaction<'_>,
    id: u64,
    words: &Words,
    rng: &mut Rng,
) -> rusqlite::Result<()> {
    let mut text = || {
        let mut text = words.text(rng, 90);
        text.truncate(90);
        text
    };
    let mut update = transaction.prepare_cached(
        "UPDATE visits SET findings = ?1 || substr(findings, 91), plan = ?2 || substr(plan, 91) WHERE id = ?3",
    )?;
    update.execute(params![text(), text(), id.cast_signed()])?;
    Ok(())
}

fn count(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    // Ids have no gaps; counting would read the whole table.
    let query = format!("SELECT max(id) FROM {table}");
    connection
        .query_row(&query, [], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
}
