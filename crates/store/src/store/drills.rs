//! Records of drills: small objects for information, of which the newest few are kept.

use std::path::PathBuf;

use super::Store;
use crate::error::Result;
use crate::id::SnapshotId;
use crate::layout::{Folder, Object};
use crate::small::{put_object, read_object};

impl Store {
    /// A name that nothing has yet, by chance.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn new_name(&self) -> Result<SnapshotId> {
        Ok(SnapshotId::from_bytes(self.draw()?))
    }

    /// Keeps the record of a drill; `false` where its name is taken. Durable when it returns.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put_drill(&self, id: SnapshotId, bytes: &[u8]) -> Result<bool> {
        self.check_features()?;
        put_object(self.storage(), Object::Drill(id), bytes)
    }

    /// Removes the record of a drill; one that is gone is no error.
    ///
    /// # Errors
    /// Where it stays.
    pub fn remove_drill(&self, id: SnapshotId) -> Result<()> {
        self.check_features()?;
        self.storage().remove(Object::Drill(id))
    }

    /// The names of all records of drills, in no order.
    ///
    /// # Errors
    /// Where they cannot all be listed.
    pub fn drills(&self) -> Result<Vec<SnapshotId>> {
        self.storage()
            .listed(Folder::Drills, |object| match object {
                Object::Drill(id) => Some(id),
                _ => None,
            })
    }

    /// The bytes of a record; `None` where there is none.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn drill_bytes(&self, id: SnapshotId) -> Result<Option<Vec<u8>>> {
        read_object(self.storage(), Object::Drill(id))
    }

    /// Where a person would find a record.
    pub fn locate_drill(&self, id: SnapshotId) -> PathBuf {
        self.storage().locate(Object::Drill(id))
    }
}
