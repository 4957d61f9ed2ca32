//! A real backup of a folder in use: makes a small clinic's data under `target/example`, lets a second process book visits
//! in its database all the while, takes three snapshots, restores the last one and checks that it is a state that was
//! committed.
//!
//! `cargo run --release -p lifeboat-snapshot --example clinic`. Afterwards `lifeboat -r target/example/repository list` and
//! its siblings show what is there.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use lifeboat_snapshot::{
    Backup, BackupReport, Filter, Repository, Restore, Snapshot, Unwatched, ZipTarget,
};
use rusqlite::Connection;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Money in all accounts together, which no visit changes.
const MONEY: i64 = 1_000_000;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("book") {
        return book(&PathBuf::from(arguments.next().ok_or("no database")?));
    }
    let place = PathBuf::from("target/example");
    let data = prepare(&place)?;
    let repository = Repository::open_or_create(&place.join("repository"))?;
    let mut writer = Writer::start(&data.join("clinic.db"))?;
    for _ in 0..3 {
        let visits = writer.next_visit()?;
        let report = back_up(&repository, &data)?;
        tell(&report, visits);
    }
    drop(writer);
    let latest = repository.find("latest", &Filter::default())?;
    let restored = restore(&repository, &latest, &place)?;
    check(&restored)
}

/// The clinic's folder: a database in WAL mode, documents, settings.
fn prepare(place: &Path) -> Outcome<PathBuf> {
    let data = place.join("clinic");
    std::fs::create_dir_all(data.join("prescriptions"))?;
    std::fs::write(data.join("settings.json"), "{\"language\": \"en\"}\n")?;
    for number in 0..20 {
        let path = data.join(format!("prescriptions/{number}.txt"));
        std::fs::write(path, format!("Prescription {number}\n").repeat(200))?;
    }
    let clinic = Connection::open(data.join("clinic.db"))?;
    clinic.pragma_update(None, "journal_mode", "wal")?;
    clinic.execute_batch(
        "CREATE TABLE IF NOT EXISTS accounts(id INTEGER PRIMARY KEY, money INTEGER NOT NULL);
         CREATE TABLE IF NOT EXISTS visits(id INTEGER PRIMARY KEY, notes TEXT NOT NULL);",
    )?;
    let accounts: i64 = clinic.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0))?;
    if accounts == 0 {
        clinic.execute("INSERT INTO accounts VALUES (1, ?1), (2, 0)", [MONEY])?;
    }
    Ok(data)
}

/// The other process: books visits until nobody listens, each one a transaction that moves money.
fn book(path: &Path) -> Outcome<()> {
    let mut clinic = Connection::open(path)?;
    clinic.busy_timeout(std::time::Duration::from_secs(10))?;
    loop {
        let visit = clinic.transaction()?;
        visit.execute(
            "INSERT INTO visits(notes) VALUES (hex(randomblob(200)))",
            [],
        )?;
        let id = visit.last_insert_rowid();
        visit.execute("UPDATE accounts SET money = money - 1 WHERE id = 1", [])?;
        visit.execute("UPDATE accounts SET money = money + 1 WHERE id = 2", [])?;
        visit.commit()?;
        // The pipe is closed when the parent is done.
        if writeln_is_closed(id) {
            return Ok(());
        }
    }
}

fn writeln_is_closed(id: i64) -> bool {
    use std::io::Write;
    writeln!(std::io::stdout(), "{id}").is_err()
}

/// The second process, seen from the first.
struct Writer {
    process: Child,
    visits: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Writer {
    fn start(database: &Path) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("book")
            .arg(database)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("no output of the writer")?;
        let visits = BufReader::new(stdout).lines();
        Ok(Self { process, visits })
    }

    /// Waits for a visit to be booked.
    fn next_visit(&mut self) -> Outcome<String> {
        Ok(self.visits.next().ok_or("the writer has stopped")??)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It may have stopped by itself; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The machine's name, so that the program `lifeboat` finds these snapshots to be its own.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim_end().to_owned()
}

fn back_up(repository: &Repository, data: &Path) -> Outcome<BackupReport> {
    let plan = Backup {
        sources: vec![data.to_owned()],
        host: host(),
        zip: Some(ZipTarget::Repository),
        ..Backup::default()
    };
    Ok(repository.backup(&plan, &Unwatched)?)
}

#[expect(clippy::print_stdout, reason = "an example talks to people")]
fn tell(report: &BackupReport, visits: String) {
    let Some(snapshot) = &report.snapshot else {
        return;
    };
    println!(
        "snapshot {}: {} files of {} bytes, stored in {} bytes and {:.0?}; visit {visits} was booked before",
        snapshot.id.short(),
        snapshot.files,
        snapshot.bytes,
        report.stored_bytes,
        report.duration,
    );
    if let Some(zip) = &report.zip {
        println!("  and {}, {} bytes", zip.path.display(), zip.bytes);
    }
    for warning in &report.warnings {
        println!("  warning: {}: {}", warning.path.display(), warning.message);
    }
}

fn restore(repository: &Repository, snapshot: &Snapshot, place: &Path) -> Outcome<PathBuf> {
    let target = place.join("restored");
    if target.exists() {
        std::fs::remove_dir_all(&target)?;
    }
    let plan = Restore {
        target: target.clone(),
        ..Restore::default()
    };
    repository.restore(snapshot, &plan, &Unwatched)?;
    Ok(target)
}

/// Opens the restored database: it is sound, and no transaction is half there.
#[expect(clippy::print_stdout, reason = "an example talks to people")]
fn check(restored: &Path) -> Outcome<()> {
    let clinic = Connection::open(restored.join("clinic.db"))?;
    let sound: String = clinic.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    let money: i64 = clinic.query_row("SELECT sum(money) FROM accounts", [], |row| row.get(0))?;
    let visits: i64 = clinic.query_row("SELECT count(*) FROM visits", [], |row| row.get(0))?;
    if sound != "ok" || money != MONEY {
        return Err(format!("the restored database is not right: {sound}, {money}").into());
    }
    println!(
        "restored to {}: integrity {sound}, {visits} visits, no money lost",
        restored.display()
    );
    Ok(())
}
