//! The guarded command: it has our terminal and our streams, and every signal that is sent to us.
//!
//! A key such as Ctrl+C reaches the whole foreground by itself and is not passed on, or the command would be asked twice. We
//! outlive both: somebody has to go back afterwards.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;

use crate::exit::Exit;
use crate::failure::{Failure, system_words};
use crate::signals;

/// What is passed on.
const SIGNALS: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// How a command ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended(How);

#[derive(Debug, Clone, Copy)]
enum How {
    Code(u8),
    Signal(u8),
}

impl Ended {
    /// With nothing to complain of.
    pub(super) const WELL: Self = Self(How::Code(0));

    fn of(status: ExitStatus) -> Self {
        let small = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        Self(match (status.code(), status.signal()) {
            (Some(code), _) => How::Code(small(code)),
            (None, signal) => How::Signal(small(signal.unwrap_or(0))),
        })
    }

    pub(super) const fn is_good(self) -> bool {
        matches!(self.0, How::Code(0))
    }

    /// As a shell passes it on.
    pub(super) const fn exit(self) -> Exit {
        match self.0 {
            How::Code(code) => Exit::Command(code),
            How::Signal(signal) => Exit::Command(128_u8.saturating_add(signal)),
        }
    }

    /// The number that it ended with.
    pub(super) const fn code(self) -> Option<u8> {
        match self.0 {
            How::Code(code) => Some(code),
            How::Signal(_) => None,
        }
    }

    /// The number of the signal that ended it.
    pub(super) const fn signal(self) -> Option<u8> {
        match self.0 {
            How::Code(_) => None,
            How::Signal(signal) => Some(signal),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            How::Code(code) => write!(f, "failed with exit code {code}"),
            How::Signal(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

/// What is sent to us from now on is kept for the command.
pub(super) fn listen() -> io::Result<SignalsInfo<WithOrigin>> {
    // What was to be ignored stays ignored, by the command too.
    let wanted = SIGNALS
        .into_iter()
        .filter(|signal| !signals::is_ignored(*signal));
    SignalsInfo::new(wanted)
}

/// Runs the command to its end.
pub(super) fn run(command: &[OsString], mut signals: SignalsInfo<WithOrigin>) -> io::Result<Ended> {
    let Some((program, args)) = command.split_first() else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let handle = signals.handle();
    let mut child = Command::new(program).args(args).spawn()?;
    let pid = Pid::from_child(&child);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for origin in signals.forever() {
                if origin.process.is_some()
                    && let Some(signal) = Signal::from_named_raw(origin.signal)
                {
                    let _ = kill_process(pid, signal);
                }
            }
        });
        // Its number is its own until it is waited for below: no signal reaches a stranger.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
        handle.close();
    });
    child.wait().map(Ended::of)
}

/// A command that cannot be begun, with the codes that shells have for it.
pub(super) fn not_run(command: &[OsString], error: &io::Error) -> Failure {
    let exit = match error.kind() {
        io::ErrorKind::NotFound => Exit::CommandMissing,
        _ => Exit::CommandUnusable,
    };
    let program = command.first().cloned().unwrap_or_default();
    Failure::new(exit, format!("cannot run {}", program.display()))
        .because(system_words(error))
        .hint("nothing was changed; what follows -- is a program and its arguments")
}
