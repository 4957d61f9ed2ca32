//! Databases backed up while other processes commit to them: what is restored is whole, one of the committed states, and
//! nothing that was acknowledged before the backup began is lacking (F-28; rules R1, R4).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::support::ledger::assert_committed;
use crate::support::{Ledger, Process, Workbench, tree};

const WAL: &str = "PRAGMA journal_mode = WAL";
const DELETE: &str = "PRAGMA journal_mode = DELETE";

/// The files beside databases that belong to them.
fn side_files(folder: &Path) -> Vec<PathBuf> {
    let is_side = |path: &PathBuf| {
        let name = path.display().to_string();
        ["-wal", "-shm", "-journal"]
            .iter()
            .any(|ending| name.ends_with(ending))
    };
    tree::looks(folder).into_keys().filter(is_side).collect()
}

/// A backup by the program, and what was acknowledged before it.
fn back_up_by_program(bench: &Workbench, ledger: &Ledger) -> (String, i64) {
    let before = ledger.acknowledged();
    let summary = bench.backs_up();
    (summary["snapshot"].as_str().unwrap().to_owned(), before)
}

/// Takes so many snapshots of a ledger under a writer, restores each, and gives the counters found.
fn captures(bench: &Workbench, name: &str, pragmas: &str, count: usize) -> Vec<i64> {
    let path = bench.data().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let ledger = Ledger::create(&path, pragmas);
    let mut writer = ledger.writer();
    let mut taken = Vec::new();
    for _ in 0..count {
        ledger.wait_for_more(&mut writer);
        let begun = ledger.acknowledged();
        taken.push(back_up_by_program(bench, &ledger));
        ledger.wait_for_more(&mut writer);
        assert!(ledger.acknowledged() > begun, "the writer was at work");
    }
    writer.end();
    let mut counters = Vec::new();
    for (number, (snapshot, acknowledged)) in taken.iter().enumerate() {
        let target = format!("restored-{number}");
        bench
            .lifeboat(&["restore", snapshot, "--to", &target])
            .exits(0)
            .quietly();
        assert_eq!(side_files(&bench.path(&target)), [""; 0].map(PathBuf::from));
        counters.push(assert_committed(
            &bench.path(&target).join(name),
            *acknowledged,
        ));
        fs::remove_dir_all(bench.path(&target)).unwrap();
    }
    counters
}

