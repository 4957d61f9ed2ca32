//! How a run that did not do its work speaks: what happened, why, and what to do next, three lines at most.
//!
//! Every text passes through the escape on its way out, because it may quote a hostile file name; and nothing here may
//! show how the program is built. What a library error means for the exit code and the hint is decided in the rooms below.

use std::error::Error;
use std::io;
use std::path::Path;

use lifeboat_snapshot::path::escape;
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::ui::{facts, words};

mod disk;
mod in_place;
mod snapshot;
mod sqlite;
mod store;
mod usage;

pub(crate) use lifeboat_snapshot::store::words::system_words;
use lifeboat_snapshot::store::words::{causes, without_numbers};
pub(crate) use store::DELETE_PLAN;
pub(crate) use usage::from_clap;

/// Why a command ends without having done its work.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    cause: Option<String>,
    hint: Option<String>,
    fields: Map<String, Value>,
    silent: bool,
}

impl Failure {
    /// A failure of this kind.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            cause: None,
            hint: None,
            fields: Map::new(),
            silent: false,
        }
    }

    /// An error in its own words, with those of its causes.
    fn of(exit: Exit, error: &dyn Error) -> Self {
        Self {
            cause: causes(error),
            ..Self::new(exit, error.to_string())
        }
    }

    /// A command line or a config that makes no sense.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// A failed file operation, with what was attempted on what.
    pub(crate) fn io(what: impl Into<String>, error: &io::Error) -> Self {
        Self::new(disk::exit_of(error), what).because(system_words(error))
    }

    /// The answer could not be written. Of bytes that were cut off since their reader left, the exit code alone tells.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        let failure = Self::io("cannot write the answer to standard output", error);
        let silent = error.kind() == io::ErrorKind::BrokenPipe;
        Self { silent, ..failure }
    }

    /// With a cause.
    pub(crate) fn because(self, cause: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..self
        }
    }

    /// A failure to do this, with what it was before as its cause.
    pub(crate) fn instead(self, exit: Exit, what: impl Into<String>) -> Self {
        let cause = match self.cause {
            Some(cause) => format!("{}: {cause}", self.what),
            None => self.what,
        };
        Self {
            exit,
            what: what.into(),
            cause: Some(cause),
            ..self
        }
    }

    /// With advice.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// With a fact for programs.
    pub(crate) fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// With the path it is about.
    pub(crate) fn path(self, path: &Path) -> Self {
        self.place("path", path)
    }

    /// With a path under this name.
    pub(crate) fn place(mut self, name: &str, path: &Path) -> Self {
        self.fields.extend(facts::with_local_path(name, path));
        self
    }

    /// With the room that is left, for a failure of having none.
    pub(crate) fn with_free_bytes(self, free: u64) -> Self {
        if self.fields.contains_key("free_bytes") {
            return self;
        }
        let left = format!("{} were free for it", words::size(free));
        let cause = self
            .cause
            .as_ref()
            .map_or_else(|| left.clone(), |cause| format!("{cause}; {left}"));
        self.because(cause).field("free_bytes", free)
    }

    /// How the run ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether there is nobody to tell.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    /// The lines for people: a label and a text, ready to print.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let parts = [
            ("error", Some(&self.what)),
            ("cause", self.cause.as_ref()),
            ("hint", self.hint.as_ref()),
        ];
        let line = |(label, text): (_, Option<&String>)| Some((label, one_line(text?)));
        parts.into_iter().filter_map(line).collect()
    }

    /// What and why in one sentence, for a warning.
    pub(crate) fn sentence(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {cause}", self.what),
            None => self.what.clone(),
        }
    }

    /// The same for programs.
    pub(crate) fn event(&self) -> Value {
        let mut event = json!({
            "event": "error",
            "exit_code": self.exit.code(),
            "kind": self.exit.word(),
            "error": self.what,
            "cause": self.cause,
            "hint": self.hint,
        });
        if let Some(event) = event.as_object_mut() {
            event.extend(self.fields.clone());
        }
        event
    }
}

/// One line without surprises, however many the text had; the standard library's error numbers help nobody.
pub(crate) fn one_line(text: &str) -> String {
    let text = without_numbers(text);
    let words: Vec<&str> = text
        .split(['\n', '\t', ' '])
        .filter(|word| !word.is_empty())
        .collect();
    escape(words.join(" ").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lines_at_most_in_their_order() {
        let failure = Failure::usage("what\n  happened")
            .hint("next")
            .because("why\x1b[0m");
        let lines = failure.lines();
        let texts: Vec<String> = lines
            .iter()
            .map(|(label, text)| format!("{label}: {text}"))
            .collect();
        assert_eq!(
            texts,
            ["error: what happened", "cause: why\\u{1b}[0m", "hint: next"]
        );
        assert_eq!(Failure::usage("x").lines().len(), 1);
    }

    #[test]
    fn programs_get_code_kind_and_fields() {
        let event = Failure::new(Exit::NoSpace, "full")
            .field("free_bytes", 7)
            .event();
        assert_eq!(event["exit_code"], 28);
        assert_eq!(event["kind"], "no-space");
        assert_eq!(event["free_bytes"], 7);
        assert_eq!(event["cause"], Value::Null);
    }

    #[test]
    fn a_closed_pipe_is_nobody_to_tell() {
        let gone = Failure::stdout(&io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(gone.is_silent());
        assert_eq!(gone.exit(), Exit::Failed);
        let full = Failure::stdout(&io::Error::from(io::ErrorKind::StorageFull));
        assert!(!full.is_silent());
        assert_eq!(full.exit(), Exit::NoSpace);
    }
}
