//! Ends a statement that runs for too long, needs too much memory, or that nobody waits for any more.
//!
//! The hazard is SQLite's interrupt itself: it has no effect between two statements, and
//! `count(*)` does not call a progress handler at all. So a thread repeats the interrupt until
//! the work has noticed.

use std::fmt;
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};

use super::vfs::memory_used;

/// How often the watch looks at the clock.
const TICK: Duration = Duration::from_millis(5);

/// Bytes that SQLite may take on top of what it had when the work began. All of the process count, so where it works on
/// other databases beside this one, a statement may be ended too early.
const MEMORY: u64 = 128 << 20;

/// What came of watched work.
pub(super) struct Watched<T> {
    pub(super) value: T,
    /// Why it was ended, if it was.
    pub(super) ended: Option<Ended>,
}

/// Why work was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Time(Duration),
    Memory,
    Stopped,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(limit) => write!(f, "it took longer than {limit:?}"),
            Self::Memory => write!(f, "it needed more than {} MiB of memory", MEMORY >> 20),
            Self::Stopped => f.write_str("it was stopped"),
        }
    }
}

/// Runs `work`; its statements on `connection` are interrupted after `limit`, when they take too much memory, or when
/// `is_stopped` says so.
pub(super) fn watched<T>(
    connection: &Connection,
    limit: Duration,
    is_stopped: &(dyn Fn() -> bool + Sync),
    work: impl FnOnce() -> T,
) -> Watched<T> {
    let handle = connection.get_interrupt_handle();
    let why = OnceLock::new();
    let (working, ended) = mpsc::channel::<()>();
    let value = thread::scope(|scope| {
        // Dropped at the end of this closure, also by a panic: that is what ends the watch.
        let _working = working;
        let why = &why;
        // If no thread can be had, the work runs without a limit.
        let _ = thread::Builder::new()
            .name("sqlite-watch".to_owned())
            .spawn_scoped(scope, move || {
                watch(&handle, limit, is_stopped, &ended, why)
            });
        work()
    });
    Watched {
        value,
        ended: why.into_inner(),
    }
}

fn watch(
    handle: &InterruptHandle,
    limit: Duration,
    is_stopped: &(dyn Fn() -> bool + Sync),
    ended: &Receiver<()>,
    why: &OnceLock<Ended>,
) {
    let (began, before) = (Instant::now(), memory_used());
    while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let reason = if is_stopped() {
            Ended::Stopped
        } else if began.elapsed() >= limit {
            Ended::Time(limit)
        } else if memory_used().saturating_sub(before) > MEMORY {
            Ended::Memory
        } else {
            continue;
        };
        let _ = why.set(reason);
        handle.interrupt();
    }
}
