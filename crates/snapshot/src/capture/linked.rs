//! Databases with several names. SQLite keeps the WAL beside the name by which a program opened one: who comes by another name
//! finds none, and reads a state that commits in that WAL have left behind. Where the other names are, nobody can ask; whether a
//! program has the file open, one can. One that nobody has open is taken for whole: it most often is one of several copies that are
//! made of links, and what a crash has left in a WAL is found by whoever comes by the right name.

use std::os::unix::fs::MetadataExt;

use super::walk::Found;
use crate::monitor::{Warning, WarningKind};
use crate::sqlite::{is_open_elsewhere, is_wal, side_files};

/// What is to be told of a database in WAL mode that another process has open by another name than this. With a rollback journal
/// nothing is lost so: what is committed is in the file itself.
pub(super) fn wal_elsewhere(found: &Found) -> Option<Warning> {
    let names = found.stat.nlink();
    if names < 2 {
        return None;
    }
    let [wal, shm, _] = side_files(&found.path).map(|path| path.symlink_metadata().is_ok());
    let is_elsewhere = !wal
        && !shm
        && is_wal(&found.path).unwrap_or(false)
        && is_open_elsewhere(&found.path).unwrap_or(true);
    is_elsewhere.then(|| Warning {
        path: found.path.clone(),
        kind: WarningKind::WalElsewhere,
        message: format!(
            "it has {names} names, and a program has it open by another one, beside which its WAL stands: its latest commits may \
             be missing; back it up by that name, and leave this one out with --exclude"
        ),
    })
}
