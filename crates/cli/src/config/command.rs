//! Commands as they stand in the config: a list is a program with its arguments, and a text is for the shell.

use std::fmt;
use std::time::Duration;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::ui::words::{self, quoted};

/// Longest time that a command may be given.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A command of the user's own; an empty one stands for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandLine {
    /// A program and its arguments, started without a shell.
    Direct(Vec<String>),
    /// A text that `sh -c` is given.
    Shell(String),
}

impl CommandLine {
    /// As somebody would type it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Direct(words) => words.iter().map(quoted).collect::<Vec<_>>().join(" "),
            Self::Shell(text) => text.clone(),
        }
    }

    /// Whether there is nothing to run.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Direct(words) => words.is_empty(),
            Self::Shell(text) => text.trim().is_empty(),
        }
    }
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = CommandLine;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command: a list of words, or a text for the shell")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<CommandLine, E> {
        match text.contains('\0') {
            true => Err(E::custom("no command holds a zero byte")),
            false => Ok(CommandLine::Shell(text.to_owned())),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<CommandLine, A::Error> {
        let mut words: Vec<String> = Vec::new();
        while let Some(word) = seq.next_element::<String>()? {
            if word.contains('\0') {
                return Err(de::Error::custom("no command holds a zero byte"));
            }
            words.push(word);
        }
        match words.first() {
            Some(program) if program.is_empty() => {
                Err(de::Error::custom("the program of this command has no name"))
            }
            _ => Ok(CommandLine::Direct(words)),
        }
    }
}

/// How long a command may take, as in `5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Timeout(pub(crate) Duration);

impl TryFrom<String> for Timeout {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match words::parse_span(&text)? {
            Duration::ZERO => Err("a command needs some time: 1s at least".to_owned()),
            span if span > LONGEST => Err("a command may take a day at most".to_owned()),
            span => Ok(Self(span)),
        }
    }
}
