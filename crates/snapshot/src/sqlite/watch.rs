//! Ends a statement that runs for too long, or that nobody waits for any more.
//!
//! The hazard is SQLite's interrupt itself: it has no effect between two statements, and
//! `count(*)` does not call a progress handler at all. So a thread repeats the interrupt until
//! the work has noticed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};

/// How often the watch looks at the clock.
const TICK: Duration = Duration::from_millis(5);

/// Runs `work`; its statements on `connection` are interrupted after `limit` or when `stop` is set.
pub(super) fn watched<T>(
    connection: &Connection,
    limit: Duration,
    stop: &AtomicBool,
    work: impl FnOnce() -> T,
) -> T {
    let handle = connection.get_interrupt_handle();
    let (working, ended) = mpsc::channel::<()>();
    thread::scope(move |scope| {
        // Dropped at the end of this closure, also by a panic: that is what ends the watch.
        let _working = working;
        // If no thread can be had, the work runs without a limit.
        let _ = thread::Builder::new()
            .name("sqlite-watch".to_owned())
            .spawn_scoped(scope, move || watch(&handle, limit, stop, &ended));
        work()
    })
}

fn watch(handle: &InterruptHandle, limit: Duration, stop: &AtomicBool, ended: &Receiver<()>) {
    let began = Instant::now();
    while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        if began.elapsed() >= limit || stop.load(Ordering::Relaxed) {
            handle.interrupt();
        }
    }
}