#[test]
fn f28_twenty_backups_of_a_wal_database_under_a_committing_writer() {
    let bench = Workbench::with_files();
    let counters = captures(&bench, "app/clinic.db", WAL, 20);
    assert!(
        counters.is_sorted_by(|a, b| a < b),
        "each is later than the one before: {counters:?}"
    );
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn f28_ten_backups_of_a_rollback_journal_database_under_a_committing_writer() {
    let bench = Workbench::new();
    let counters = captures(&bench, "clinic", DELETE, 10);
    assert!(
        counters.is_sorted_by(|a, b| a < b),
        "each is later than the one before: {counters:?}"
    );
}

/// `cargo test --release -p lifeboat --test suite -- --ignored --nocapture five_hundred`
#[test]
#[ignore = "minutes; see docs/testing.md"]
fn f28_five_hundred_backups_under_load() {
    let mut captured = 0;
    for round in 0..5 {
        for (pragmas, count) in [(WAL, 70), (DELETE, 30)] {
            let bench = Workbench::new();
            captured += captures(&bench, "clinic.db", pragmas, count).len();
            println!("round {round}: {captured} captures, none bad");
        }
    }
    assert_eq!(captured, 500);
}

#[test]
fn f28_two_databases_and_two_writers_at_once() {
    let bench = Workbench::new();
    let ledgers = [("one.db", WAL), ("two.db", DELETE)]
        .map(|(name, pragmas)| Ledger::create(&bench.data().join(name), pragmas));
    let mut writers = ledgers.each_ref().map(Ledger::writer);
    for number in 0..3 {
        for (ledger, writer) in ledgers.iter().zip(&mut writers) {
            ledger.wait_for_more(writer);
        }
        let before = ledgers.each_ref().map(Ledger::acknowledged);
        let snapshot = bench.backup().snapshot.unwrap();
        let target = bench.restore(&snapshot, &format!("restored-{number}"));
        assert_committed(&target.join("one.db"), before[0]);
        assert_committed(&target.join("two.db"), before[1]);
    }
    writers.into_iter().for_each(Process::end);
}

#[test]
fn f28_the_report_tells_pages_rows_and_how_long_writers_waited() {
    let bench = Workbench::new();
    for (name, pragmas) in [("wal.db", WAL), ("delete.db", DELETE)] {
        Ledger::create(&bench.data().join(name), pragmas);
    }
    let summary = bench.backs_up();
    let databases = summary["databases"].as_array().unwrap();
    let by_path: BTreeMap<&str, &serde_json::Value> = databases
        .iter()
        .map(|database| (database["path"].as_str().unwrap(), database))
        .collect();
    assert_eq!(by_path["wal.db"]["journal_mode"], "wal");
    assert_eq!(by_path["wal.db"]["lock_s"], 0.0);
    assert_eq!(by_path["delete.db"]["journal_mode"], "delete");
    assert!(by_path["delete.db"]["lock_s"].as_f64().unwrap() > 0.0);
    for database in by_path.values() {
        assert_eq!(database["check"], "ok");
        assert_eq!(database["row_counts"]["accounts"], 100);
        assert_eq!(database["row_counts"]["log"], 0);
    }
}

/// Inode, size, times of change and bytes of everything in a folder.
type Untouched = BTreeMap<PathBuf, (u64, u64, [i64; 4], Vec<u8>)>;

fn untouched(folder: &Path) -> Untouched {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let look = |path: PathBuf| {
        let stat = path.symlink_metadata().unwrap();
        let mut times = [
            stat.mtime(),
            stat.mtime_nsec(),
            stat.ctime(),
            stat.ctime_nsec(),
        ];
        let mut bytes = fs::read(&path).unwrap();
        if path.display().to_string().ends_with("-shm") {
            // Readers leave their marks in it, that is what it is for; it holds nothing that is not in the WAL.
            (times, bytes) = ([0; 4], Vec::new());
        }
        (path, (stat.ino(), stat.len(), times, bytes))
    };
    entries.map(look).collect()
}

#[test]
fn f29_the_source_keeps_its_bytes_inodes_times_and_side_files() {
    let bench = Workbench::new();
    let closed = Ledger::create(&bench.data().join("closed.db"), WAL);
    drop(closed);
    Ledger::create(&bench.data().join("plain.db"), DELETE);
    let open_path = bench.data().join("open.db");
    let open = Ledger::create(&open_path, WAL);
    let writer = open.writer();
    writer.kill();
    assert!(
        side_files(&bench.data()).len() >= 2,
        "a WAL was left for the backup to find"
    );
    let before = untouched(&bench.data());
    let acknowledged = open.acknowledged();
    let summary = bench.backs_up();
    let after = untouched(&bench.data());
    let touched: Vec<&PathBuf> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .collect();
    assert_eq!(touched, [""; 0].map(Path::new));
    let snapshot = summary["snapshot"].as_str().unwrap();
    bench
        .lifeboat(&["restore", snapshot, "--to", "restored"])
        .exits(0);
    assert_committed(&bench.path("restored/open.db"), acknowledged);
}

#[test]
fn f34_locks_of_the_embedding_program_survive_a_backup() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    Ledger::create(&path, DELETE);
    // The program that embeds the library holds a transaction of its own while it backs up.
    let own = Connection::open(&path).unwrap();
    own.execute_batch("BEGIN IMMEDIATE; UPDATE counter SET n = n")
        .unwrap();
    assert_eq!(Process::run("intruder", &path), "kept out");
    for _ in 0..2 {
        bench.backup();
        assert_eq!(
            Process::run("intruder", &path),
            "kept out",
            "after a backup"
        );
    }
    own.execute_batch("ROLLBACK").unwrap();
    assert_eq!(Process::run("intruder", &path), "let in");
}
