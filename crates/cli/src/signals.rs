//! Ctrl+C and its kin: the first asks the work to stop, the second does not ask.
//!
//! Only work that looks at [`requested`] installs this; everything else is ended by the system at once, which is safe at
//! any moment: a snapshot exists when its record does, and not before.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{SigId, flag, low_level};

use crate::exit::Exit;

/// Number of the signal that asked, 0 before one did.
static ASKED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Whether the second signal asks like the first.
static PATIENT: AtomicBool = AtomicBool::new(false);

/// From now on, a run is not ended by its second signal: one that ends with its daemon is asked by each thread of that.
pub(crate) fn be_patient() {
    PATIENT.store(true, Ordering::Relaxed);
}

/// What a signal does now.
static INSTALLED: Mutex<Vec<SigId>> = Mutex::new(Vec::new());

/// The signals that this process was started to ignore, a bit each.
static IGNORED: OnceLock<u64> = OnceLock::new();

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
        SIGTERM | SIGHUP => Exit::Terminated,
        _ => Exit::Interrupted,
    }
}

/// From now on, signals ask.
pub(crate) fn install() {
    // A file that grows past a limit is an error of the write, and not the end of the program (F-74).
    let _ = flag::register(SIGXFSZ, Arc::default());
    let asked = ASKED.get_or_init(Arc::default);
    let stopping = Arc::new(AtomicBool::new(false));
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    note_ignored();
    let signals = [
        (SIGINT, Exit::Interrupted),
        (SIGTERM, Exit::Terminated),
        // The terminal was closed. Under nohup it is to be ignored, and stays so.
        (SIGHUP, Exit::Terminated),
    ];
    let heard = signals
        .into_iter()
        .filter(|(s, _)| !is_ignored(*s) || *s != SIGHUP);
    for (signal, exit) in heard {
        let number = usize::try_from(signal).unwrap_or(0);
        // In this order: the second signal finds the flag that the first has set. Without a handler, a signal ends the
        // program at once: less polite, and as safe.
        if !PATIENT.load(Ordering::Relaxed) {
            let code = exit.code().into();
            let ending = flag::register_conditional_shutdown(signal, code, stopping.clone());
            installed.extend(ending);
        }
        installed.extend(flag::register(signal, stopping.clone()));
        installed.extend(flag::register_usize(signal, asked.clone(), number));
    }
}

/// From now on signals neither ask nor end the program, and what was asked is forgotten: they are somebody else's.
pub(crate) fn release() {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    for id in installed.drain(..) {
        low_level::unregister(id);
    }
    if let Some(asked) = ASKED.get() {
        asked.store(0, Ordering::Relaxed);
    }
}

/// Looks which signals are ignored, before anything is installed over that.
pub(crate) fn note_ignored() {
    let _ = IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.unwrap_or(0)
    });
}

/// Whether this process was started to ignore a signal; known after [`note_ignored`].
pub(crate) fn is_ignored(signal: i32) -> bool {
    let bit = u32::try_from(signal - 1).ok();
    let mask = IGNORED.get().copied().unwrap_or(0);
    bit.and_then(|bit| mask.checked_shr(bit))
        .is_some_and(|rest| rest & 1 == 1)
}
