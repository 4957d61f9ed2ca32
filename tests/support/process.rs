//! This test binary once more, as a process of its own: what writes to a database or holds a lock there is really another
//! process, as the user's programs are.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use super::ledger;

/// Names the role of this process.
const ROLE: &str = "LIFEBOAT_TEST_ROLE";

/// Names the database that it is about.
const DATABASE: &str = "LIFEBOAT_TEST_DATABASE";

/// Another process, at work until its end is asked for.
pub(crate) struct Process(Child);

impl Process {
    /// Starts one in this role, and returns when it is under way.
    pub(crate) fn start(role: &str, database: &Path) -> Self {
        let mut child = command(role, database).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line.contains("said: ready")));
        assert!(ready, "the {role} did not start");
        Self(child)
    }

    /// Runs one in this role to its end, and gives what it said.
    pub(crate) fn run(role: &str, database: &Path) -> String {
        let output = command(role, database).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = text
            .split("said: ")
            .nth(1)
            .and_then(|said| said.lines().next());
        said.unwrap_or_else(|| panic!("{role}: {output:?}"))
            .to_owned()
    }

    /// Whether it is still at work.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Asks for its end and waits for it.
    pub(crate) fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }

    /// Asks for its end, and gives what it said last.
    pub(crate) fn says(mut self) -> String {
        drop(self.0.stdin.take());
        let mut text = String::new();
        let mut output = self.0.stdout.take().unwrap();
        output.read_to_string(&mut text).unwrap();
        assert!(self.0.wait().unwrap().success(), "{text}");
        let said = text
            .rsplit("said: ")
            .next()
            .and_then(|said| said.lines().next());
        said.unwrap_or_default().to_owned()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a power switch does.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that fails leaves nobody behind.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What to type to become a process of this role: for a program that runs commands.
pub(crate) fn typed(role: &str, database: &Path) -> Vec<String> {
    let command = command(role, database);
    let assigned = |(name, value): (&std::ffi::OsStr, Option<&std::ffi::OsStr>)| {
        format!("{}={}", name.display(), value.unwrap().display())
    };
    let mut words = vec!["env".to_owned()];
    words.extend(command.get_envs().map(assigned));
    words.push(command.get_program().display().to_string());
    words.extend(command.get_args().map(|arg| arg.display().to_string()));
    words
}

fn command(role: &str, database: &Path) -> Command {
    let module = module_path!().split_once("::").unwrap().1;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture"])
        .arg(format!("{module}::as_another_process"))
        .env(ROLE, role)
        .env(DATABASE, database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// Tells whoever started this process that it is under way.
pub(crate) fn ready() {
    println!("\nsaid: ready");
}

/// Becomes true when whoever started this process asks for its end, or has died.
pub(crate) struct End(std::thread::JoinHandle<()>);

impl End {
    fn listen() -> Self {
        Self(std::thread::spawn(|| {
            let _ = std::io::stdin().read(&mut [0]);
        }))
    }

    pub(crate) fn is_asked_for(&self) -> bool {
        self.0.is_finished()
    }

    fn wait(self) {
        self.0.join().unwrap();
    }
}

/// Has the database of notes open in one of three ways; tells at the end what it sees in a new transaction.
fn hold(role: &str, database: &Path, end: End) {
    let connection = Connection::open(database).unwrap();
    let count = || -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
    };
    count().unwrap();
    match role {
        "reading" => connection.execute_batch("BEGIN").unwrap(),
        "writing" => connection
            .execute_batch("BEGIN IMMEDIATE; INSERT INTO notes (text) VALUES ('in hand')")
            .unwrap(),
        _ => {}
    }
    count().unwrap();
    ready();
    end.wait();
    let said = || -> rusqlite::Result<String> {
        let within = count()?;
        if role != "idle" {
            connection.execute_batch("COMMIT")?;
        }
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        Ok(format!("{within} then {} {check}", count()?))
    };
    println!("\nsaid: {}", said().unwrap_or_else(|_| "failed".to_owned()));
}

/// Changes the schema and some rows of the database of notes, each change for good, and fails before the last; what it has
/// written stays in the WAL.
fn migrate(database: &Path) -> ! {
    let connection = Connection::open(database).unwrap();
    connection
        .execute_batch("ALTER TABLE notes ADD COLUMN done; DELETE FROM notes WHERE id > 1")
        .unwrap();
    // No destructor may tidy up.
    std::process::exit(3)
}

/// Does nothing, unless it was started as a [`Process`].
#[test]
fn as_another_process() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let database = PathBuf::from(std::env::var_os(DATABASE).unwrap());
    let end = End::listen();
    match role.as_str() {
        "writer" => ledger::commit_until(&database, Duration::ZERO, &end),
        "unhurried writer" => ledger::commit_until(&database, Duration::from_millis(10), &end),
        "holder" => {
            let connection = Connection::open(&database).unwrap();
            connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
            ready();
            end.wait();
        }
        "migrating" => migrate(&database),
        "idle" | "reading" | "writing" => hold(&role, &database, end),
        "intruder" => {
            let connection = Connection::open(&database).unwrap();
            connection.busy_timeout(std::time::Duration::ZERO).unwrap();
            let tried = connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
            println!(
                "\nsaid: {}",
                if tried.is_ok() { "let in" } else { "kept out" }
            );
        }
        other => panic!("no such role: {other}"),
    }
}
