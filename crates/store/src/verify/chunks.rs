//! Decoding the chunks of a pack, some beside each other: a repository may have one pack and more processors.

use rayon::prelude::*;

use super::body::Body;
use super::{Damage, Verification, words};
use crate::disk::OpenFile;
use crate::error::{Result, StoreError};
use crate::index::{Index, Location, locations};
use crate::layout::Object;
use crate::pack::{PackReader, Trailer};
use crate::progress::Progress;
use crate::store::Store;

/// Stored bytes of chunks that are decoded beside each other.
const FEW_BYTES: u64 = 512 << 10;

impl Store {
    /// Decodes every chunk and hashes the body as a whole: the first finds the chunk that is bad, the second bytes that a
    /// decoder overlooks.
    pub(super) fn check_body(
        &self,
        index: &Index,
        file: &dyn OpenFile,
        trailer: &Trailer,
        progress: &dyn Progress,
        found: &mut Verification,
    ) -> Result<()> {
        let path = self.storage().locate(Object::Pack(trailer.pack));
        let mut body = Body::new(PackReader::new(file, &path), trailer.body_len);
        let mut bad = Vec::new();
        let mut reason = "the hash of its body does not match".to_owned();
        let copies: Vec<Location> = locations(trailer).collect();
        let mut rest = copies.as_slice();
        while !rest.is_empty() {
            if progress.cancelled() {
                return Err(StoreError::Cancelled);
            }
            let (few, more) = rest.split_at(count_of_few(rest));
            rest = more;
            for (copy, decoded) in few.iter().zip(self.decode_few(index, &mut body, few)?) {
                match decoded {
                    Ok(()) => drop(found.good.insert(copy.id)),
                    // A delta that nobody needs loses its base when that is collected. One that is needed is missed by
                    // whoever knows who needs it.
                    Err(StoreError::ChunkMissing { .. }) => found.without_base.push(copy.id),
                    Err(error) => {
                        found.is_partial |= !error.is_damage();
                        bad.push(copy.id);
                        reason = words(&error);
                    }
                }
                found.checked_bytes += u64::from(copy.stored_len);
                progress.advance(u64::from(copy.stored_len));
            }
        }
        if body.hash() != trailer.body_hash || !bad.is_empty() {
            found.damage.push(Damage {
                object: path,
                what: reason,
                chunks: bad,
            });
        }
        Ok(())
    }

    /// Whether each of these copies, which stand next in the body, gives the bytes of its id.
    fn decode_few(
        &self,
        index: &Index,
        body: &mut Body<'_>,
        few: &[Location],
    ) -> Result<Vec<Result<()>>> {
        let len = few.iter().map(|copy| copy.stored_len as usize).sum();
        let mut rest = body.next(len)?;
        let stored: Vec<&[u8]> = few
            .iter()
            .map(|copy| {
                let len = rest.len().min(copy.stored_len as usize);
                let (own, more) = rest.split_at(len);
                rest = more;
                own
            })
            .collect();
        let decode = |(copy, stored)| self.decode_copy(index, copy, stored).map(drop);
        Ok(few.par_iter().zip(stored).map(decode).collect())
    }
}

/// How many of these copies are decoded beside each other.
fn count_of_few(copies: &[Location]) -> usize {
    let mut bytes = 0;
    let few = copies.iter().take_while(|copy| {
        let is_room = bytes < FEW_BYTES;
        bytes += u64::from(copy.stored_len);
        is_room
    });
    few.count()
}
