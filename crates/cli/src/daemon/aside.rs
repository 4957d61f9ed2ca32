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
        let is_busy = self.is_busy.clone();
        let beside = thread::Builder::new().spawn(move || {
            let result = look();
            is_busy.store(false, Ordering::Release);
            let _ = sender.send(result);
        });
        match beside {
            Ok(_) => found.recv_timeout(patience).ok(),
            Err(_) => {
                self.is_busy.store(false, Ordering::Release);
                None
            }
        }
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
}
