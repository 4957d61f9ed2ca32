//! Ctrl+C and its kin: the first asks the work to stop, the second does not ask.
//!
//! Only work that looks at [`requested`] installs this; everything else is ended by the system at once, which is safe at
//! any moment: a snapshot exists when its record does, and not before.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

use crate::exit::Exit;

/// Number of the signal that asked, 0 before one did.
static ASKED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Whether the second signal asks like the first.
static PATIENT: AtomicBool = AtomicBool::new(false);

/// From now on, a run is not ended by its second signal: one that ends with its daemon is asked by each thread of that.
pub(crate) fn be_patient() {
    PATIENT.store(true, Ordering::Relaxed);
}

fn asked() -> i32 {
    let number = ASKED.get().map_or(0, |asked| asked.load(Ordering::Relaxed));
    i32::try_from(number).unwrap_or(0)
}

/// Whether somebody asked the work to stop.
pub(crate) fn requested() -> bool {
    asked() != 0
}

/// How a run ends that was asked to stop.
pub(crate) fn exit() -> Exit {
    match asked() {
        SIGTERM => Exit::Terminated,
        _ => Exit::Interrupted,
    }
}

/// From now on, signals ask.
pub(crate) fn install() {
    // A file that grows past a limit is an error of the write, and not the end of the program (F-74).
    let _ = flag::register(SIGXFSZ, Arc::default());
    let asked = ASKED.get_or_init(Arc::default);
    let stopping = Arc::new(AtomicBool::new(false));
    for (signal, exit) in [(SIGINT, Exit::Interrupted), (SIGTERM, Exit::Terminated)] {
        let number = usize::try_from(signal).unwrap_or(0);
        // In this order: the second signal finds the flag that the first has set. Without a handler, a signal ends the
        // program at once: less polite, and as safe.
        if !PATIENT.load(Ordering::Relaxed) {
            let code = exit.code().into();
            let _ = flag::register_conditional_shutdown(signal, code, stopping.clone());
        }
        let _ = flag::register(signal, stopping.clone());
        let _ = flag::register_usize(signal, asked.clone(), number);
    }
}
