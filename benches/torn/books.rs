//! The books of a shop in a database, made so that every state that was ever committed can be told from every state that
//! never was.
//!
//! Transaction `n` is a function of `n`: which accounts pay which others, and how much. So the number of the last
//! transaction says what every account must hold, to the unit, and money is never made or lost. Each transaction touches
//! pages all over the file and its index; every twentieth is larger than SQLite's page cache, which then spills pages into
//! the files before the commit.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::support::rng::Rng;

/// Accounts, and what each holds at first.
const ACCOUNTS: u64 = 20_000;
const BALANCE: i64 = 1000;

/// Transfers of a transaction, and of every twentieth.
const TRANSFERS: u64 = 12;
const MANY_TRANSFERS: u64 = 1500;
const MANY_EVERY: u64 = 20;

const SCHEMA: &str = "
CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, last INTEGER NOT NULL, address TEXT NOT NULL);
CREATE INDEX accounts_by_last ON accounts (last);
CREATE TABLE counter (n INTEGER NOT NULL);
CREATE TABLE log (n INTEGER PRIMARY KEY, note TEXT NOT NULL, receipt BLOB NOT NULL);
CREATE INDEX log_by_note ON log (note);
INSERT INTO counter VALUES (0);
";

/// Opens new books in this journal mode.
pub(crate) fn create(path: &Path, journal: &str) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch(&format!("PRAGMA journal_mode = {journal}; BEGIN; {SCHEMA}"))?;
    let mut insert = connection.prepare("INSERT INTO accounts VALUES (?, ?, 0, ?)")?;
    for id in 0..ACCOUNTS {
        let address = format!("{id:0>280}");
        insert.execute(params![id.cast_signed(), BALANCE, address])?;
    }
    connection.execute_batch("COMMIT")
}

/// A connection as an application has it: all of SQLite's defaults, and patience with others.
pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(120))?;
    Ok(connection)
}

/// Commits the next transaction and gives its number.
pub(crate) fn commit(connection: &Connection) -> rusqlite::Result<u64> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let n: i64 = connection.query_row("SELECT n + 1 FROM counter", [], |row| row.get(0))?;
    let mut book = connection
        .prepare_cached("UPDATE accounts SET balance = balance + ?, last = ? WHERE id = ?")?;
    for transfer in transfers(n.unsigned_abs()) {
        book.execute(params![-transfer.amount, n, transfer.from])?;
        book.execute(params![transfer.amount, n, transfer.to])?;
    }
    connection
        .prepare_cached("INSERT INTO log VALUES (?1, 'entry ' || ?1, randomblob(300))")?
        .execute([n])?;
    connection
        .prepare_cached("UPDATE counter SET n = ?")?
        .execute([n])?;
    connection.execute_batch("COMMIT")?;
    Ok(n.unsigned_abs())
}

struct Transfer {
    from: i64,
    to: i64,
    amount: i64,
}

/// What transaction `n` does.
fn transfers(n: u64) -> impl Iterator<Item = Transfer> {
    let mut rng = Rng::new(n);
    let count = if n.is_multiple_of(MANY_EVERY) {
        MANY_TRANSFERS
    } else {
        TRANSFERS
    };
    (0..count).map(move |_| Transfer {
        from: rng.below(ACCOUNTS).cast_signed(),
        to: rng.below(ACCOUNTS).cast_signed(),
        amount: rng.between(1, 9).cast_signed(),
    })
}

/// What every account holds, and which transaction touched it last.
pub(crate) type Accounts = Vec<(i64, i64)>;

/// The accounts after transaction `n`.
pub(crate) fn accounts_after(n: u64) -> Accounts {
    let mut accounts = vec![(BALANCE, 0); ACCOUNTS as usize];
    for n in 1..=n {
        for transfer in transfers(n) {
            for (id, change) in [
                (transfer.from, -transfer.amount),
                (transfer.to, transfer.amount),
            ] {
                let account = &mut accounts[id as usize];
                *account = (account.0 + change, n.cast_signed());
            }
        }
    }
    accounts
}

/// The accounts as a database has them.
pub(crate) fn accounts(connection: &Connection) -> rusqlite::Result<Accounts> {
    let mut query = connection.prepare("SELECT balance, last FROM accounts ORDER BY id")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
