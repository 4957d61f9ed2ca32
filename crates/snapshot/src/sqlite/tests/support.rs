//! Databases to capture, a sink that collects, and exact comparisons of folders.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::sqlite::{
    CaptureOptions, EXTENT_BYTES, ExtentSink, Facts, SqliteError, Stopped, capture,
};

/// Collects extents and holds them to the order that is promised.
#[derive(Default)]
pub(super) struct Collected {
    extents: BTreeMap<u64, Vec<u8>>,
    order: Vec<u64>,
}

impl ExtentSink for Collected {
    fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
        assert!(bytes.len() <= EXTENT_BYTES);
        assert!(self.extents.insert(index, bytes).is_none(), "{index} twice");
        self.order.push(index);
        Ok(())
    }

    /// With something in it that must not be taken for bytes of the database.
    fn spare(&mut self) -> Vec<u8> {
        vec![0xee; EXTENT_BYTES]
    }
}

impl Collected {
    /// The database that the extents make up.
    pub(super) fn database(&self) -> Vec<u8> {
        let count = u64::try_from(self.order.len()).unwrap();
        let expected: Vec<u64> = (1..count).chain((count > 0).then_some(0)).collect();
        assert_eq!(self.order, expected);
        self.extents.values().flatten().copied().collect()
    }
}

pub(super) fn options() -> CaptureOptions {
    CaptureOptions {
        busy_timeout: Duration::ZERO,
        row_count_budget: Duration::from_secs(60),
        ..CaptureOptions::default()
    }
}

/// Captures with `options` and returns the bytes, too.
pub(super) fn capture_with(
    path: &Path,
    options: &CaptureOptions,
) -> Result<(Vec<u8>, Facts), SqliteError> {
    let mut sink = Collected::default();
    let facts = capture(path, options, &mut sink)?;
    let database = sink.database();
    let pages = u64::try_from(database.len()).unwrap();
    assert_eq!(pages, facts.pages * u64::from(facts.page_size));
    Ok((database, facts))
}

/// The error of a capture that must fail. Never shows the bytes of one that did not.
pub(super) fn refused(path: &Path, options: &CaptureOptions) -> SqliteError {
    capture_with(path, options)
        .map(|(_, facts)| facts)
        .unwrap_err()
}

pub(super) fn captured(path: &Path) -> (Vec<u8>, Facts) {
    capture_with(path, &options()).unwrap()
}

/// A folder of its own, and the path of a database in it.
pub(super) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    (folder, path)
}

/// A database with `rows` rows of about 500 bytes and an index, open.
pub(super) fn database(path: &Path, pragmas: &str, rows: u32) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(pragmas).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE visits (id INTEGER PRIMARY KEY, note TEXT, blob BLOB);
             CREATE INDEX visits_note ON visits (note);",
        )
        .unwrap();
    add(&connection, rows);
    connection
}

/// Adds `rows` rows in one transaction.
pub(super) fn add(connection: &Connection, rows: u32) {
    connection
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO visits (note, blob) SELECT 'note ' || i, zeroblob(400) FROM n
             WHERE ?1 > 0",
            [rows],
        )
        .unwrap();
}

/// The name, inode, size and content of every file, and the times of its last change.
pub(super) type Listing = BTreeMap<PathBuf, (u64, i64, i64, Vec<u8>)>;

pub(super) fn listing(folder: &Path) -> Listing {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let facts = entries.map(|entry| {
        let metadata = entry.metadata().unwrap();
        let content = fs::read(entry.path()).unwrap_or_default();
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        (
            entry.path(),
            (metadata.ino(), changed.0, changed.1, content),
        )
    });
    facts.collect()
}

/// Copies a database and whatever lies beside it, as after a crash.
pub(super) fn crash_copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-journal"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if with(from).exists() {
            fs::copy(with(from), with(to)).unwrap();
        }
    }
}

