//! Parity for packs that are there already: where it is missing, and where it is damaged.

use crate::error::{IoContext, Result, StoreError};
use crate::id::PackId;
use crate::layout::Object;
use crate::pack::PackReader;
use crate::parity::{Encoder, ParityMaker, Share};
use crate::small::put_object;
use crate::store::Store;

/// Bytes of a pack that are read at once.
const WINDOW: u64 = 1 << 20;

impl Store {
    /// Writes the parity of a pack whose bytes are what was written. Gives its length; `None` where the pack is gone, or
    /// has parity already.
    ///
    /// # Errors
    /// Where the pack is damaged, which parity must not make permanent, or parity cannot be written.
    pub(super) fn make_parity(&self, pack: PackId, share: Share) -> Result<Option<u64>> {
        let object = Object::Pack(pack);
        let Some(file) = self.storage().open(object)? else {
            return Ok(None);
        };
        let path = self.storage().locate(object);
        let file_len = file.len().context("read", || path.clone())?;
        let reader = PackReader::new(file.as_ref(), &path);
        let mut maker = ParityMaker::new(share, &Encoder::default());
        let mut offset = 0;
        while offset < file_len {
            let part = reader.read(offset, WINDOW.min(file_len - offset))?;
            maker.push(&part)?;
            offset += part.len() as u64;
        }
        let (parity, hash) = maker.finish(pack)?;
        // Read once more, and only now compared: what was read wrong once is not what was written.
        let written = self.check_as_written(pack, file.as_ref());
        if written.is_err() || hash_of(&reader, file_len)? != hash {
            return Err(StoreError::Damaged {
                object: path,
                what: "it is not what was written".to_owned(),
            });
        }
        if !put_object(self.storage(), Object::Parity(pack), &parity)? {
            return Ok(None);
        }
        if self.storage().open(object)?.is_none() {
            // A collector deleted the pack meanwhile, and its parity before this one came.
            self.storage().remove(Object::Parity(pack))?;
            return Ok(None);
        }
        Ok(Some(parity.len() as u64))
    }
}

fn hash_of(reader: &PackReader<'_>, len: u64) -> Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let mut offset = 0;
    while offset < len {
        let part = reader.read(offset, WINDOW.min(len - offset))?;
        hasher.update(&part);
        offset += part.len() as u64;
    }
    Ok(*hasher.finalize().as_bytes())
}
