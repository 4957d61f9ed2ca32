//! Pins: small objects that keep snapshots from being forgotten, and forgotten ones from being collected.
//!
//! Pinning and forgetting need no lock between them: whichever order they happen in, the pin is there in the end, and a
//! collection keeps what is pinned under either name.

use std::path::PathBuf;

use super::Store;
use crate::error::Result;
use crate::id::SnapshotId;
use crate::layout::{Folder, Object};
use crate::small::{put_object, read_object};

impl Store {
    /// Pins a snapshot with these bytes; `false` where it is pinned already. Durable when it returns.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn pin(&self, id: SnapshotId, bytes: &[u8]) -> Result<bool> {
        self.check_features()?;
        put_object(self.storage(), Object::Pin(id), bytes)
    }

    /// Removes a pin; `false` where there was none.
    ///
    /// # Errors
    /// Where it stays.
    pub fn unpin(&self, id: SnapshotId) -> Result<bool> {
        self.check_features()?;
        let object = Object::Pin(id);
        if self.storage().open(object)?.is_none() {
            return Ok(false);
        }
        self.storage().remove(object)?;
        self.storage().settle(Folder::Pins)?;
        Ok(true)
    }

    /// The snapshots that are pinned, in no order; some may be gone.
    ///
    /// # Errors
    /// Where they cannot all be listed.
    pub fn pins(&self) -> Result<Vec<SnapshotId>> {
        self.storage().listed(Folder::Pins, |object| match object {
            Object::Pin(id) => Some(id),
            _ => None,
        })
    }

    /// The bytes of a pin; `None` where there is none.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn pin_bytes(&self, id: SnapshotId) -> Result<Option<Vec<u8>>> {
        read_object(self.storage(), Object::Pin(id))
    }

    /// Where a person would find a pin.
    pub fn locate_pin(&self, id: SnapshotId) -> PathBuf {
        self.storage().locate(Object::Pin(id))
    }
}
