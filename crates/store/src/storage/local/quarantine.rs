//! Taking damaged objects out of use without losing a byte of them.

use std::io;

use super::super::Storage as _;
use super::LocalStorage;
use crate::disk::OpenFile;
use crate::durable::DurableFile;
use crate::error::{IoContext, Result};
use crate::layout::{Object, QUARANTINE};

/// Most files of one name in the quarantine: as many times an object of this name was damaged.
const MAX_NAMESAKES: u32 = 1000;

/// Bytes that are copied at once.
const WINDOW: usize = 1 << 20;

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

/// Replaces the object in one step, with what can be read of the old one kept. Something else than a file, or what cannot be
/// opened just now, is left to whoever put it there: to move it away first would leave a moment without either.
pub(super) fn replace(storage: &LocalStorage, object: Object, bytes: &[u8]) -> Result<bool> {
    let Some(file) = storage.open(object)? else {
        return Ok(false);
    };
    let mut good = DurableFile::create(storage.disk.as_ref(), object.folder(), object.path())?;
    good.write(bytes)?;
    keep(storage, object, file.as_ref())?;
    good.replace()
}

/// Copies a damaged file to the quarantine. Of one that the disk cannot read nothing can be kept.
fn keep(storage: &LocalStorage, object: Object, file: &dyn OpenFile) -> Result<()> {
    let len = file.len().unwrap_or_default();
    storage.create_late(QUARANTINE)?;
    for aside in names(object) {
        let mut copy = DurableFile::create(storage.disk.as_ref(), QUARANTINE, aside)?;
        for offset in (0..len).step_by(WINDOW) {
            let mut part = vec![0; (WINDOW as u64).min(len - offset) as usize];
            if file.read_exact_at(&mut part, offset).is_err() {
                return Ok(());
            }
            copy.write(&part)?;
        }
        if copy.publish()? {
            break;
        }
    }
    Ok(())
}
