//! Records of runs: what was done with the repository and how it ended, for people. Nothing else depends on them.

use std::path::PathBuf;

use super::Store;
use crate::error::Result;
use crate::id::RunId;
use crate::layout::{Folder, Object};
use crate::small::{put_object, read_object};

impl Store {
    /// Writes the record of a run that began at this time, in milliseconds since 1970. `bytes` are made for the name that it
    /// will have.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn add_run<E: From<crate::StoreError>>(
        &self,
        began_ms: u64,
        bytes: impl FnOnce(RunId) -> Result<Vec<u8>, E>,
    ) -> Result<RunId, E> {
        self.check_features()?;
        let id = RunId::from_bytes(self.draw()?);
        let bytes = bytes(id)?;
        put_object(self.storage(), Object::Run(id, began_ms), &bytes)?;
        Ok(id)
    }

    /// The records of runs with the times at which they began, oldest first.
    ///
    /// # Errors
    /// Where they cannot all be listed.
    pub fn runs(&self) -> Result<Vec<(u64, RunId)>> {
        let mut runs: Vec<_> = self.storage().listed(Folder::Runs, |object| match object {
            Object::Run(id, began_ms) => Some((began_ms, id)),
            _ => None,
        })?;
        runs.sort_unstable();
        Ok(runs)
    }

    /// The bytes of a record; `None` where it is gone.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn run_bytes(&self, (began_ms, id): (u64, RunId)) -> Result<Option<Vec<u8>>> {
        read_object(self.storage(), Object::Run(id, began_ms))
    }

    /// Removes a record; one that is gone already is no error.
    ///
    /// # Errors
    /// Where it stays.
    pub fn remove_run(&self, (began_ms, id): (u64, RunId)) -> Result<()> {
        self.storage().remove(Object::Run(id, began_ms))
    }

    /// Where a person would find a record.
    pub fn locate_run(&self, (began_ms, id): (u64, RunId)) -> PathBuf {
        self.storage().locate(Object::Run(id, began_ms))
    }
}
