//! Pins: what keeps a snapshot from being forgotten until somebody says otherwise.
//!
//! The pin's name is what counts. What is in it is for people, so that a damaged one still pins. Layout in
//! `docs/format.md`, "Pins".

use std::collections::HashSet;

use lifeboat_store::{RepositoryId, SnapshotId, StoreError, envelope, unwrap_object};
use serde::{Deserialize, Serialize};

use crate::error::{Result, SnapshotError};
use crate::repository::Repository;

/// Newest version of a pin that this program reads and the one it writes.
const VERSION: u16 = 1;

/// Longest reason of a pin, in bytes.
const MAX_REASON: usize = 4096;

/// Why and since when a snapshot is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The repository it belongs to.
    pub repository: RepositoryId,
    /// The snapshot that it pins; the same as in its file's name.
    pub snapshot: SnapshotId,
    /// Milliseconds since 1970 when it was made, by the machine's clock.
    pub time_ms: i64,
    /// Words for people, at most 4096 bytes.
    pub reason: String,
}

impl Repository {
    /// Pins a snapshot: it is not forgotten, and what it holds not collected, until it is unpinned. `false` where it was
    /// pinned already; that pin stands, with its own reason.
    ///
    /// # Errors
    /// Where there is no such snapshot, or the pin cannot be written.
    pub fn pin(&self, id: SnapshotId, reason: &str) -> Result<bool> {
        let pin = Pin {
            repository: self.store().id(),
            snapshot: id,
            time_ms: self.clock().now().timestamp_millis(),
            reason: reason.to_owned(),
        };
        if reason.len() > MAX_REASON {
            return Err(StoreError::TooLarge {
                what: "a reason",
                actual: reason.len() as u64,
                limit: MAX_REASON as u64,
            }
            .into());
        }
        let bytes = envelope::wrap(envelope::Kind::Pin, VERSION, &pin).map_err(|source| {
            SnapshotError::Unstorable {
                what: "the pin".to_owned(),
                source,
            }
        })?;
        let is_new = self.store().pin(id, &bytes)?;
        // Looked for only now: whoever forgets it from here on finds the pin, or leaves it what it leads to.
        let is_there = self.store().records()?.contains(&id);
        let is_known = is_there || self.store().forgotten()?.iter().any(|other| other.id == id);
        if !is_known {
            if is_new {
                self.store().unpin(id)?;
            }
            return Err(StoreError::NoRecord { id }.into());
        }
        Ok(is_new)
    }

    /// Removes a pin; `false` where there was none.
    ///
    /// # Errors
    /// Where it stays.
    pub fn unpin(&self, id: SnapshotId) -> Result<bool> {
        Ok(self.store().unpin(id)?)
    }

    /// Removes a pin that was made for this reason, and no other; `false` where there was none.
    ///
    /// # Errors
    /// Where it stays, or it cannot be read whose it is.
    pub fn unpin_own(&self, id: SnapshotId, reason: &str) -> Result<bool> {
        match self.pin_of(id)? {
            Some(pin) if pin.reason == reason => self.unpin(id),
            _ => Ok(false),
        }
    }

    /// The names of all pinned snapshots; some may be gone.
    ///
    /// # Errors
    /// Where they cannot all be listed: whoever forgets must not take that for none.
    pub fn pins(&self) -> Result<HashSet<SnapshotId>> {
        Ok(self.store().pins()?.into_iter().collect())
    }

    /// Why a snapshot is pinned; `None` where it is not.
    ///
    /// # Errors
    /// Where it is pinned and the pin cannot be read.
    pub fn pin_of(&self, id: SnapshotId) -> Result<Option<Pin>> {
        let Some(bytes) = self.store().pin_bytes(id)? else {
            return Ok(None);
        };
        let path = self.store().locate_pin(id);
        let pin: Pin = unwrap_object(path.clone(), envelope::Kind::Pin, VERSION, &bytes)?;
        if pin.snapshot != id || pin.repository != self.store().id() {
            let what = "it is the pin of another snapshot or repository".to_owned();
            return Err(StoreError::Damaged { object: path, what }.into());
        }
        Ok(Some(pin))
    }
}
