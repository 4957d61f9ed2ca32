//! A database whose every committed state can be told from every state that never was: the accounts always hold the same
//! sum, a counter only grows, and there is one line in the log for each number it has had.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::process::{End, Process, ready};

/// Accounts, and what they hold at first.
const ACCOUNTS: i64 = 100;
const BALANCE: i64 = 1000;

/// A ledger in a file, and how many of its commits were acknowledged.
pub(crate) struct Ledger {
    path: PathBuf,
    acknowledged: File,
}

impl Ledger {
    /// Creates one with these pragmas; nobody has it open afterwards.
    pub(crate) fn create(path: &Path, pragmas: &str) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(pragmas).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
                 CREATE TABLE counter (n INTEGER NOT NULL);
                 CREATE TABLE log (n INTEGER PRIMARY KEY, note TEXT, filler BLOB);
                 CREATE INDEX log_note ON log (note);
                 INSERT INTO counter VALUES (0);",
            )
            .unwrap();
        let fill = "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?1)
             INSERT INTO accounts SELECT n, ?2 FROM i";
        connection.execute(fill, [ACCOUNTS, BALANCE]).unwrap();
        connection.close().unwrap();
        Self::at(path)
    }

    /// One that is there.
    pub(crate) fn at(path: &Path) -> Self {
        let acknowledged = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(note_of(path))
            .unwrap();
        let path = path.to_owned();
        Self { path, acknowledged }
    }

    /// Starts a process that commits to it all the time.
    pub(crate) fn writer(&self) -> Process {
        Process::start("writer", &self.path)
    }

    /// Starts a process that commits to it a hundred times a second at most, as people do.
    pub(crate) fn unhurried_writer(&self) -> Process {
        Process::start("unhurried writer", &self.path)
    }

    /// How many commits were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> i64 {
        let mut bytes = [0; 8];
        match self.acknowledged.read_exact_at(&mut bytes, 0) {
            Ok(()) => i64::from_le_bytes(bytes),
            Err(_) => 0,
        }
    }

    /// Waits until the writer has committed again.
    pub(crate) fn wait_for_more(&self, writer: &mut Process) {
        let before = self.acknowledged();
        while self.acknowledged() == before {
            assert!(writer.is_alive(), "the writer died");
            std::thread::yield_now();
        }
    }

    /// Commits once.
    pub(crate) fn commit(&self, connection: &Connection) {
        let number = commit(connection).unwrap();
        let bytes = number.to_le_bytes();
        self.acknowledged.write_all_at(&bytes, 0).unwrap();
    }
}

/// Where the acknowledged commits of a ledger are counted: outside of what is backed up.
fn note_of(path: &Path) -> PathBuf {
    let name = format!("{}.acknowledged", path.file_name().unwrap().display());
    let data = path.ancestors().find(|folder| folder.ends_with("data"));
    let beside = path.parent().unwrap();
    data.and_then(Path::parent).unwrap_or(beside).join(name)
}

/// Moves money, counts and logs in one transaction; gives the counter.
pub(crate) fn commit(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute_batch(
        "BEGIN IMMEDIATE;
         UPDATE counter SET n = n + 1;
         UPDATE accounts SET balance = balance - 7
             WHERE id = 1 + (SELECT n * 31 % 100 FROM counter);
         INSERT INTO log SELECT n, 'entry ' || n, randomblob(300) FROM counter;
         UPDATE accounts SET balance = balance + 7
             WHERE id = 1 + (SELECT (n * 31 + 17) % 100 FROM counter);
         COMMIT;",
    )?;
    connection.query_row("SELECT n FROM counter", [], |row| row.get(0))
}

/// What a writer does: it commits until its end is asked for, with this pause after each.
pub(crate) fn commit_until(path: &Path, pause: Duration, end: &End) {
    let ledger = Ledger::at(path);
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(120)).unwrap();
    // No power is cut here; without syncs there are more commits to collide with.
    connection
        .execute_batch("PRAGMA synchronous = OFF")
        .unwrap();
    ledger.commit(&connection);
    ready();
    while !end.is_asked_for() {
        ledger.commit(&connection);
        std::thread::sleep(pause);
    }
}

/// Checks that a restored ledger is whole and one of the committed states, with everything that was acknowledged before
/// its backup began. Gives its counter.
#[track_caller]
pub(crate) fn assert_committed(path: &Path, acknowledged_before: i64) -> i64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(path, flags).unwrap();
    let text =
        |query: &str| -> String { connection.query_row(query, [], |row| row.get(0)).unwrap() };
    let number =
        |query: &str| -> i64 { connection.query_row(query, [], |row| row.get(0)).unwrap() };
    assert_eq!(text("PRAGMA integrity_check"), "ok", "{}", path.display());
    assert_eq!(
        number("SELECT sum(balance) FROM accounts"),
        ACCOUNTS * BALANCE
    );
    let counter = number("SELECT n FROM counter");
    assert_eq!(number("SELECT count(*) FROM log"), counter);
    assert_eq!(number("SELECT coalesce(max(n), 0) FROM log"), counter);
    assert_eq!(
        number("SELECT count(*) FROM log WHERE note = 'entry ' || n"),
        counter
    );
    assert!(
        counter >= acknowledged_before,
        "{counter} commits are there, {acknowledged_before} were acknowledged"
    );
    counter
}
