//! What the daemon waits for: signals, and ends of runs. All of it comes by one channel, so that one thread deals with it.

use std::sync::mpsc::Sender;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use super::engine::Name;
use crate::failure::Failure;

/// What the other threads tell.
pub(super) enum Event {
    Signal(i32),
    Ended(Name),
    /// The look for news of this number has ended.
    Looked(u64),
}

/// Signals become events from now on.
pub(super) fn listen(sender: Sender<Event>) -> Result<(), Failure> {
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1]);
    let cannot = |error: &_| Failure::io("cannot listen for signals", error);
    let mut signals = signals.map_err(|error| cannot(&error))?;
    let listen = move || {
        for signal in signals.forever() {
            if sender.send(Event::Signal(signal)).is_err() {
                break;
            }
        }
    };
    let beside = thread::Builder::new().spawn(listen);
    beside.map(drop).map_err(|error| cannot(&error))
}
