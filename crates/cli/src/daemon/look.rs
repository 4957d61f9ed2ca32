//! Looking for news beside the runs: sources that grow old since nothing backs them up, a disk that fills, and messages that
//! wait. Done by this program once more, so that no server that hangs keeps the daemon from its work.

use std::ffi::OsString;
use std::time::Duration;

use super::child::{Program, Running};

/// How long between two looks.
const EVERY: Duration = Duration::from_secs(300);

/// How long runs may put a look off. What they do is what would be missed, unless they hang.
const LONGEST: Duration = Duration::from_secs(86_400);

/// The looks of a daemon.
pub(super) struct Looks {
    /// When the last one began, by the steady clock.
    last: Duration,
    is_urgent: bool,
    current: Option<Running>,
}

impl Looks {
    /// Of a daemon that begins: its first runs come first.
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            last: now,
            is_urgent: false,
            current: None,
        }
    }

    /// Looks again, where it is time to and the last look is over. What cannot be started is tried again next time.
    pub(super) fn step(
        &mut self,
        program: &Program,
        args: &[OsString],
        (now, is_busy): (Duration, bool),
        ended: impl FnOnce() + Send + 'static,
    ) {
        let since = now.saturating_sub(self.last);
        let is_due = since >= if is_busy { LONGEST } else { EVERY };
        if self.current.is_none() && (is_due || self.is_urgent) {
            self.last = now;
            self.is_urgent = false;
            self.current = program.start(args, ended).ok();
        }
    }

    /// There is news: the next step looks.
    pub(super) const fn hurry(&mut self) {
        self.is_urgent = true;
    }

    /// The look has ended. How is of no account: what it could not tell waits.
    pub(super) fn ended(&mut self) {
        if let Some(current) = self.current.take() {
            let _ = current.end();
        }
    }
}
