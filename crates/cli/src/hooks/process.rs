//! Commands of the user's own, run so that none of them can hold up a backup: in a process group that is ended when its
//! time is over, with output of which the end is kept, however much there is.
//!
//! A child that goes on in the background is left alone, and so is the pipe that it holds: it is read to its end where that
//! comes at once, and given up otherwise.

use std::ffi::OsString;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_snapshot::HookEnd;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::config::command::CommandLine;
use crate::failure::system_words;

/// What a group that was asked to end may still take before it is ended.
const GRACE: Duration = Duration::from_secs(2);

/// How long the rest of the output is waited for once the command has ended.
const REST: Duration = Duration::from_millis(300);

/// Least time between two looks at whether the run is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What is run and how.
pub(crate) struct Job<'a> {
    pub(crate) command: &'a CommandLine,
    /// Where it is run; relative programs are looked for there.
    pub(crate) folder: Option<&'a Path>,
    /// Variables it is given beside those of this program; `None` takes one away.
    pub(crate) variables: Vec<(OsString, Option<OsString>)>,
    pub(crate) timeout: Duration,
    /// Whether it is to end early.
    pub(crate) stop: &'a dyn Fn() -> bool,
    /// Whether what it says on stderr is output as well.
    pub(crate) with_stderr: bool,
    /// Bytes of the end of its output to keep.
    pub(crate) keep: usize,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) end: HookEnd,
    pub(crate) took: Duration,
    pub(crate) output: Vec<u8>,
}

/// Runs a command to its end, or to the end of its time.
pub(crate) fn run(job: &Job<'_>) -> Ended {
    let began = Instant::now();
    let (end, output) = match start(job) {
        Ok(running) => running.wait(job, began),
        Err(error) => (
            HookEnd::NotStarted(refusal(job.command, &error)),
            Vec::new(),
        ),
    };
    Ended {
        end,
        took: began.elapsed(),
        output,
    }
}

/// What the threads beside tell.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Ended,
    Silent,
}

struct Running {
    child: Child,
    news: Receiver<News>,
    tail: Arc<Mutex<Vec<u8>>>,
}

fn start(job: &Job<'_>) -> io::Result<Running> {
    let (reader, writer) = io::pipe()?;
    let mut child = spawn(job, writer)?;
    let (sender, news) = channel();
    let tail = Arc::new(Mutex::new(Vec::new()));
    let attended = listen(reader, tail.clone(), job.keep, sender.clone())
        .and_then(|()| await_end(&child, sender));
    if let Err(error) = attended {
        // Where there can be no more threads, nobody would end it when its time is over.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
        return Err(error);
    }
    Ok(Running { child, news, tail })
}

fn spawn(job: &Job<'_>, output: PipeWriter) -> io::Result<Child> {
    let mut command = command(job.command, job.folder);
    for (name, value) in &job.variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    match job.with_stderr {
        true => command.stderr(output.try_clone()?),
        false => command.stderr(Stdio::null()),
    };
    command
        .stdin(Stdio::null())
        .stdout(output)
        .process_group(0)
        .spawn()
}

fn command(line: &CommandLine, folder: Option<&Path>) -> Command {
    let mut command = match line {
        CommandLine::Shell(text) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(text);
            shell
        }
        CommandLine::Direct(words) => {
            let (program, arguments) = words
                .split_first()
                .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
            let mut command = match folder {
                // A name without a slash is looked for in PATH.
                Some(folder) if program.contains('/') => Command::new(folder.join(program)),
                _ => Command::new(program),
            };
            command.args(arguments);
            command
        }
    };
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    command
}

/// Keeps the end of the output, until there is no more or nobody listens.
fn listen(
    mut reader: PipeReader,
    tail: Arc<Mutex<Vec<u8>>>,
    keep: usize,
    news: Sender<News>,
) -> io::Result<()> {
    let listen = move || {
        let mut piece = vec![0; 64 << 10];
        while let Ok(len @ 1..) = reader.read(&mut piece) {
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend_from_slice(piece.get(..len).unwrap_or_default());
            let over = tail.len().saturating_sub(keep);
            tail.drain(..over);
        }
        let _ = news.send(News::Silent);
    };
    thread::Builder::new().spawn(listen).map(drop)
}

/// Waits without reaping: the number of the group stays the child's until nobody means it any more.
fn await_end(child: &Child, news: Sender<News>) -> io::Result<()> {
    let pid = Pid::from_child(child);
    let wait = move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
        let _ = news.send(News::Ended);
    };
    thread::Builder::new().spawn(wait).map(drop)
}

impl Running {
    fn wait(mut self, job: &Job<'_>, began: Instant) -> (HookEnd, Vec<u8>) {
        let forced = self.until_over(job, began);
        let end = match forced {
            // What the system itself holds up cannot even be killed, and is not waited for.
            Some(forced) if !self.end_group() => forced,
            forced => match self.child.wait() {
                Ok(status) => forced.unwrap_or_else(|| end_of(status)),
                Err(error) => HookEnd::NotStarted(system_words(&error)),
            },
        };
        // What it left in the background may hold the pipe for ever.
        let _ = self.hear(News::Silent, Instant::now() + REST);
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        (end, tail.clone())
    }

    /// `None` where it has ended by itself.
    fn until_over(&mut self, job: &Job<'_>, began: Instant) -> Option<HookEnd> {
        let deadline = began + job.timeout;
        loop {
            if (job.stop)() {
                return Some(HookEnd::Stopped);
            }
            if Instant::now() >= deadline {
                return Some(HookEnd::TimedOut);
            }
            let until = deadline.min(Instant::now() + LOOK);
            if self.hear(News::Ended, until) {
                return None;
            }
        }
    }

    /// Whether this was heard before the time is over. Silence may come first, and is remembered.
    fn hear(&mut self, awaited: News, until: Instant) -> bool {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.news.recv_timeout(left) {
                Ok(news) if news == awaited => return true,
                Ok(_) => {}
                // All have spoken.
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    /// The child and all children of its group; whether the child has ended.
    fn end_group(&mut self) -> bool {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        let has_ended = self.hear(News::Ended, Instant::now() + GRACE);
        // Whoever did not listen; the child itself is not reaped yet, so the number is still the group's.
        let _ = kill_process_group(group, Signal::KILL);
        has_ended || self.hear(News::Ended, Instant::now() + GRACE)
    }
}

fn end_of(status: ExitStatus) -> HookEnd {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.code(), status.signal()) {
        (Some(code), _) => HookEnd::Exited(byte(code)),
        (None, signal) => HookEnd::Signalled(byte(signal.unwrap_or_default())),
    }
}

fn refusal(line: &CommandLine, error: &io::Error) -> String {
    let program = match line {
        CommandLine::Shell(_) => "/bin/sh",
        CommandLine::Direct(words) => words.first().map_or("", String::as_str),
    };
    match error.kind() {
        io::ErrorKind::NotFound => format!("there is no program {program}, or not its interpreter"),
        io::ErrorKind::PermissionDenied => format!("{program} may not be run: is it executable?"),
        _ => format!("{program}: {}", system_words(error)),
    }
}
