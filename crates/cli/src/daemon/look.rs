//! Looking for news beside the runs: sources that grow old since nothing backs them up, a disk that fills, and messages that
//! wait. Done by this program once more, so that no server that hangs keeps the daemon from its work.

use std::ffi::OsString;
use std::time::Duration;

use rustix::process::Signal;

use super::child::{Program, Running};

/// How long between two looks.
const EVERY: Duration = Duration::from_secs(300);

/// How long runs may put a look off. What they do is what would be missed, unless they hang.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How long a look may take. It has sent what waited long before.
const LIMIT: Duration = Duration::from_secs(600);

/// How long a look that was killed is waited for.
const GRACE: Duration = Duration::from_secs(60);

/// The looks of a daemon.
pub(super) struct Looks {
    /// When the last one began, by the steady clock.
    last: Duration,
    is_urgent: bool,
    /// How many there were.
    count: u64,
    current: Option<Running>,
    /// How many in a row did not even end when they were killed.
    given_up: u32,
}

impl Looks {
    /// Of a daemon that begins: its first runs come first.
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            last: now,
            is_urgent: false,
            count: 0,
            current: None,
            given_up: 0,
        }
    }

    /// Looks again, where it is time to and the last look is over. What cannot be started is tried again next time. Its end is
    /// told with its number.
    pub(super) fn step(
        &mut self,
        program: &Program,
        (args, config): (&[OsString], &str),
        (now, is_busy): (Duration, bool),
        ended: impl FnOnce(u64) + Send + 'static,
    ) {
        let since = now.saturating_sub(self.last);
        self.press(since);
        // Those that cannot be ended must not become ever more.
        let every = EVERY.saturating_mul(1 << self.given_up.min(8));
        let is_due = since >= if is_busy { LONGEST } else { every };
        if self.current.is_none() && (is_due || self.is_urgent) {
            self.last = now;
            self.is_urgent = false;
            self.count += 1;
            let number = self.count;
            let told = move || ended(number);
            self.current = program.start(args, config, told).ok();
        }
    }

    /// Ends a look that hangs, or gives it up.
    fn press(&mut self, since: Duration) {
        let Some(current) = &self.current else { return };
        if since >= LIMIT + GRACE {
            self.current = None;
            self.given_up = self.given_up.saturating_add(1);
        } else if since >= LIMIT {
            current.signal(Signal::KILL);
        }
    }

    /// There is news: the next step looks.
    pub(super) const fn hurry(&mut self) {
        self.is_urgent = true;
    }

    /// The look of this number has ended. How is of no account: what it could not tell waits.
    pub(super) fn ended(&mut self, number: u64) {
        if number == self.count
            && let Some(current) = self.current.take()
        {
            self.given_up = 0;
            let _ = current.end();
        }
    }
}
