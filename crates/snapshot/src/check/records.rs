//! What is wrong with records, forgotten ones too, and with their copies.

use std::path::PathBuf;

use lifeboat_store::{SnapshotId, StoreError};

use super::Damaged;
use crate::error::Result;
use crate::repair::all;
use crate::repository::{Listing, Repository};

impl Repository {
    /// Names every record and every copy that is not what was written.
    pub(super) fn verify_records(&self, listing: &Listing) -> Result<Vec<Damaged>> {
        let store = self.store();
        let forgotten = self.forgotten()?;
        let mut damaged = Vec::new();
        for (id, error) in &listing.damaged {
            damaged.push(named(store.locate_record(*id), what(error), vec![*id]));
        }
        for (id, error) in &listing.mendable {
            damaged.push(named(store.locate_record(*id), mendable(error), vec![*id]));
        }
        for (_, error) in &forgotten.damaged {
            damaged.push(named(path_of(error), what(error), Vec::new()));
        }
        for (one, error) in &forgotten.mendable {
            let path = store.locate_forgotten(*one);
            damaged.push(named(path, mendable(error), Vec::new()));
        }
        for id in store.lone_copies()? {
            let what = "it is missing, and its copy is there".to_owned();
            damaged.push(named(store.locate_record(id), what, vec![id]));
        }
        for (_, path, what) in self.copy_flaws(&all(listing, &forgotten)).copies {
            damaged.push(named(path, what, Vec::new()));
        }
        Ok(damaged)
    }
}

fn named(object: PathBuf, what: String, snapshots: Vec<SnapshotId>) -> Damaged {
    Damaged {
        object: object.display().to_string(),
        what,
        snapshots,
        paths: Vec::new(),
    }
}

fn mendable(error: &StoreError) -> String {
    format!(
        "{}; its copy is whole, and repair writes it again",
        what(error)
    )
}

fn what(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } => what.clone(),
        other => other.to_string(),
    }
}

/// Where the object of this error is.
fn path_of(error: &StoreError) -> PathBuf {
    match error {
        StoreError::Damaged { object, .. } | StoreError::NewerFormat { object, .. } => {
            object.clone()
        }
        StoreError::Io { path, .. } => path.clone(),
        _ => PathBuf::from("a forgotten record"),
    }
}
