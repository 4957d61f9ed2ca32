//! A process that is killed, or stopped and let go on, after so many others have ended.

use std::os::fd::OwnedFd;
use std::process::Child;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::stress::Job;

/// What happens to a process after so many others have ended.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// It is killed.
    Killed { after: usize },
    /// It is stopped, and after `then` more continued.
    Stopped { after: usize, then: usize },
    /// It is continued.
    Continued { after: usize },
    /// Nothing.
    Left,
}

/// A process at work, or stopped.
pub(super) struct Running {
    pub(super) job: Job,
    process: OwnedFd,
    fate: Fate,
}

impl Running {
    /// One that was started and not waited for.
    pub(super) fn new(child: &Child, job: Job, fate: Fate) -> Self {
        // Not by its number, which may be another's when it has ended.
        let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).unwrap();
        Self { job, process, fate }
    }

    fn signal(&self, signal: Signal) {
        // It may have ended meanwhile.
        let _ = pidfd_send_signal(&self.process, signal);
    }

    /// Whether it is stopped.
    pub(super) const fn is_stopped(&self) -> bool {
        matches!(self.fate, Fate::Continued { .. })
    }

    /// It goes on to its end, if it is stopped.
    pub(super) fn go_on(&mut self) {
        self.signal(Signal::CONT);
        self.fate = Fate::Left;
    }

    /// Another has ended.
    pub(super) fn advance(&mut self, may_stop: bool) {
        self.fate = match self.fate {
            Fate::Killed { after: 0 } => {
                self.signal(Signal::KILL);
                Fate::Left
            }
            Fate::Stopped { after: 0, then } if may_stop => {
                self.signal(Signal::STOP);
                Fate::Continued { after: then }
            }
            Fate::Stopped { after: 0, .. } | Fate::Left => Fate::Left,
            Fate::Continued { after: 0 } => {
                self.signal(Signal::CONT);
                Fate::Left
            }
            Fate::Killed { after } => Fate::Killed { after: after - 1 },
            Fate::Continued { after } => Fate::Continued { after: after - 1 },
            Fate::Stopped { after, then } => Fate::Stopped {
                after: after - 1,
                then,
            },
        };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that fails leaves nobody behind.
        self.signal(Signal::KILL);
    }
}
