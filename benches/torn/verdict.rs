//! What a restored database is: a state that was committed, or which sort of ruin.

use std::path::Path;

use rusqlite::Connection;

use crate::books::{self, Accounts};

/// The commits of a book that were acknowledged right before and right after a snapshot of it.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// What was found, the worst first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It does not open, cannot be read, or SQLite's integrity check finds it damaged.
    Corrupt(String),
    /// SQLite finds nothing, and it holds a state that was never committed.
    Wrong(String),
    /// It holds a committed state, older than what had been acknowledged before the snapshot was begun.
    Lost(String),
    /// It holds a committed state with everything that had been acknowledged.
    Good,
}

impl Verdict {
    /// Its column, and what was found.
    pub(crate) fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Corrupt(what) => ("corrupt", what),
            Self::Wrong(what) => ("wrong", what),
            Self::Lost(what) => ("lost", what),
            Self::Good => ("good", ""),
        }
    }
}

/// Judges a restored database as the application would find it: opened for writing, so that SQLite takes up a journal or
/// a WAL that was restored beside it.
pub(crate) fn judge(path: &Path, span: Span) -> Verdict {
    if !path.is_file() {
        return Verdict::Corrupt("the database is not there".to_owned());
    }
    match read(path) {
        Ok(found) => found.verdict(span),
        Err(error) => Verdict::Corrupt(error.to_string()),
    }
}

/// What a database says of itself.
struct Found {
    check: String,
    counter: u64,
    log: [u64; 3],
    accounts: Accounts,
}

fn read(path: &Path) -> rusqlite::Result<Found> {
    let connection = books::open(path)?;
    let ask =
        |query| -> rusqlite::Result<i64> { connection.query_row(query, [], |row| row.get(0)) };
    let check = check(&connection)?;
    if check != "ok" {
        // The rest may not be readable.
        return Ok(Found {
            check,
            counter: 0,
            log: [0; 3],
            accounts: Accounts::new(),
        });
    }
    let log = [
        ask("SELECT count(*) FROM log")?,
        ask("SELECT coalesce(max(n), 0) FROM log")?,
        ask("SELECT count(*) FROM log WHERE note = 'entry ' || n")?,
    ];
    Ok(Found {
        check,
        counter: ask("SELECT n FROM counter")?.unsigned_abs(),
        log: log.map(i64::unsigned_abs),
        accounts: books::accounts(&connection)?,
    })
}

fn check(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))
}

impl Found {
    fn verdict(&self, span: Span) -> Verdict {
        if self.check != "ok" {
            let first = self.check.lines().nth(1).unwrap_or(&self.check);
            return Verdict::Corrupt(format!("integrity_check: {first}"));
        }
        // One commit may have been done and not yet noted.
        if self.counter > span.after + 1 {
            return Verdict::Wrong(format!("commit {} was never made", self.counter));
        }
        let expected = books::accounts_after(self.counter);
        let pairs = expected.iter().zip(&self.accounts);
        let other = pairs.filter(|(a, b)| a != b).count();
        let money = |accounts: &Accounts| accounts.iter().map(|(balance, _)| balance).sum::<i64>();
        if other > 0 || expected.len() != self.accounts.len() {
            let missing = money(&expected) - money(&self.accounts);
            return Verdict::Wrong(format!(
                "{other} accounts are not as after commit {}, {missing} of money missing",
                self.counter
            ));
        }
        if self.log != [self.counter; 3] {
            return Verdict::Wrong(format!(
                "{} lines in the log after {} commits",
                self.log[0], self.counter
            ));
        }
        if self.counter < span.before {
            let lost = span.before - self.counter;
            return Verdict::Lost(format!("the last {lost} acknowledged commits"));
        }
        Verdict::Good
    }
}
