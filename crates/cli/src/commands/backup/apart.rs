//! Sources of one snapshot of which one is missing or suddenly empty: each of the others is saved in a snapshot of its own, and
//! the missing one is an alarm (F-48).

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::exit::Exit;
use crate::failure::Failure;

/// Whether one of several is not there, so that a snapshot of all is out of the question.
pub(super) fn lacks_any(group: &[PathBuf]) -> bool {
    let is_missing = |path: &PathBuf| {
        let looked = path.metadata();
        looked.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    group.len() > 1 && group.iter().any(is_missing)
}

/// Whether this kept all of them from being saved, and is one source's fault.
pub(super) fn helps(failure: &Failure, group: &[PathBuf]) -> bool {
    group.len() > 1 && failure.exit() == Exit::SourceBad
}

/// Each by itself.
pub(super) fn each(group: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    group.iter().map(|source| vec![source.clone()]).collect()
}
