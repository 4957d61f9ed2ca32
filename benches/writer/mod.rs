//! The other process: it commits to a database at a steady rate and tells how long each commit took.
//!
//! This program starts itself for that, since a writer in the same process would share its locks.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, backup::Backup, params};

use crate::support::rng::Rng;

/// What tells this program that it is the other process.
const ROLE: &str = "LIFEBOAT_BENCH_ROLE";

/// Time between the beginnings of two commits.
const EVERY: Duration = Duration::from_millis(1);

/// Commits of one round: ten seconds of them.
const COMMITS: u32 = 10_000;

/// How long commits took, in seconds.
pub(crate) struct Latencies {
    pub(crate) commits: u64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
}

impl Latencies {
    /// Of a round with its own seed; `meanwhile` is done over and over until it has nothing to do or the round is over.
    pub(crate) fn of(database: &Path, seed: u64, mut meanwhile: impl FnMut() -> bool) -> Self {
        let mut child = itself("write", &[database, Path::new(&seed.to_string())])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can start itself");
        let mut told = child
            .stdout
            .take()
            .expect("the writer's output was asked for");
        // What it tells is more than a pipe holds: unread, it would wait for ever to tell the rest.
        let reading = thread::spawn(move || {
            let mut text = String::new();
            told.read_to_string(&mut text).map(|_| text)
        });
        while !reading.is_finished() && meanwhile() {}
        let text = reading.join().expect("the reader does not panic");
        let status = child.wait().expect("the writer ends");
        assert!(status.success(), "the writer failed");
        let mut taken: Vec<f64> = text
            .expect("what the writer tells is text")
            .lines()
            .map(|line| line.parse().expect("the writer tells numbers"))
            .collect();
        taken.sort_by(f64::total_cmp);
        let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize];
        Self {
            commits: taken.len() as u64,
            p50: at(0.5),
            p99: at(0.99),
            most: at(1.0),
        }
    }
}

fn itself(role: &str, paths: &[&Path]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.env(ROLE, role).args(paths);
    command
}

/// The command that does what `sqlite3 .backup` does.
pub(crate) fn as_backup(from: &Path, to: &Path) -> Command {
    itself("backup", &[from, to])
}

/// Whether this process is the other one.
pub(crate) fn is_asked_for() -> bool {
    std::env::var_os(ROLE).is_some()
}

/// The other process.
pub(crate) fn main() {
    let given: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [path, other] = given.as_slice() else {
        return;
    };
    let done = match std::env::var(ROLE).as_deref() {
        Ok("write") => write(path, &other.to_string_lossy()),
        _ => back_up(path, other),
    };
    done.expect("SQLite does what it is asked");
}

fn write(database: &Path, seed: &str) -> rusqlite::Result<()> {
    let connection = Connection::open(database)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA synchronous = NORMAL")?;
    let visits: i64 = connection.query_row("SELECT max(id) FROM visits", [], |row| row.get(0))?;
    let mut update = connection.prepare("UPDATE visits SET doctor = ? WHERE id = ?")?;
    let mut rng = Rng::new(seed.parse().unwrap_or_default());
    let began = Instant::now();
    let mut taken = Vec::with_capacity(COMMITS as usize);
    for number in 0..COMMITS {
        let due = EVERY * number;
        thread::sleep(due.saturating_sub(began.elapsed()));
        let doctor = format!("Dr {}", rng.below(1000));
        let visit = rng.below(visits.unsigned_abs()) + 1;
        let at = Instant::now();
        update.execute(params![doctor, visit.cast_signed()])?;
        taken.push(at.elapsed().as_secs_f64());
    }
    for seconds in taken {
        println!("{seconds:.9}");
    }
    Ok(())
}

fn back_up(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = Connection::open(from)?;
    let mut target = Connection::open(to)?;
    let backup = Backup::new(&source, &mut target)?;
    backup.run_to_completion(100, Duration::ZERO, None)
}
