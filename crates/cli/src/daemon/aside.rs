//! Looks at what may hang: a disk that does not answer holds up a thread of its own, and never that of the daemon, which has
//! everything else to see to and a service manager to tell that it is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How long a look is waited for. A service manager is patient for minutes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at one thing, one at a time.
#[derive(Default)]
pub(super) struct Aside {
    is_busy: Arc<AtomicBool>,
}

impl Aside {
    /// What is found, where that comes soon. Where it does not, the look goes on, and until it is over nobody looks again.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.ask_for(PATIENCE, look)
    }

    fn ask_for<T: Send + 'static>(
        &self,
        patience: Duration,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if self.is_busy.swap(true, Ordering::AcqRel) {
            return None;
        }
        let (sender, found) = channel();
        let busy = Busy(self.is_busy.clone());
        let beside = thread::Builder::new().spawn(move || {
            // In this order: whoever hears the end of it finds nobody at it.
            let sender = sender;
            let busy = busy;
            let result = look();
            drop(busy);
            let _ = sender.send(result);
        });
        beside.ok()?;
        found.recv_timeout(patience).ok()
    }
}

/// Somebody looks, until this is dropped: by a panic too, or where there can be no thread.
struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_hangs_is_not_waited_for_and_none_follows_it_until_it_is_over() {
        let aside = Aside::default();
        assert_eq!(aside.ask(|| 1), Some(1));
        let (go_on, held) = channel::<()>();
        let (over, is_over) = channel::<()>();
        let look = move || {
            let _ = held.recv();
            over
        };
        assert!(aside.ask_for(Duration::ZERO, look).is_none());
        assert_eq!(aside.ask(|| 2), None);
        go_on.send(()).unwrap();
        // What it gave is dropped when nobody takes it.
        assert!(is_over.recv().is_err());
        assert_eq!(aside.ask(|| 3), Some(3));
    }

    #[test]
    fn after_a_look_that_panicked_there_are_others() {
        let aside = Aside::default();
        assert_eq!(aside.ask(|| -> u8 { panic!("as is wanted") }), None);
        assert_eq!(aside.ask(|| 2), Some(2));
    }
}
