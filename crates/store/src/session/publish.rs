//! Packs of a session: begun under a new name, published with their parity.

use std::sync::atomic::Ordering;

use super::{Session, lock};
use crate::error::Result;
use crate::id::PackId;
use crate::layout::Object;
use crate::pack::{Kind, PackWriter};
use crate::small::put_object;

impl<'a> Session<'a> {
    pub(super) fn new_pack(&self, kind: Kind) -> Result<PackWriter<'a>> {
        let pack = PackId::from_bytes(self.store.draw()?);
        let upload = self.store.storage().create(Object::Pack(pack))?;
        let parity = self.options.parity;
        Ok(PackWriter::begin(upload, pack, kind, parity))
    }

    pub(super) fn publish(&self, writer: PackWriter<'a>) -> Result<()> {
        let published = writer.finish()?;
        let mut stored = published.file_len;
        if let Some(parity) = published.parity {
            stored += parity.len() as u64;
            let object = Object::Parity(published.trailer.pack);
            put_object(self.store.storage(), object, &parity)?;
        }
        self.stored_bytes.fetch_add(stored, Ordering::Relaxed);
        lock(&self.published).push(published.trailer);
        Ok(())
    }
}
