//! How a source stands: from its newest snapshot and its last run to a word, a number, an exit and a colour.

use std::time::Duration;

use anstyle::Style;
use chrono::{DateTime, Utc};
use lifeboat_snapshot::{Newest, Run, is_younger};

use crate::exit::Exit;
use crate::ui::paint;

/// How a source stands; the order is that of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Fresh,
    Incomplete,
    Stale,
    /// The last run did not end in a snapshot.
    Failed,
    Missing,
}

/// A snapshot from the future shows a clock that was or is wrong, and is old: see [`is_younger`].
pub(super) fn state(
    newest: Option<&Newest>,
    failure: Option<&Run>,
    limit: Duration,
    now: DateTime<Utc>,
) -> State {
    let Some(newest) = newest else {
        return State::Missing;
    };
    let is_fresh = is_younger(newest.snapshot.time().to_utc(), limit, now);
    if failure.is_some_and(has_failed) {
        State::Failed
    } else if !is_fresh {
        State::Stale
    } else if newest.has_everything() {
        State::Fresh
    } else {
        State::Incomplete
    }
}

/// Whether a run was to end in a snapshot and did not. One that somebody has stopped on purpose has not failed.
pub(crate) fn has_failed(run: &Run) -> bool {
    let stopped = [Exit::Interrupted, Exit::Terminated].map(Exit::code);
    run.snapshot.is_none() && !stopped.contains(&run.exit)
}

impl State {
    /// For monitoring systems: a number never changes its meaning.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Fresh => 0,
            Self::Incomplete => 1,
            Self::Stale => 2,
            Self::Missing => 3,
            Self::Failed => 4,
        }
    }

    /// For programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Incomplete => "incomplete",
            Self::Stale => "stale",
            Self::Failed => "failed",
            Self::Missing => "none",
        }
    }

    /// For people.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Fresh => "ok",
            Self::Incomplete => "incomplete",
            Self::Stale => "too old",
            Self::Failed => "failed",
            Self::Missing => "none",
        }
    }

    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Fresh => Exit::Done,
            Self::Incomplete | Self::Stale | Self::Failed => Exit::Stale,
            Self::Missing => Exit::NoneYet,
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Fresh => paint::GOOD,
            Self::Incomplete | Self::Stale => paint::FAIR,
            Self::Failed | Self::Missing => paint::BAD,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_their_exits_and_the_worst_one_wins() {
        assert_eq!(State::Fresh.exit().code(), 0);
        assert_eq!(State::Incomplete.exit().code(), 20);
        assert_eq!(State::Stale.exit().code(), 20);
        let none = state(None, None, Duration::ZERO, DateTime::UNIX_EPOCH);
        assert_eq!(none.exit().code(), 21);
        let all = [
            State::Stale,
            State::Failed,
            State::Missing,
            State::Fresh,
            State::Incomplete,
        ];
        assert_eq!(all.into_iter().max(), Some(State::Missing));
    }
}
