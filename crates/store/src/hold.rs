//! Long readers hold the repository: what they were led to is not deleted before they end.
//!
//! A reader registers like a session (b1), so that a collector that condemns packs later waits for it. It registers before
//! it reads the record that leads it, or looks again whether that record is still there.

use crate::id::SnapshotId;
use crate::storage::Claim;
use crate::store::Store;

/// Keeps collectors from deleting what its process reads, until it is dropped.
pub struct Hold<'a>(Option<Box<dyn Claim + 'a>>);

impl Store {
    /// Registers a reader. Where the repository cannot be written, be it read-only or full, nothing is registered: nobody
    /// may be kept from reading by that.
    pub fn hold(&self) -> Hold<'_> {
        let claim = self.draw().map(SnapshotId::from_bytes);
        Hold(claim.and_then(|id| self.storage().claim(id)).ok())
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if let Some(claim) = self.0.take() {
            // A record that stays is of a dead session soon, and given up by whoever comes across it.
            let _ = claim.abandon();
        }
    }
}
