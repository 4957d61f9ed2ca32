//! Taking damaged objects out of use without losing a byte of them.

use std::io;

use super::super::Storage as _;
use super::LocalStorage;
use crate::durable::DurableFile;
use crate::error::{IoContext, Result};
use crate::layout::{Object, QUARANTINE};

/// Most files of one name in the quarantine: as many times an object of this name was damaged.
const MAX_NAMESAKES: u32 = 1000;

/// Longest file that is copied: more than any small object has.
const KEPT: u64 = 32 << 20;

/// Names for an object in the quarantine.
fn names(object: Object) -> impl Iterator<Item = String> {
    let path = object.path();
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    (0..MAX_NAMESAKES).map(move |number| match number {
        0 => format!("{QUARANTINE}/{name}"),
        _ => format!("{QUARANTINE}/{name}.{number}"),
    })
}

/// Moves the object away.
pub(super) fn take(storage: &LocalStorage, object: Object) -> Result<bool> {
    let path = object.path();
    let disk = storage.disk.as_ref();
    storage.create_late(QUARANTINE)?;
    for aside in names(object) {
        match disk.rename_new(&path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => {
                result.context("rename", || disk.locate(&path))?;
                break;
            }
        }
    }
    // In this order: the file is never without a name that lasts.
    for folder in [QUARANTINE, object.folder()] {
        storage.settle_dir(folder)?;
    }
    Ok(true)
}

/// Replaces the object, with what can be read of the old one kept.
pub(super) fn replace(storage: &LocalStorage, object: Object, bytes: &[u8]) -> Result<bool> {
    match storage.open(object) {
        Ok(None) => Ok(false),
        Ok(Some(file)) if file.len().is_ok_and(|len| len <= KEPT) => {
            let mut old = vec![0; file.len().unwrap_or_default() as usize];
            // Of a disk that does not answer nothing can be kept.
            if file.read_exact_at(&mut old, 0).is_ok() {
                keep(storage, object, &old)?;
            }
            begin(storage, object, bytes)?.replace()
        }
        // A folder or a pipe of this name can be neither replaced in one step nor copied; a file of any length is not.
        _ => Ok(take(storage, object)? && begin(storage, object, bytes)?.publish()?),
    }
}

fn begin<'s>(storage: &'s LocalStorage, object: Object, bytes: &[u8]) -> Result<DurableFile<'s>> {
    let disk = storage.disk.as_ref();
    let mut file = DurableFile::create(disk, object.folder(), object.path())?;
    file.write(bytes)?;
    Ok(file)
}

fn keep(storage: &LocalStorage, object: Object, bytes: &[u8]) -> Result<()> {
    storage.create_late(QUARANTINE)?;
    for aside in names(object) {
        let mut file = DurableFile::create(storage.disk.as_ref(), QUARANTINE, aside)?;
        file.write(bytes)?;
        if file.publish()? {
            break;
        }
    }
    Ok(())
}
