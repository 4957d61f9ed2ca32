//! What a run remembers of the hooks beside it: commands of the user's own, whose end and last words are worth keeping.

use serde::{Deserialize, Serialize};

/// When a hook is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookMoment {
    /// Before the work.
    Before,
    /// After work that went well.
    After,
    /// After work that did not.
    OnFailure,
    /// At the end, however it came.
    Finally,
}

impl HookMoment {
    /// The word for it: its key in the config.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::OnFailure => "on_failure",
            Self::Finally => "finally",
        }
    }
}

/// How a hook ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookEnd {
    /// By itself, with this exit code; 0 is well.
    Exited(u8),
    /// By a signal of this number.
    Signalled(u8),
    /// It took longer than it may, and was ended.
    TimedOut,
    /// The run was asked to stop, and it was ended.
    Stopped,
    /// It could not be started, for this reason.
    NotStarted(String),
}

/// A hook that was run beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookRun {
    /// When it was run.
    pub moment: HookMoment,
    /// How it ended.
    pub end: HookEnd,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// The end of what it said; what is longer than [`HookRun::MAX_OUTPUT`] lacks its beginning.
    pub output: String,
}

impl HookRun {
    /// Longest output that is kept, in bytes.
    pub const MAX_OUTPUT: usize = 2000;

    /// Whether it went well.
    pub fn is_good(&self) -> bool {
        self.end == HookEnd::Exited(0)
    }

    pub(super) fn within_limits(mut self) -> Self {
        if let HookEnd::NotStarted(why) = self.end {
            self.end = HookEnd::NotStarted(super::cut(why));
        }
        let over = self.output.len().saturating_sub(Self::MAX_OUTPUT);
        self.output.drain(..self.output.ceil_char_boundary(over));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_hook_said_the_end_is_kept() {
        let hook = HookRun {
            moment: HookMoment::After,
            end: HookEnd::Exited(1),
            duration_ms: 1,
            output: format!("{}last", "ä".repeat(HookRun::MAX_OUTPUT)),
        };
        let kept = hook.within_limits().output;
        assert!(kept.len() <= HookRun::MAX_OUTPUT && kept.ends_with("ääälast"));
    }
}
