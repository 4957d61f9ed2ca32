//! One thing that is not as it should be, and the command that mends it.

use anstyle::Style;
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{facts, paint};

/// How bad it is, in the order of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Good to know; backups work.
    Advice,
    /// Will cost something one day.
    Warning,
    /// Backups do not work, or will not be found.
    Bad,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) weight: Weight,
    /// A name for programs, which stays.
    pub(super) kind: &'static str,
    /// How the run ends where this is the worst.
    pub(super) exit: Exit,
    what: String,
    mend: String,
}

impl Weight {
    /// For programs.
    const fn word(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }

    /// For people.
    pub(super) const fn style(self) -> Style {
        match self {
            Self::Advice => paint::DIM,
            Self::Warning => paint::FAIR,
            Self::Bad => paint::BAD,
        }
    }
}

impl Finding {
    /// Something that is good to know.
    pub(super) fn advice(kind: &'static str, what: impl Into<String>) -> Self {
        Self::new(Weight::Advice, kind, Exit::Done, what.into())
    }

    /// Something that will cost something one day.
    pub(super) fn warning(kind: &'static str, what: impl Into<String>) -> Self {
        Self::new(Weight::Warning, kind, Exit::Failed, what.into())
    }

    /// Something that is wrong now.
    pub(super) fn bad(kind: &'static str, exit: Exit, what: impl Into<String>) -> Self {
        Self::new(Weight::Bad, kind, exit, what.into())
    }

    /// A failure that keeps doctor from looking further.
    pub(super) fn of(kind: &'static str, failure: &Failure) -> Self {
        let lines = failure.lines();
        let hint = lines.iter().find(|(label, _)| label.starts_with("hint"));
        let hint = hint.map_or_else(String::new, |(_, text)| text.clone());
        Self::bad(kind, failure.exit(), failure.sentence()).mend(hint)
    }

    const fn new(weight: Weight, kind: &'static str, exit: Exit, what: String) -> Self {
        Self {
            weight,
            kind,
            exit,
            what,
            mend: String::new(),
        }
    }

    /// With what mends it: a command where there is one.
    pub(super) fn mend(self, mend: impl Into<String>) -> Self {
        let mend = mend.into();
        Self { mend, ..self }
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let what = format!("{}: {}", self.weight.word(), self.what);
        let mut lines = vec![paint::paint(self.weight.style(), what)];
        if !self.mend.is_empty() {
            lines.push(format!("  to mend it: {}", self.mend));
        }
        lines
    }

    /// For programs.
    pub(super) fn facts(&self) -> Map<String, Value> {
        facts::object(json!({
            "kind": self.kind,
            "weight": self.weight.word(),
            "what": self.what,
            "mend": self.mend,
            "exit_code": self.exit.code(),
        }))
    }
}
