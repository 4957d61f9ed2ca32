//! What a database that could not be captured means for whoever runs the program.

use std::path::Path;

use lifeboat_snapshot::sqlite::SqliteError;

use super::{Failure, causes, disk};
use crate::exit::Exit;
use crate::signals;
use crate::ui::words::{self, quoted};

impl From<SqliteError> for Failure {
    fn from(error: SqliteError) -> Self {
        let failure = match &error {
            SqliteError::NotADatabase { path, begins } => unreadable(path, Exit::SourceBad)
                .because(format!("file is not a database (it begins with {begins:?})"))
                .hint(as_file(path)),
            SqliteError::Busy { path, waited, .. } => unreadable(path, Exit::SourceBusy)
                .because(format!("another program has held it locked for {}", words::took(*waited)))
                .hint("try again when that program is idle"),
            SqliteError::HotJournal { path, .. } => unreadable(path, Exit::SourceBad)
                .because("a program died while it was writing, and its journal must be rolled back first")
                .hint("open it once with its own program, so that it recovers"),
            SqliteError::Damaged { path, detail, .. } => unreadable(path, Exit::SourceBad)
                .because(detail.as_str())
                .hint(as_file(path)),
            SqliteError::Replaced { path } => unreadable(path, Exit::SourceBusy)
                .because("it was replaced while it was read")
                .hint("try again"),
            SqliteError::Disturbed { path, .. } => unreadable(path, Exit::SourceBusy)
                .because("another program opened it at the moment it was read")
                .hint("try again"),
            SqliteError::Stopped => Failure::new(signals::exit(), "stopped before the end, as asked"),
            SqliteError::Io { path, source } => unreadable(path, exit_of_source(source)),
            SqliteError::Sqlite { path, .. } => unreadable(path, Exit::SourceBad),
            other => Failure::new(Exit::SourceBad, other.to_string()),
        };
        match causes(&error) {
            Some(cause) if failure.cause.is_none() => failure.because(cause),
            _ => failure,
        }
    }
}

fn unreadable(path: &Path, exit: Exit) -> Failure {
    Failure::new(exit, format!("cannot read the database {}", path.display())).path(path)
}

fn as_file(path: &Path) -> String {
    let path = quoted(path);
    format!(
        "back it up as a plain file with --no-database {path}, or repair it with sqlite3 .recover"
    )
}

/// A source that cannot be read for reasons of its own is a bad source.
fn exit_of_source(error: &std::io::Error) -> Exit {
    match disk::exit_of(error) {
        Exit::Failed => Exit::SourceBad,
        exit => exit,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_only_looks_like_a_database_is_told_by_how_it_begins() {
        let path = PathBuf::from("/srv/app/clinic.db");
        let begins = "PK".to_owned();
        let failure = Failure::from(SqliteError::NotADatabase { path, begins });
        let lines = failure.lines();
        assert_eq!(
            lines[0],
            (
                "error",
                "cannot read the database /srv/app/clinic.db".to_owned()
            )
        );
        assert_eq!(lines[1].1, "file is not a database (it begins with \"PK\")");
        assert!(lines[2].1.contains("--no-database /srv/app/clinic.db"));
        assert_eq!(failure.exit(), Exit::SourceBad);
    }

    #[test]
    fn busy_is_not_bad() {
        let path = PathBuf::from("/a.db");
        let waited = Duration::from_secs(30);
        let failure = Failure::from(SqliteError::Busy {
            path,
            waited,
            source: None,
        });
        assert_eq!(failure.exit(), Exit::SourceBusy);
        assert_eq!(
            failure.lines()[1].1,
            "another program has held it locked for 30.0 s"
        );
    }
}
