//! What the file system keeps beside the bytes, set on a thing that is there already.

use std::fs::Metadata;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use serde_bytes::ByteBuf;

use super::files::path_of;
use crate::capture::{describe, xattrs};
use crate::entry::Meta;

/// Rights of a file in an attribute.
const CAPABILITY: &[u8] = b"security.capability";

/// The bits of a file's mode that lend its owner's rights to whoever runs it.
const LENT: u32 = 0o6000;

/// What stands at a path, all of it; `stat` is its `lstat`.
pub(super) fn of(path: &Path, stat: &Metadata) -> Meta {
    Meta {
        xattrs: xattrs::of_path(path).found,
        ..describe::meta(stat)
    }
}

/// What a live file is given of what is recorded. A repository is not proof enough to hand out rights that the live file
/// does not lend, unless that is asked for.
pub(super) fn lent(recorded: &Meta, live: &Meta, setuid: bool) -> Meta {
    if setuid {
        return recorded.clone();
    }
    let is_lent =
        |xattr: &&(ByteBuf, ByteBuf)| **xattr.0 != *CAPABILITY || live.xattrs.contains(xattr);
    Meta {
        mode: recorded.mode & (live.mode | !LENT),
        xattrs: recorded.xattrs.iter().filter(is_lent).cloned().collect(),
        ..recorded.clone()
    }
}

/// Owner, extended attributes, mode and time, in this order: a change of owner clears bits of the mode and capabilities, and
/// an access list has a say in the mode. Only root may give files away.
///
/// An extended attribute that is not taken is no error: [`is_taken`] finds out.
pub(super) fn set(file: &OwnedFd, meta: &Meta) -> io::Result<()> {
    let path = path_of(file);
    let is_owner = meta.uid != u32::MAX && meta.gid != u32::MAX;
    if rustix::process::geteuid().is_root() && is_owner {
        let (owner, group) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
        rustix::fs::chown(&path, Some(owner), Some(group))?;
    }
    set_xattrs(&path, meta);
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
    one.mode == other.mode
        && one.mtime == other.mtime
        && owned(one) == owned(other)
        && settable(one).eq(settable(other))
}

/// Whether what stands at a path has the extended attributes that it was given.
pub(super) fn is_taken(path: &Path, meta: &Meta) -> bool {
    let live = Meta {
        xattrs: xattrs::of_path(path).found,
        ..meta.clone()
    };
    settable(&live).eq(settable(meta))
}

/// [`same`] for links, which have no mode of their own.
pub(super) fn same_link(live: &Meta, recorded: &Meta) -> bool {
    let mode = live.mode;
    same(
        live,
        &Meta {
            mode,
            ..recorded.clone()
        },
    )
}

/// The attributes that this process may set and take away. Labels of the kernel's own rules are left to it, and a process that
/// is not root does not even see all of the others.
fn settable(meta: &Meta) -> impl Iterator<Item = &(ByteBuf, ByteBuf)> {
    let is_root = rustix::process::geteuid().is_root();
    let all = meta.xattrs.iter();
    all.filter(
        move |(name, _)| match name.split(|byte| *byte == b'.').next() {
            Some(b"security") => is_root && **name == *CAPABILITY,
            Some(b"trusted") => is_root,
            _ => true,
        },
    )
}

/// Gives a thing the recorded attributes and takes away the others; each as far as the file system and the kernel allow.
fn set_xattrs(path: &Path, meta: &Meta) {
    let live = Meta {
        xattrs: match xattrs::of_path_followed(path) {
            // What cannot be read cannot be brought back either.
            found if found.missed.is_some() => return,
            found => found.found,
        },
        ..meta.clone()
    };
    let is_wanted = |name: &ByteBuf| settable(meta).any(|(wanted, _)| wanted == name);
    for (name, _) in settable(&live).filter(|(name, _)| !is_wanted(name)) {
        let _ = rustix::fs::removexattr(path, name.as_slice());
    }
    for xattr in settable(meta).filter(|xattr| !live.xattrs.contains(xattr)) {
        let (name, value) = xattr;
        let _ = rustix::fs::setxattr(path, name.as_slice(), value, XattrFlags::empty());
    }
}
