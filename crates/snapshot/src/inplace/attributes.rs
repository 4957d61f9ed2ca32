//! What the file system keeps beside the bytes, set on a thing that is there already.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid};

use super::files::path_of;
use crate::entry::Meta;

/// Owner, mode and time, in this order: a change of owner clears bits of the mode. Only root may give files away.
pub(super) fn set(file: &OwnedFd, meta: &Meta) -> io::Result<()> {
    let path = path_of(file);
    let is_owner = meta.uid != u32::MAX && meta.gid != u32::MAX;
    if rustix::process::geteuid().is_root() && is_owner {
        let (owner, group) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
        rustix::fs::chown(&path, Some(owner), Some(group))?;
    }
    rustix::fs::chmod(&path, Mode::from_raw_mode(meta.mode & 0o7777))?;
    let time = Timespec {
        tv_sec: meta.mtime.secs,
        tv_nsec: i64::from(meta.mtime.nanos.min(999_999_999)),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    Ok(rustix::fs::utimensat(CWD, &path, &times, AtFlags::empty())?)
}

/// Whether two sets of attributes are the same as far as this process could set them.
pub(super) fn same(one: &Meta, other: &Meta) -> bool {
    let owned = |meta: &Meta| {
        rustix::process::geteuid()
            .is_root()
            .then_some((meta.uid, meta.gid))
    };
    one.mode == other.mode && one.mtime == other.mtime && owned(one) == owned(other)
}
