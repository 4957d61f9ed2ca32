//! A job as a process of its own: this program once more, so that whatever becomes of one run, the daemon is there for the
//! next.
//!
//! Its end is noticed before it is reaped, so that its number still means it when a signal is sent.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::Value;

/// A line that is longer is none of ours.
const MAX_LINE: u64 = 1 << 20;

/// How long what was said is waited for after the end; a process that a hook left behind may hold the line for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A run under way.
pub(super) struct Running {
    child: Child,
    said: Receiver<Said>,
}

/// What a run told of itself.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Its summary, where it came to one.
    pub(super) summary: Option<Value>,
    /// Why it failed, where it said so.
    pub(super) error: Option<Value>,
    /// What was wrong on the way, cut where it is too much.
    pub(super) warnings: Vec<String>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) exit: u8,
    /// The signal that killed it.
    pub(super) signal: Option<i32>,
    pub(super) said: Said,
}

/// Who is to start what.
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    /// This one.
    pub(super) fn own() -> io::Result<Self> {
        let path = std::env::current_exe()?;
        Ok(Self { path })
    }

    /// Starts it by this config, and has its end told. To be called by the thread that lives as long as the daemon, since a
    /// child is ended with the thread that started it.
    pub(super) fn start(
        &self,
        args: &[OsString],
        config: &str,
        ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<Running> {
        let mut child = match self.command(&self.path, args).spawn() {
            // It was replaced by a newer one and that is not there yet, or was removed: what runs can still be started.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.command("/proc/self/exe".as_ref(), args).spawn()?
            }
            spawned => spawned?,
        };
        match attend(&mut child, config, ended) {
            Ok(said) => Ok(Running { child, said }),
            Err(error) => {
                // Nobody would notice its end. It waits for its config still.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    fn command(&self, program: &std::path::Path, args: &[OsString]) -> Command {
        let mut command = Command::new(program);
        // In a group of its own: Ctrl+C is for the daemon, which passes it on.
        command
            .args(args)
            // A daemon that a hook has started is no part of that hook.
            .env_remove(crate::hooks::facts::EVENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        command
    }
}

/// The threads beside a child: one gives it its config, one hears what it says, and one awaits its end.
fn attend(
    child: &mut Child,
    config: &str,
    ended: impl FnOnce() + Send + 'static,
) -> io::Result<Receiver<Said>> {
    let (sender, said) = channel();
    if let Some(output) = child.stdout.take() {
        beside(move || listen(output, &sender))?;
    }
    let pid = Pid::from_child(child);
    let input = child.stdin.take();
    beside(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let interrupted = Some(rustix::io::Errno::INTR);
        while waitid(WaitId::Pid(pid), options).err() == interrupted {}
        ended();
    })?;
    if let Some(mut input) = input {
        let config = config.to_owned();
        // One that has ended reads nothing, and says so by its end.
        beside(move || drop(input.write_all(config.as_bytes())))?;
    }
    Ok(said)
}

/// A thread, where the system has one.
fn beside(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(work).map(drop)
}

impl Running {
    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, or has it ended.
    pub(super) fn signal(&self, signal: Signal) {
        // It is not reaped yet, so there is something of this number; that it has ended is no error.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// How it ended; to be asked when that was told.
    pub(super) fn end(mut self) -> io::Result<End> {
        let status = self.child.wait()?;
        let signal = status.signal();
        let exit = status.code().or(signal.map(|signal| 128 + signal));
        Ok(End {
            exit: exit.and_then(|exit| u8::try_from(exit).ok()).unwrap_or(1),
            signal,
            said: self.said.recv_timeout(LAST_WORDS).unwrap_or_default(),
        })
    }
}

/// Reads what it says to the end.
fn listen(output: ChildStdout, sender: &Sender<Said>) {
    const MOST_WARNINGS: usize = 10;
    let mut said = Said::default();
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut output).take(MAX_LINE).read_until(b'\n', &mut line) {
        let event: Option<Value> = serde_json::from_slice(&line).ok();
        line.clear();
        let Some(event) = event else { continue };
        match event.get("event").and_then(Value::as_str) {
            Some("summary") => said.summary = Some(event),
            // The first that went wrong is what the exit code is of.
            Some("error") => said.error = said.error.or(Some(event)),
            Some("warning") if said.warnings.len() < MOST_WARNINGS => {
                let words = ["message", "error"]
                    .iter()
                    .filter_map(|key| event.get(key)?.as_str());
                said.warnings.extend(words.take(1).map(str::to_owned));
            }
            _ => {}
        }
    }
    // Nobody asks any more when the daemon has ended.
    let _ = sender.send(said);
}

impl Said {
    /// Why it failed, in a sentence.
    pub(super) fn sentence(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let word = |key: &str| error.get(key).and_then(Value::as_str);
        Some(match (word("error")?, word("cause")) {
            (what, Some(cause)) => format!("{what}: {cause}"),
            (what, None) => what.to_owned(),
        })
    }

    /// A number of the summary.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.summary.as_ref()?.get(key)?.as_u64()
    }

    /// Whether the backup found anything new. A file that was only read again, since it was young, is not.
    pub(super) fn has_changes(&self) -> Option<bool> {
        // New bytes may be those of descriptions alone.
        let counts = ["files_new", "files_changed"].map(|key| self.number(key));
        let known: Vec<u64> = counts.into_iter().flatten().collect();
        (!known.is_empty()).then(|| known.iter().any(|count| *count > 0))
    }
}
