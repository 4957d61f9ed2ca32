//! The pending record of a session: created, held by the kernel's lock, committed or given back.

use std::io;

use super::super::Claim;
use crate::disk::{Disk, NewFile};
use crate::durable::check_length;
use crate::error::{IoContext, Result, StoreError};
use crate::id::SnapshotId;
use crate::layout::{Object, TEMPORARY};

/// How often a record is created anew that a collector took away.
const ATTEMPTS: u32 = 8;

/// The pending record of a session of this process. Its file is locked before it gets its name, so that nobody can take
/// a living session for dead, and the record is written into it while the name still says pending: the rename is the
/// one step that commits, and it fails when an evictor renamed first.
pub(super) struct LocalClaim<'a> {
    disk: &'a dyn Disk,
    session: SnapshotId,
    file: Box<dyn NewFile>,
}

impl<'a> LocalClaim<'a> {
    pub(super) fn take(disk: &'a dyn Disk, session: SnapshotId) -> Result<Self> {
        for number in 0..ATTEMPTS {
            if let Some(claim) = Self::try_take(disk, session, number)? {
                return Ok(claim);
            }
        }
        let source = io::Error::other("others take it away");
        Err(source).context("create", || disk.locate(&Object::Pending(session).path()))
    }

    /// `None` where a collector took the file for a left-over, in the moment before it was locked.
    fn try_take(disk: &'a dyn Disk, session: SnapshotId, number: u32) -> Result<Option<Self>> {
        let pending = Object::Pending(session).path();
        let temporary = format!("{pending}.{number}{TEMPORARY}");
        let locate = || disk.locate(&temporary);
        let mut file = disk.create_new(&temporary).context("create", locate)?;
        if !file.try_lock().context("lock", locate)? {
            return Ok(None);
        }
        match disk.rename_new(&temporary, &pending) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.context("rename", locate).map(|()| {
                Some(Self {
                    disk,
                    session,
                    file,
                })
            }),
        }
    }
}

impl Claim for LocalClaim<'_> {
    fn commit(mut self: Box<Self>, record: &[u8]) -> Result<()> {
        let object = Object::Pending(self.session);
        let pending = object.path();
        let locate = || self.disk.locate(&pending);
        self.file.write_all_at(record, 0).context("write", locate)?;
        check_length(self.file.as_ref(), record.len() as u64).context("write", locate)?;
        self.file.sync().context("sync", locate)?;
        match self
            .disk
            .move_file(&pending, &Object::Snapshot(self.session).path())
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Evicted {
                    session: self.session,
                });
            }
            result => result.context("rename", locate)?,
        }
        self.disk
            .sync_dir(object.folder())
            .context("sync", || self.disk.locate(object.folder()))
    }

    fn abandon(self: Box<Self>) -> Result<()> {
        let pending = Object::Pending(self.session).path();
        match self.disk.remove(&pending) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.context("remove", || self.disk.locate(&pending)),
        }
    }
}
