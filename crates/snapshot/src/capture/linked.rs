//! Databases with several names. SQLite keeps the WAL beside the name by which a program opened one: who comes by another name
//! finds none, and reads a state that commits in that WAL may have left behind. Where the other names are, nobody can ask.

use std::os::unix::fs::MetadataExt;

use super::walk::Found;
use crate::monitor::{Warning, WarningKind};
use crate::sqlite::{is_wal, side_files};

/// What is to be told of a database in WAL mode that has other names, and no WAL by this one. With a rollback journal nothing is
/// lost so: what is committed is in the file itself.
pub(super) fn wal_elsewhere(found: &Found) -> Option<Warning> {
    let names = found.stat.nlink();
    if names < 2 {
        return None;
    }
    let [wal, shm, _] = side_files(&found.path).map(|path| path.symlink_metadata().is_ok());
    let may_be = !wal && !shm && is_wal(&found.path).unwrap_or(false);
    may_be.then(|| Warning {
        path: found.path.clone(),
        kind: WarningKind::WalElsewhere,
        message: format!(
            "it has {names} names and no WAL beside this one: if a program has it open by another name, its latest commits are \
             missing; back it up by that name, and leave this one out with --exclude"
        ),
    })
}
