//! Exit codes: what a script learns from a run without reading a word of it.
//!
//! They are a contract (`lifeboat help exit-codes` prints them): a number never changes its meaning, and a new kind of
//! failure gets a new number rather than a share of an old one.

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    Partial,
    Damage,
    Repaired,
    SourceBusy,
    SourceBad,
    Target,
    Untrusted,
    NoRepository,
    Held,
    Password,
    Permission,
    NewerFormat,
    Stale,
    NoneYet,
    NoSpace,
    Remote,
    Evicted,
    NotUndone,
    CommandUnusable,
    CommandMissing,
    Interrupted,
    Terminated,
    /// That of a command which ran in our place.
    Command(u8),
}

/// Number, word for JSON, and meaning of every exit, in the order of the numbers.
const TABLE: [(Exit, u8, &str, &str); 25] = [
    (Exit::Done, 0, "done", "all that was asked for"),
    (
        Exit::Failed,
        1,
        "failed",
        "failed, in a way that no other code names",
    ),
    (
        Exit::Usage,
        2,
        "usage",
        "the command line or the config makes no sense",
    ),
    (
        Exit::Partial,
        3,
        "partial",
        "done, but some input could not be read; each is named",
    ),
    (Exit::Damage, 4, "damage", "damage found in the repository"),
    (
        Exit::Repaired,
        5,
        "repaired",
        "damage found in the repository, and repaired",
    ),
    (
        Exit::SourceBusy,
        6,
        "source-busy",
        "a source is busy; try again",
    ),
    (
        Exit::SourceBad,
        7,
        "source-bad",
        "a source is damaged, unsupported or gone",
    ),
    (
        Exit::Target,
        8,
        "target",
        "the place to write to is not acceptable",
    ),
    (
        Exit::Untrusted,
        9,
        "untrusted",
        "untrusted input was rejected",
    ),
    (
        Exit::NoRepository,
        10,
        "no-repository",
        "there is no repository at this place",
    ),
    (
        Exit::Held,
        11,
        "held",
        "another process holds what this needs, or gc deletes nothing beside damage",
    ),
    (
        Exit::Password,
        12,
        "password",
        "wrong or missing password or key",
    ),
    (Exit::Permission, 13, "permission", "permission denied"),
    (
        Exit::NewerFormat,
        14,
        "newer-format",
        "the repository needs a newer lifeboat",
    ),
    (
        Exit::Stale,
        20,
        "stale",
        "status: the last snapshot is too old",
    ),
    (Exit::NoneYet, 21, "none", "status: there is no snapshot"),
    (Exit::NoSpace, 28, "no-space", "no space left"),
    (
        Exit::Remote,
        69,
        "remote",
        "a remote repository cannot be reached",
    ),
    (
        Exit::Evicted,
        75,
        "evicted",
        "this backup stalled and was given up for dead; try again",
    ),
    (
        Exit::NotUndone,
        125,
        "not-undone",
        "guard: the command failed, and what it changed could not be undone",
    ),
    (
        Exit::CommandUnusable,
        126,
        "command-unusable",
        "guard: the command cannot be run",
    ),
    (
        Exit::CommandMissing,
        127,
        "command-missing",
        "guard: there is no such command",
    ),
    (
        Exit::Interrupted,
        130,
        "interrupted",
        "interrupted (Ctrl+C)",
    ),
    (Exit::Terminated, 143, "terminated", "terminated"),
];

impl Exit {
    /// The whole contract, as number, word and meaning.
    pub(crate) fn table() -> impl Iterator<Item = (u8, &'static str, &'static str)> {
        TABLE
            .iter()
            .map(|&(_, code, word, meaning)| (code, word, meaning))
    }

    fn row(self) -> (u8, &'static str) {
        if let Self::Command(code) = self {
            return (code, "command");
        }
        let row = TABLE.iter().find(|(exit, ..)| *exit == self);
        row.map_or((1, "failed"), |&(_, code, word, _)| (code, word))
    }

    /// The word for a number; that of failure for one that is none of these.
    pub(crate) fn word_of(code: u8) -> &'static str {
        let row = TABLE.iter().find(|(_, other, ..)| *other == code);
        row.map_or("failed", |&(_, _, word, _)| word)
    }

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self.row().0
    }

    /// The word for it in JSON.
    pub(crate) fn word(self) -> &'static str {
        self.row().1
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_contract() {
        let codes: Vec<u8> = Exit::table().map(|(code, ..)| code).collect();
        let promised = [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 20, 21, 28, 69, 75, 125, 126, 127,
            130, 143,
        ];
        assert_eq!(codes, promised);
    }

    #[test]
    fn every_exit_has_a_row() {
        assert_eq!(Exit::Terminated.code(), 143);
        assert_eq!(Exit::NoSpace.word(), "no-space");
        assert_eq!(Exit::Evicted.code(), 75);
    }
}
