//! A repository inside another one. Nobody looks for it there: the outer one takes what it does not know for files of others,
//! counts them nowhere and leaves them out of backups with itself, and whoever removes or moves the outer one takes the inner
//! one along.

use std::path::{Path, PathBuf};

use lifeboat_store::{Backing, Store, StoreError};

use crate::error::{Result, SnapshotError};

/// Refuses a place for a new repository that is inside another one.
pub(crate) fn check_place(place: &Path) -> Result<()> {
    match around(place) {
        None => Ok(()),
        Some(repository) => Err(SnapshotError::PlaceInRepository {
            place: place.to_owned(),
            repository,
        }),
    }
}

/// The repository that a place is in. What cannot be looked at is none.
fn around(place: &Path) -> Option<PathBuf> {
    let place = std::path::absolute(place).ok()?;
    let mut above = place.ancestors().skip(1);
    let existing = above.find_map(|folder| folder.canonicalize().ok())?;
    let mut folders = existing.ancestors();
    folders
        .find(|folder| is_repository(folder))
        .map(Path::to_owned)
}

fn is_repository(folder: &Path) -> bool {
    let opened = Store::open(Backing::local(folder)).map(drop);
    let is_newer = |error: &StoreError| {
        matches!(
            error,
            StoreError::NewerFormat { .. } | StoreError::UnknownFeature { .. }
        )
    };
    opened.as_ref().err().is_none_or(is_newer)
}
