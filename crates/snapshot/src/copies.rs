//! The second copies of records: read where a record cannot be, verified, and what a repair mends records by.

use std::path::PathBuf;

use lifeboat_store::{Forgotten, SnapshotId, StoreError};
use rayon::prelude::*;

use crate::error::Result;
use crate::record::Snapshot;
use crate::repository::Repository;

/// A record that was read.
pub(crate) struct Read {
    pub(crate) snapshot: Snapshot,
    /// Why it could not be read but for its copy.
    pub(crate) was: Option<StoreError>,
}

/// What is wrong with records and their copies.
#[derive(Default)]
pub(crate) struct Flaws {
    /// Copies that are not the bytes of their records, each with the reason.
    pub(crate) copies: Vec<(SnapshotId, PathBuf, String)>,
    /// Records without a copy.
    pub(crate) without: Vec<SnapshotId>,
}

impl Repository {
    /// What these bytes of a record are or, where they are none, what its copy is.
    pub(crate) fn or_copy(
        &self,
        id: SnapshotId,
        path: PathBuf,
        bytes: Result<Vec<u8>, StoreError>,
    ) -> Result<Read, StoreError> {
        let error = match bytes.and_then(|bytes| self.decode_record(id, path, &bytes)) {
            Ok(snapshot) => {
                return Ok(Read {
                    snapshot,
                    was: None,
                });
            }
            Err(error) => error,
        };
        // One that is gone is gone, and a newer one has a newer copy.
        if !matches!(error, StoreError::Damaged { .. } | StoreError::Io { .. }) {
            return Err(error);
        }
        match self.copied(id) {
            Ok(Some((_, snapshot))) => Ok(Read {
                snapshot,
                was: Some(error),
            }),
            _ => Err(error),
        }
    }

    /// The copy of a record, as bytes and as what they say; `None` where it has none.
    fn copied(&self, id: SnapshotId) -> Result<Option<(Vec<u8>, Snapshot)>, StoreError> {
        let Some(bytes) = self.store().record_copy(id)? else {
            return Ok(None);
        };
        let snapshot = self.decode_record(id, self.store().locate_copy(id), &bytes)?;
        Ok(Some((bytes, snapshot)))
    }

    /// What is wrong with the copies of these records.
    pub(crate) fn copy_flaws(&self, records: &[Snapshot]) -> Flaws {
        let look = |snapshot: &Snapshot| (snapshot.id, self.copied(snapshot.id));
        let looked: Vec<_> = records.par_iter().map(look).collect();
        let mut flaws = Flaws::default();
        for ((id, copied), snapshot) in looked.into_iter().zip(records) {
            let what = match copied {
                Ok(None) => {
                    flaws.without.push(id);
                    continue;
                }
                Ok(Some((_, copy))) if copy == *snapshot => continue,
                Ok(Some(_)) => "it is not the copy of its record".to_owned(),
                Err(error) => error.to_string(),
            };
            flaws.copies.push((id, self.store().locate_copy(id), what));
        }
        flaws
    }

    /// Mends a record by its copy; `false` where it is gone.
    pub(crate) fn mend_record(&self, id: SnapshotId) -> Result<bool> {
        match self.copied(id)? {
            Some((bytes, _)) => Ok(self.store().mend_record(id, &bytes)?),
            None => Ok(false),
        }
    }

    /// The same of a forgotten record.
    pub(crate) fn mend_forgotten(&self, forgotten: Forgotten) -> Result<bool> {
        match self.copied(forgotten.id)? {
            Some((bytes, _)) => Ok(self.store().mend_forgotten(forgotten, &bytes)?),
            None => Ok(false),
        }
    }

    /// What the copy of a record says; `None` where it has none.
    pub(crate) fn read_copy(&self, id: SnapshotId) -> Result<Option<Snapshot>> {
        Ok(self.copied(id)?.map(|(_, snapshot)| snapshot))
    }

    /// Writes a record that is missing again, from its copy. A copy that is no record gives nothing back, and is taken out of
    /// the way of collections, which do not delete a byte while it may.
    pub(crate) fn bring_again(&self, id: SnapshotId) -> Result<bool> {
        match self.copied(id) {
            Ok(Some((bytes, _))) => Ok(self.store().write_record(id, &bytes)?),
            Ok(None) => Ok(false),
            Err(error) => {
                if matches!(error, StoreError::Damaged { .. }) {
                    self.store().quarantine_copy(id)?;
                }
                Err(error.into())
            }
        }
    }
}
