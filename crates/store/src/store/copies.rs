//! A second copy of each record, in a folder of its own: one lost block of a disk shall not cost a snapshot, all of whose
//! chunks are there.
//!
//! It is written once the record is committed, so that a copy never tells of what has not happened, and is of no account
//! where the record can be read: a crash may leave a record without one, which a repair writes. A copy without its record,
//! which no collection has given up, is the trace of a record that was lost: nothing is collected until a repair has written
//! it again.

use std::collections::HashSet;
use std::path::PathBuf;

use super::Store;
use crate::error::Result;
use crate::id::SnapshotId;
use crate::layout::{Folder, Object};
use crate::small::{put_object, read_object};
use crate::store::Forgotten;

impl Store {
    /// Writes the copy of a record; `false` where there is one.
    ///
    /// # Errors
    /// Where it cannot be written, which harms nothing.
    pub fn copy_record(&self, id: SnapshotId, record: &[u8]) -> Result<bool> {
        let written = put_object(self.storage(), Object::Copy(id), record)?;
        self.withdraw_copy(id)?;
        Ok(written)
    }

    /// The names of all records that have a copy, in no order; some records may be gone.
    ///
    /// # Errors
    /// Where they cannot all be listed.
    pub fn copies(&self) -> Result<Vec<SnapshotId>> {
        self.storage()
            .listed(Folder::Copies, |object| match object {
                Object::Copy(id) => Some(id),
                _ => None,
            })
    }

    /// Copies whose records are gone, under whichever name, though no collection has given them up. Records are looked for
    /// twice, as one that is renamed meanwhile may be in no listing.
    ///
    /// # Errors
    /// Where copies or records cannot all be listed.
    pub fn lone_copies(&self) -> Result<Vec<SnapshotId>> {
        // A record is there before its copy is, so copies are listed first.
        let mut lone = self.copies()?;
        for _ in 0..2 {
            if lone.is_empty() {
                return Ok(lone);
            }
            let there: HashSet<SnapshotId> = self.named_records()?.into_iter().collect();
            lone.retain(|id| !there.contains(id));
        }
        if !lone.is_empty() {
            // A power cut may bring back the copies that a collection removed, and its plan with them.
            let given_up = self.given_up()?;
            lone.retain(|id| !given_up.contains(id));
        }
        // Those that went with their records meanwhile.
        let mut left = Vec::new();
        for id in lone {
            // One that cannot be opened is there all the same.
            if !matches!(self.storage().open(Object::Copy(id)), Ok(None)) {
                left.push(id);
            }
        }
        Ok(left)
    }

    /// Takes the copy of a record back that is gone: whoever wrote it may have been stopped before, while others forgot the
    /// snapshot and collected.
    fn withdraw_copy(&self, id: SnapshotId) -> Result<()> {
        let storage = self.storage();
        if storage.open(Object::Snapshot(id))?.is_none() && !self.named_records()?.contains(&id) {
            storage.remove(Object::Copy(id))?;
        }
        Ok(())
    }

    fn named_records(&self) -> Result<Vec<SnapshotId>> {
        self.storage()
            .listed(Folder::Snapshots, |object| match object {
                Object::Snapshot(id) | Object::Forgotten(id, _) | Object::Pending(id) => Some(id),
                _ => None,
            })
    }

    /// Writes a record that is gone; `false` where it is there.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_record(&self, id: SnapshotId, record: &[u8]) -> Result<bool> {
        put_object(self.storage(), Object::Snapshot(id), record)
    }

    /// The bytes of a record's copy; `None` where it has none.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn record_copy(&self, id: SnapshotId) -> Result<Option<Vec<u8>>> {
        read_object(self.storage(), Object::Copy(id))
    }

    /// Where a person would find the copy of a record.
    pub fn locate_copy(&self, id: SnapshotId) -> PathBuf {
        self.storage().locate(Object::Copy(id))
    }

    /// Puts the right bytes in the place of a damaged record, which is kept in the quarantine as far as it can be read;
    /// `false` where it is gone. The caller holds a session, so that no collector looks meanwhile.
    ///
    /// # Errors
    /// Where the record may be the damaged one still.
    pub fn mend_record(&self, id: SnapshotId, record: &[u8]) -> Result<bool> {
        self.storage().replace(Object::Snapshot(id), record)
    }

    /// The same of a forgotten record.
    ///
    /// # Errors
    /// As [`mend_record`](Self::mend_record).
    pub fn mend_forgotten(&self, forgotten: Forgotten, record: &[u8]) -> Result<bool> {
        self.storage().replace(forgotten.object(), record)
    }

    /// The same of a copy.
    ///
    /// # Errors
    /// As [`mend_record`](Self::mend_record).
    pub fn mend_copy(&self, id: SnapshotId, record: &[u8]) -> Result<bool> {
        let replaced = self.storage().replace(Object::Copy(id), record)?;
        self.withdraw_copy(id)?;
        Ok(replaced)
    }

    /// Moves the copy of a record to the quarantine; `false` where there is none.
    ///
    /// # Errors
    /// Where it may be in its place still.
    pub fn quarantine_copy(&self, id: SnapshotId) -> Result<bool> {
        self.storage().quarantine(Object::Copy(id))
    }
}
