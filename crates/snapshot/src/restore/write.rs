//! Making files and folders, and giving them what the file system keeps beside the bytes.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Gid, OFlags, Timespec, Timestamps, Uid};

use crate::entry::Meta;
use crate::error::{IoContext, Result};

/// A file that did not exist; a link in its place is no place for it.
pub(super) fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .context("create", path)
}

pub(super) fn make_folders(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .context("create", path)
}

/// Owner, mode and time, in this order: a change of owner clears bits of the mode. Words for what could not be set.
pub(super) fn set_meta(file: &File, meta: &Meta) -> Option<String> {
    // The highest number means "leave as it is" to the system and cannot be an owner.
    let is_owner = meta.uid != u32::MAX && meta.gid != u32::MAX;
    if rustix::process::geteuid().is_root() && is_owner {
        let owner = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
        if let Err(error) = rustix::fs::fchown(file, Some(owner.0), Some(owner.1)) {
            return Some(format!("its owner could not be set: {error}"));
        }
    }
    let mode = rustix::fs::Mode::from_raw_mode(meta.mode & 0o7777);
    if let Err(error) = rustix::fs::fchmod(file, mode) {
        return Some(format!("its mode could not be set: {error}"));
    }
    rustix::fs::futimens(file, &timestamps(meta))
        .err()
        .map(|error| format!("its time could not be set: {error}"))
}

pub(super) fn timestamps(meta: &Meta) -> Timestamps {
    let time = Timespec {
        tv_sec: meta.mtime.secs,
        // Decoded numbers may be anything; the system takes nanoseconds only.
        tv_nsec: i64::from(meta.mtime.nanos.min(999_999_999)),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