/// Opens bytes as a database and returns what a check of it says.
pub(super) fn check(bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    fs::write(&path, bytes).unwrap();
    let connection = Connection::open(&path).unwrap();
    let mut statement = connection.prepare("PRAGMA integrity_check").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The rows of `visits` in a database given as bytes.
pub(super) fn rows(bytes: &[u8]) -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    fs::write(&path, bytes).unwrap();
    let connection = Connection::open(&path).unwrap();
    let query = "SELECT count(*) FROM visits";
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

/// Leaves a database as a crash in the middle of a transaction does: pages of the transaction
/// in the file, and the old ones in the journal. Returns the state before.
pub(super) fn hot_journal(path: &Path) -> Vec<u8> {
    let (_folder, live) = folder();
    let app = database(&live, "PRAGMA cache_size = 2", 2000);
    let committed = fs::read(&live).unwrap();
    app.execute_batch("BEGIN; UPDATE visits SET note = 'never'")
        .unwrap();
    add(&app, 1000);
    crash_copy(&live, path);
    committed
}

/// The test binary again, as another process: what it does there is in [`in_child`].
pub(super) struct Child(std::process::Child);

impl Child {
    /// Does `what` to the database and returns what it said.
    pub(super) fn run(what: &str, path: &Path) -> String {
        let output = command(what, path).output().unwrap();
        said(&output).unwrap_or_else(|| panic!("{what}: {output:?}"))
    }

    /// The same as a user for whom a read-only folder is one; `None` where that cannot be had.
    pub(super) fn run_unprivileged(what: &str, path: &Path) -> Option<String> {
        use std::os::unix::process::CommandExt;
        let mut command = command(what, path);
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        // The binary may lie where that user cannot reach it.
        let output = command.output().ok()?;
        Some(said(&output).unwrap_or_else(|| panic!("{what}: {output:?}")))
    }

    /// Starts `what` and returns when it is under way.
    pub(super) fn start(what: &str, path: &Path) -> Self {
        use std::io::{BufRead, BufReader};
        let mut child = command(what, path).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("said: ready")));
        Self(child)
    }

    /// Closes its input, which is the sign to end.
    pub(super) fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

fn command(what: &str, path: &Path) -> std::process::Command {
    let module = module_path!().split_once("::").unwrap().1;
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", &format!("{module}::in_child")])
        .env("SQLITE_CHILD", what)
        .env("SQLITE_CHILD_PATH", path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    command
}

fn said(output: &std::process::Output) -> Option<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut after = text.split("said: ").skip(1);
    after.next()?.lines().next().map(str::to_owned)
}

/// Does nothing, unless it runs as a [`Child`].
#[test]
fn in_child() {
    let Ok(what) = std::env::var("SQLITE_CHILD") else {
        return;
    };
    let path = PathBuf::from(std::env::var_os("SQLITE_CHILD_PATH").unwrap());
    match what.as_str() {
        "write" => {
            let connection = Connection::open(&path).unwrap();
            connection.busy_timeout(Duration::ZERO).unwrap();
            let write = "BEGIN IMMEDIATE; DELETE FROM visits WHERE id = 1; COMMIT";
            let written = connection.execute_batch(write).is_ok();
            println!("said: {}", if written { "written" } else { "busy" });
        }
        "capture" => println!("said: {}", blake3::hash(&captured(&path).0).to_hex()),
        "hammer" => hammer(&path),
        other => panic!("{other}"),
    }
}

/// Commits until the input ends. In each state `a` equals `b`, and the number of visits follows.
fn hammer(path: &Path) {
    use std::io::Read;
    let ended = std::thread::spawn(|| std::io::stdin().read(&mut [0]));
    let mut said = false;
    while !ended.is_finished() {
        // Now and then anew, as programs do.
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        for _ in 0..50 {
            connection
                .execute_batch(
                    "BEGIN IMMEDIATE; UPDATE pair SET a = a + 1;
                     INSERT INTO visits (note, blob) VALUES ('hammered', zeroblob(2000));
                     UPDATE visits SET note = 'again' WHERE id = (SELECT a % 3000 FROM pair);
                     UPDATE pair SET b = b + 1; COMMIT",
                )
                .unwrap();
        }
        if !std::mem::replace(&mut said, true) {
            println!("\nsaid: ready");
        }
    }
}
