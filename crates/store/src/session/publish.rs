//! Packs of a session that are written to their end: published with their parity.

use std::sync::atomic::Ordering;

use super::{Session, lock};
use crate::error::Result;
use crate::frame::{Encoding, Frame};
use crate::index::Location;
use crate::layout::Object;
use crate::pack::Sealed;
use crate::small::put_object;

impl<'a> Session<'a> {
    /// Stores a copy of a chunk that is there, in these bytes, which were checked.
    pub(crate) fn copy(&self, at: &Location, frame: &Frame) -> Result<()> {
        if !lock(&self.own).claim(at.id) {
            return Ok(());
        }
        let stored = self.check_running();
        let stored = stored.and_then(|()| self.append(at.kind, at.id, at.plain_len, frame));
        stored.inspect_err(|error| drop(self.failed.set(error.again())))
    }

    /// Whether a copy of this encoding may be stored: all that it is made from is in packs that may be built on.
    pub(crate) fn may_stand_on(&self, encoding: Encoding) -> bool {
        self.index.has_bases(encoding)
    }

    pub(super) fn publish(&self, pack: Sealed<'a>) -> Result<()> {
        let pack = pack.publish()?;
        let mut stored = pack.file_len;
        if let Some(parity) = pack.parity {
            stored += parity.len() as u64;
            let object = Object::Parity(pack.trailer.pack);
            put_object(self.store.storage(), object, &parity)?;
            self.lane(pack.trailer.kind).give_back(parity);
        }
        self.stored_bytes.fetch_add(stored, Ordering::Relaxed);
        lock(&self.own).publish(&pack.trailer, self.store.cache());
        Ok(())
    }
}
