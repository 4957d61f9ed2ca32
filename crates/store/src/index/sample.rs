//! An index of copies that were made up, for measuring.

use std::sync::Arc;

use super::{Index, Location, Record, cache};
use crate::disk::Disk;
use crate::error::{Result, StoreError};
use crate::id::{PackId, RepositoryId};

impl Index {
    /// Writes sorted copies, each with the number of its pack, to one segment, and maps it.
    pub(crate) fn of_copies(
        disk: &dyn Disk,
        repository: RepositoryId,
        packs: &[PackId],
        count: u64,
        copies: impl Iterator<Item = (Location, u32)>,
    ) -> Result<Self> {
        let records = copies.map(|(location, pack)| Record::new(&location, pack));
        let name = cache::write_sorted(disk, repository, packs, count, records)?;
        let segment = cache::open_segment(disk, &name, repository);
        let segment = segment.ok_or_else(|| StoreError::Damaged {
            object: disk.locate(&name),
            what: "it does not open".to_owned(),
        })?;
        Ok(Self {
            listed: packs.iter().copied().collect(),
            listing_len: packs.len(),
            segments: vec![Arc::new(segment)],
            ..Self::empty(repository)
        })
    }
}
