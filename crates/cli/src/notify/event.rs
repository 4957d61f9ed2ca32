//! What is worth telling somebody, and what was seen that it may be made of.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::RunKind;
use serde::{Deserialize, Serialize};

use crate::exit::Exit;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Topic {
    /// A backup, or what looks after backups, did not go well.
    Failure,
    /// What did not go well before has gone well.
    Recovery,
    /// The newest snapshot of a source is too old, or there is none.
    Stale,
    /// The repository's disk is nearly full.
    LowSpace,
    /// What is stored is damaged.
    Damage,
    /// Somebody tries whether messages arrive.
    #[serde(skip_deserializing)]
    Test,
}

impl Topic {
    /// All that can be chosen.
    pub(crate) const CHOICE: [Self; 5] = [
        Self::Failure,
        Self::Recovery,
        Self::Stale,
        Self::LowSpace,
        Self::Damage,
    ];

    /// The word for it, in the config too.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Recovery => "recovery",
            Self::Stale => "stale",
            Self::LowSpace => "low-space",
            Self::Damage => "damage",
            Self::Test => "test",
        }
    }
}

/// A message, as it waits for being sent and as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) topic: Topic,
    pub(crate) time: DateTime<Utc>,
    pub(crate) host: String,
    pub(crate) repository: String,
    /// What happened, in a line.
    pub(crate) title: String,
    /// All there is to say, in some lines.
    pub(crate) text: String,
    pub(crate) sources: Vec<String>,
    pub(crate) snapshot: Option<String>,
    /// Of the run, 0 where it is about none.
    pub(crate) exit_code: u8,
    pub(crate) error: Option<String>,
    pub(crate) bytes: u64,
}

/// Something that was seen in passing: good or bad, it is for others to judge whether it is news.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// A run came to its end.
    Run(RunSeen),
    /// How old the newest snapshot of a source is; `None` where there is none.
    Age {
        source: String,
        age: Option<Duration>,
        /// From when on `status` says that it is too old.
        warn_after: Duration,
    },
    /// The repository could not be looked at.
    Blind { why: String },
    /// How the config is that the daemon works by: why it cannot be read again, where it cannot.
    Config { why: Option<String> },
    /// How many bytes the repository's disk has left.
    Space { free: u64 },
}

/// A run that came to its end.
#[derive(Debug, Clone)]
pub(crate) struct RunSeen {
    pub(crate) kind: RunKind,
    /// What it was about, ready to be shown.
    pub(crate) sources: Vec<String>,
    pub(crate) exit: Exit,
    pub(crate) snapshot: Option<String>,
    pub(crate) bytes: u64,
    pub(crate) error: Option<String>,
    pub(crate) took: Duration,
    /// Whether it found all there is to be well, as against a part or the shape of it.
    pub(crate) is_thorough: bool,
    /// Hooks that did not go well, in words; `None` where none was run.
    pub(crate) hooks: Option<Vec<String>>,
}
