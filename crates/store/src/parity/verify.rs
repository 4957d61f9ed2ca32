//! Whether parity objects are what was written. One that is not harms no reading, but mends nothing either.

use rayon::prelude::*;

use super::Head;
use crate::error::{IoContext, Result, StoreError};
use crate::id::PackId;
use crate::layout::{Folder, Object};
use crate::progress::Progress;
use crate::store::Store;
use crate::verify::{Reading, words};

impl Store {
    /// The packs that have a parity object, whether it is good or not.
    pub(crate) fn list_parity(&self) -> Result<Vec<PackId>> {
        let mut packs: Vec<PackId> =
            self.storage()
                .listed(Folder::Parity, |object| match object {
                    Object::Parity(pack) => Some(pack),
                    _ => None,
                })?;
        packs.sort_unstable();
        Ok(packs)
    }

    /// What is wrong with which parity object: with its head or, with `read_data`, with any of its recovery shards.
    pub(crate) fn verify_parity(
        &self,
        reading: &Reading,
        progress: &dyn Progress,
    ) -> Result<Vec<(PackId, String)>> {
        let check = |pack: PackId| match self.check_parity(pack, reading.reads(pack), progress) {
            Ok(()) => None,
            Err(StoreError::Cancelled) => Some(Err(StoreError::Cancelled)),
            Err(error) => Some(Ok((pack, words(&error)))),
        };
        self.list_parity()?
            .into_par_iter()
            .filter_map(check)
            .collect()
    }

    pub(crate) fn check_parity(
        &self,
        pack: PackId,
        read_data: bool,
        progress: &dyn Progress,
    ) -> Result<()> {
        let object = Object::Parity(pack);
        let path = self.storage().locate(object);
        let Some(file) = self.storage().open(object)? else {
            return Ok(()); // Gone since it was listed.
        };
        let head = Head::read(file.as_ref(), &path, pack)?;
        if !read_data {
            return Ok(());
        }
        for stripe in head.shape.each_stripe() {
            if progress.cancelled() {
                return Err(StoreError::Cancelled);
            }
            let mut bad = 0;
            for number in 0..stripe.recovery {
                let shard = head.recovery(file.as_ref(), &stripe, number);
                let shard = shard.context("read", || path.clone())?;
                bad += u32::from(shard.is_none());
            }
            if bad > 0 {
                return Err(StoreError::Damaged {
                    object: path,
                    what: format!("{bad} of its recovery shards are not what was written"),
                });
            }
        }
        Ok(())
    }
}
