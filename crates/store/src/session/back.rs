//! Bringing a forgotten record back, under the protection of a session like any backup.
//!
//! Why no collection can take what it leads to. The session registered before it looked for a plan (b1, b2), and a
//! collector looks for sessions after it published its plan. So either the plan was seen: then what it condemns is not in
//! the session's index, and every chunk that was found there, or put again, stands in packs that the plan leaves alone.
//! Or the collector sees the session, waits until it has ended, and marks again from the names that are there then, of which
//! the one that was brought back is one. What remains is that the caller checked every chunk in the same session.
//!
//! It must not be evicted while it lives: what it renames is not its own record, so that would not stop it. Its lock keeps
//! it from that, as it does every session of this machine. A store in which the living can be evicted must have collectors
//! drop forgotten records before their second mark, which then sees every rename that succeeded. (`tests/model` shows both.)

use super::Session;
use crate::error::{Result, StoreError};
use crate::layout::{Folder, Object};
use crate::small::read_object;
use crate::store::Forgotten;

impl Session<'_> {
    /// Makes all that was put durable, and then gives a forgotten record its name back: the snapshot exists when this
    /// returns. Every chunk that it leads to must have been found by [`has`](Self::has), or put, in the same session. The
    /// session goes on, and ends with [`abandon`](Self::abandon).
    ///
    /// # Errors
    /// [`StoreError::NoRecord`] where it is forgotten no longer.
    pub fn bring_back(&self, forgotten: Forgotten) -> Result<()> {
        self.flush()?;
        self.check_running()?;
        let storage = self.store.storage();
        let snapshot = Object::Snapshot(forgotten.id);
        if !storage.rename_record(forgotten.object(), snapshot)? {
            return Err(StoreError::NoRecord { id: forgotten.id });
        }
        storage.settle(Folder::Snapshots)?;
        // A collection that gave it up may have removed the copy. It is there without one as well as with it.
        if let Ok(Some(record)) = read_object(storage, snapshot) {
            let _ = self.store.copy_record(forgotten.id, &record);
        }
        Ok(())
    }
}
