//! The plan of a collection on a local disk: read in one look, replaced under a lock that the kernel takes back when its
//! process dies. On an object store, the same is a conditional write.

use std::io;

use super::super::Version;
use crate::disk::{Disk, Lock};
use crate::durable::check_length;
use crate::envelope;
use crate::error::{IoContext, Result, StoreError};
use crate::layout::{PLAN, PLAN_LOCK, PLANS, TEMPORARY};

/// The plan's bytes and their version.
pub(super) fn read(disk: &dyn Disk) -> Result<Option<(Version, Vec<u8>)>> {
    let locate = || disk.locate(PLAN);
    let file = match disk.open(PLAN) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.context("open", locate)?,
    };
    let len = file.len().context("read", locate)?;
    if len > envelope::LIMIT as u64 {
        return Err(StoreError::Damaged {
            object: locate(),
            what: format!("it has {len} bytes"),
        });
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0).context("read", locate)?;
    Ok(Some((Version::of(&bytes), bytes)))
}

/// The lock under which the plan is replaced; `None` where another holds it.
pub(super) fn lock(disk: &dyn Disk) -> Result<Option<Box<dyn Lock>>> {
    match disk.create_new(PLAN_LOCK) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => drop(result.context("create", || disk.locate(PLAN_LOCK))?),
    }
    disk.try_lock(PLAN_LOCK)
        .context("lock", || disk.locate(PLAN_LOCK))
}

/// Replaces the plan, if nobody else has since.
pub(super) fn swap(disk: &dyn Disk, seen: Option<Version>, bytes: &[u8]) -> Result<bool> {
    let Some(_held) = lock(disk)? else {
        return Ok(false);
    };
    if read(disk)?.map(|(version, _)| version) != seen {
        return Ok(false);
    }
    let temporary = format!("{PLAN}{TEMPORARY}");
    let locate = || disk.locate(&temporary);
    // Only the holder of the lock writes it: what is there was left by one who died.
    match disk.remove(&temporary) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => result.context("remove", locate)?,
    }
    let mut file = disk.create_new(&temporary).context("create", locate)?;
    file.write_all_at(bytes, 0).context("write", locate)?;
    check_length(file.as_ref(), bytes.len() as u64).context("write", locate)?;
    file.sync().context("sync", locate)?;
    drop(file);
    disk.replace_file(&temporary, PLAN)
        .context("rename", locate)?;
    for folder in [PLANS, ""] {
        disk.sync_dir(folder)
            .context("sync", || disk.locate(folder))?;
    }
    Ok(true)
}
