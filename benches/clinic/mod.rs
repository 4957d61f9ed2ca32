//! A clinic's database from a seed: patients, visits with what the doctor wrote, prescriptions, invoices, small scans.
//!
//! 60,000 patients have 478,000 visits and make 683 MB of 4 KiB pages. Visits come in the order of time and each belongs
//! to any patient, so of their two indexes one grows at its end and the other everywhere, as in practice. The database is
//! in WAL mode, and the WAL is empty once a change is done.

#![allow(dead_code, reason = "each bench uses a part")]

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction};

use crate::support::rng::Rng;
use crate::support::text::Words;
use record::Writer;

mod change;
mod record;

#[allow(unused_imports, reason = "each bench uses a part")]
pub(crate) use change::{edits, heavy, work};

/// Patients of the database that the goals speak of.
pub(crate) const STANDARD: u64 = 60_000;

/// Patients that make 100 MB.
pub(crate) const SMALL: u64 = 8_800;

/// Patients that make 1.07 GB: just more than 1 GiB, so that SQLite's lock page is in it.
pub(crate) const LARGE: u64 = 95_000;

/// Every so many visits one has a scan: a sixth of all bytes, and the part that does not compress.
const VISITS_PER_SCAN: u64 = 24;

/// Rows of one transaction while the data set is made.
const BATCH: u64 = 20_000;

const SCHEMA: &str = "
PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE patients (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, birth TEXT NOT NULL, phone TEXT NOT NULL, address TEXT NOT NULL,
    insurance TEXT NOT NULL, notes TEXT NOT NULL);
CREATE TABLE visits (
    id INTEGER PRIMARY KEY, patient INTEGER NOT NULL, day TEXT NOT NULL, doctor TEXT NOT NULL, complaint TEXT NOT NULL,
    findings TEXT NOT NULL, plan TEXT NOT NULL);
CREATE TABLE prescriptions (
    id INTEGER PRIMARY KEY, visit INTEGER NOT NULL, drug TEXT NOT NULL, dose TEXT NOT NULL, days INTEGER NOT NULL);
CREATE TABLE invoices (
    id INTEGER PRIMARY KEY, visit INTEGER NOT NULL, number TEXT NOT NULL, cents INTEGER NOT NULL, paid INTEGER NOT NULL);
CREATE TABLE scans (id INTEGER PRIMARY KEY, visit INTEGER NOT NULL, image BLOB NOT NULL);
CREATE INDEX visits_by_patient ON visits (patient);
CREATE INDEX visits_by_day ON visits (day);
CREATE INDEX prescriptions_by_visit ON prescriptions (visit);
CREATE INDEX invoices_by_visit ON invoices (visit);
";

/// Visits of so many patients.
pub(crate) fn visits(patients: u64) -> u64 {
    patients * 478 / 60
}

/// The data set with so many patients, kept for later runs. Not to be changed: copy it.
pub(crate) fn cached(patients: u64) -> PathBuf {
    let path = crate::support::cache().join(format!("clinic-{patients}.db"));
    if !path.exists() {
        eprintln!("making the database of {patients} patients …");
        let building = path.with_extension("part");
        let _ = std::fs::remove_file(&building);
        make(&building, patients).expect("the database can be made");
        std::fs::rename(&building, &path).expect("the data set can be put in place");
    }
    path
}

/// A copy of the data set that may be changed, in a folder of its own.
pub(crate) fn copy(patients: u64, folder: &Path) -> PathBuf {
    let path = folder.join("clinic.db");
    std::fs::create_dir_all(folder).expect("the folder can be made");
    std::fs::copy(cached(patients), &path).expect("the data set can be copied");
    path
}

fn make(path: &Path, patients: u64) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(SCHEMA)?;
    let words = Words::new();
    let mut rng = Rng::new(patients);
    in_batches(&mut connection, patients, |transaction, id| {
        Writer::new(transaction, &words, &mut rng).patient(id)
    })?;
    in_batches(&mut connection, visits(patients), |transaction, id| {
        let mut writer = Writer::new(transaction, &words, &mut rng);
        writer.visit(id, patients)?;
        if id % VISITS_PER_SCAN == 0 {
            writer.scan(id)?;
        }
        Ok(())
    })?;
    close(connection)
}

fn in_batches(
    connection: &mut Connection,
    rows: u64,
    mut insert: impl FnMut(&Transaction<'_>, u64) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut next = 1;
    while next <= rows {
        let transaction = connection.transaction()?;
        for id in next..(next + BATCH).min(rows + 1) {
            insert(&transaction, id)?;
        }
        transaction.commit()?;
        next += BATCH;
    }
    Ok(())
}

/// Opens a database to change it as fast as can be: nobody needs it after a crash.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = OFF")?;
    Ok(connection)
}

/// Closes the last connection, which empties the WAL.
fn close(connection: Connection) -> rusqlite::Result<()> {
    connection.close().map_err(|(_, error)| error)
}
