//! How long work tells how far it is, and learns that it should stop.

/// Watches a piece of work. All methods may be called from several threads at once.
pub trait Progress: Sync {
    /// So many more bytes are done.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Asked often: `true` ends the work as soon as it can be ended cleanly.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Watches nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {}
