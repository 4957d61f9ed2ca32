//! From what the file system says of an entry to what the snapshot says of it.

use std::fs::Metadata;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::SystemTime;

use lifeboat_store::Session;
use serde_bytes::ByteBuf;

use super::database::is_stored;
use super::walk::Found;
use super::xattrs;
use crate::content::Content;
use crate::entry::{Entry, Meta, Node, Seen, Special, Time};
use crate::monitor::{Warning, WarningKind};
use crate::recent::is_recent;
use lifeboat_store::words::system_words;

/// An entry with this content, which is no file; with a warning where not all of its attributes could be read.
pub(crate) fn entry(found: &Found, node: Node) -> (Entry, Option<Warning>) {
    let xattrs = xattrs::of_path(&found.path);
    let warning = lacking(found, xattrs.missed);
    let entry = Entry {
        name: found.name.clone(),
        meta: meta_with(&found.stat, xattrs.found),
        node,
    };
    (entry, warning)
}

/// The warning about attributes that could not be read.
pub(crate) fn lacking(found: &Found, missed: Option<String>) -> Option<Warning> {
    missed.map(|message| Warning {
        path: found.path.clone(),
        kind: WarningKind::Attribute,
        message,
    })
}

/// A file with this content, as `stat` saw it when it was looked at, right before it was read.
pub(crate) fn file(
    found: &Found,
    (stat, looked): (&Metadata, SystemTime),
    xattrs: Vec<(ByteBuf, ByteBuf)>,
    content: Content,
) -> Entry {
    Entry {
        name: found.name.clone(),
        meta: meta_with(stat, xattrs),
        node: Node::File {
            content,
            seen: seen(stat, looked),
            links: link_group(stat),
        },
    }
}

/// What a `stat` alone says of an entry: all but its extended attributes.
pub(crate) fn meta(stat: &Metadata) -> Meta {
    meta_with(stat, Vec::new())
}

fn meta_with(stat: &Metadata, xattrs: Vec<(ByteBuf, ByteBuf)>) -> Meta {
    Meta {
        mode: stat.mode() & 0o7777,
        uid: stat.uid(),
        gid: stat.gid(),
        mtime: time(stat.mtime(), stat.mtime_nsec()),
        xattrs,
    }
}

fn time(secs: i64, nanos: i64) -> Time {
    Time {
        secs,
        nanos: u32::try_from(nanos).unwrap_or_default(),
    }
}

/// When a file still looked as the walk saw it; never, where it does not any more.
pub(super) fn look_again(path: &Path, seen: &Metadata) -> SystemTime {
    let looked = SystemTime::now();
    match path.symlink_metadata() {
        Ok(stat) if stat.ino() == seen.ino() && looks_same(seen, &stat) => looked,
        _ => SystemTime::UNIX_EPOCH,
    }
}

/// Whether a file has the length and times that it had.
pub(super) fn looks_same(a: &Metadata, b: &Metadata) -> bool {
    let look = |stat: &Metadata| {
        let modified = (stat.mtime(), stat.mtime_nsec());
        (stat.len(), modified, stat.ctime(), stat.ctime_nsec())
    };
    look(a) == look(b)
}

/// How the file looked, where that can prove later that it has not changed since it was looked at.
fn seen(stat: &Metadata, looked: SystemTime) -> Option<Seen> {
    let changed = (stat.ctime(), stat.ctime_nsec());
    (!is_recent(changed, looked)).then(|| Seen {
        inode: stat.ino(),
        ctime: time(stat.ctime(), stat.ctime_nsec()),
    })
}

/// Whether a file has not changed since the snapshot before and its bytes are all there: it is not opened.
pub(crate) fn is_unchanged(session: &Session<'_>, found: &Found, before: &Entry) -> bool {
    let content = before.node.content();
    looks_unchanged(found, before) && content.is_some_and(|content| is_stored(session, content))
}

/// The entry before of a file whose bytes are unchanged, brought up to date, and whether that changed nothing.
pub(crate) fn renewed(found: &Found, mut entry: Entry) -> (Entry, bool) {
    // An attribute that had changed would have changed the ctime as well.
    let xattrs = std::mem::take(&mut entry.meta.xattrs);
    let now = meta(&found.stat);
    let mut is_same = now == entry.meta;
    entry.meta = Meta { xattrs, ..now };
    if let Node::File { links, .. } = &mut entry.node {
        let group = link_group(&found.stat);
        is_same &= *links == group;
        *links = group;
    }
    (entry, is_same)
}

/// Whether a file looks as it did when it was stored, so that its bytes must be the same.
pub(crate) fn looks_unchanged(found: &Found, before: &Entry) -> bool {
    let Node::File {
        content,
        seen: Some(was),
        ..
    } = &before.node
    else {
        return false;
    };
    let is = Seen {
        inode: found.stat.ino(),
        ctime: time(found.stat.ctime(), found.stat.ctime_nsec()),
    };
    let mtime = time(found.stat.mtime(), found.stat.mtime_nsec());
    is == *was && content.len == found.stat.len() && before.meta.mtime == mtime
}

/// An entry that has no bytes: a link, a pipe, a socket, a device. It is never opened.
pub(crate) fn without_bytes(found: &Found) -> Result<(Entry, Option<Warning>), Warning> {
    let kind = found.stat.file_type();
    let special = |kind| Node::Special {
        kind,
        device: found.stat.rdev(),
    };
    let node = if kind.is_symlink() {
        Node::Symlink {
            target: link_target(found)?,
        }
    } else if kind.is_fifo() {
        special(Special::Fifo)
    } else if kind.is_socket() {
        special(Special::Socket)
    } else if kind.is_char_device() {
        special(Special::CharDevice)
    } else {
        special(Special::BlockDevice)
    };
    Ok(entry(found, node))
}

fn link_target(found: &Found) -> Result<ByteBuf, Warning> {
    let target = std::fs::read_link(&found.path);
    let is_link = |target: &std::path::PathBuf| !target.as_os_str().is_empty();
    target
        .and_then(|target| match is_link(&target) {
            true => Ok(target),
            false => Err(std::io::Error::other("it is a link to nothing")),
        })
        .map(|target| ByteBuf::from(target.into_os_string().into_vec()))
        .map_err(|error| Warning {
            path: found.path.clone(),
            kind: WarningKind::Unreadable,
            message: system_words(&error),
        })
}

/// Files with several names share a number, whatever the names are.
fn link_group(stat: &Metadata) -> Option<u64> {
    (stat.nlink() > 1).then(|| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&stat.dev().to_le_bytes());
        hasher.update(&stat.ino().to_le_bytes());
        let mut group = [0; 8];
        hasher.finalize_xof().fill(&mut group);
        u64::from_le_bytes(group)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn f24_a_file_that_was_read_in_the_moment_of_its_change_is_not_known_however_late_it_is_described()
     {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stat = file.path().metadata().unwrap();
        let changed = SystemTime::UNIX_EPOCH
            + Duration::new(stat.ctime().unsigned_abs(), stat.ctime_nsec() as u32);
        assert!(seen(&stat, changed + Duration::from_millis(3)).is_none());
        assert!(seen(&stat, SystemTime::UNIX_EPOCH).is_none());
        let known = seen(&stat, changed + Duration::from_hours(1)).unwrap();
        assert_eq!(known.inode, stat.ino());
    }
}
