//! What a run of the program said, and how it ended.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The end of a run. Every expectation that fails shows all of it.
#[derive(Debug)]
pub(crate) struct Answer {
    what: String,
    output: Output,
}

impl Answer {
    /// Runs the command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let what = format!("{command:?}");
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        Self { what, output }
    }

    /// Of a process that was started before.
    pub(crate) fn of_child(child: std::process::Child) -> Self {
        let output = child.wait_with_output().unwrap();
        let what = "a process started before".to_owned();
        Self { what, output }
    }

    /// It ended with this exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.output.status.code(), Some(code), "{self}");
        self
    }

    /// The signal that ended it.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.output.status.signal()
    }

    /// The exit code.
    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// The bytes of its answer.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.output.stdout
    }

    /// Its answer as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// All else that it said.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Its answer as one document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Its answer as events, one a line.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let event = |line: &str| serde_json::from_str(line);
        let events: Result<_, _> = text.lines().map(event).collect();
        events.unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The last of its events, which must be the summary.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        let last = self.events().pop().unwrap_or_default();
        assert_eq!(last["event"], "summary", "{self}");
        last
    }

    /// It says why it failed as every failure must: three lines at most, to stderr, and these words among them.
    #[track_caller]
    pub(crate) fn complains(self, words: &[&str]) -> Self {
        let stderr = self.stderr();
        let lines: Vec<&str> = stderr
            .lines()
            .filter(|line| !line.starts_with("warning: ") && !line.starts_with("note: "))
            .collect();
        assert!(lines.len() <= 3, "{self}");
        let labels = ["error: ", "cause: ", "hint:  "];
        let mut labels = labels.iter();
        for line in &lines {
            assert!(labels.any(|label| line.starts_with(label)), "{self}");
        }
        assert!(stderr.contains("error: "), "{self}");
        self.says_aside(words)
    }

    /// These words are in what it says beside the answer, and nothing that only its programmers understand.
    #[track_caller]
    pub(crate) fn says_aside(self, words: &[&str]) -> Self {
        let stderr = self.stderr();
        for word in words {
            assert!(stderr.contains(word), "{word:?} is missing: {self}");
        }
        for word in ["panicked", "RUST_BACKTRACE", "Error {", "Os {", "unwrap"] {
            assert!(!stderr.contains(word), "{word:?} is there: {self}");
        }
        self
    }

    /// It says nothing beside its answer.
    #[track_caller]
    pub(crate) fn quietly(self) -> Self {
        assert_eq!(self.stderr(), "", "{self}");
        self
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, status) = (&self.what, self.output.status);
        write!(f, "{what}: {status}\n{}\n{}", self.text(), self.stderr())
    }
}

/// A path as the messages show it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
