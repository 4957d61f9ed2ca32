//! Reading extended attributes, of which access lists and capabilities are some.
//!
//! Most files have none, and for them it is one system call. A file that has not changed is not asked: whatever changes an
//! attribute changes the file's ctime.

use std::fs::File;
use std::path::Path;

use rustix::io::Errno;
use serde_bytes::ByteBuf;

use crate::path::escape;
use lifeboat_store::words::system_words;

/// Most attributes of an entry that are stored, and their bytes together: far more than programs set, and no more than the
/// format takes.
const MOST: usize = 1024;
const MOST_BYTES: usize = 1 << 20;

/// Longest list of names, and longest value, that Linux has.
const XATTR_MAX: usize = 65536;

/// What an entry has, by name in order, and words for what could not be had.
#[derive(Debug, Clone, Default)]
pub(crate) struct Xattrs {
    pub(crate) found: Vec<(ByteBuf, ByteBuf)>,
    pub(crate) missed: Option<String>,
}

/// The attributes of an open file.
pub(super) fn of_file(file: &File) -> Xattrs {
    read(
        |names| rustix::fs::flistxattr(file, names),
        |name, value| rustix::fs::fgetxattr(file, name, value),
    )
}

/// The attributes of an entry, itself and not what it points to.
pub(crate) fn of_path(path: &Path) -> Xattrs {
    read(
        |names| rustix::fs::llistxattr(path, names),
        |name, value| rustix::fs::lgetxattr(path, name, value),
    )
}

/// The attributes of what a path leads to: the file behind a descriptor in `/proc`.
pub(crate) fn of_path_followed(path: &Path) -> Xattrs {
    read(
        |names| rustix::fs::listxattr(path, names),
        |name, value| rustix::fs::getxattr(path, name, value),
    )
}

fn read(
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    get: impl Fn(&[u8], &mut [u8]) -> Result<usize, Errno>,
) -> Xattrs {
    let mut xattrs = Xattrs::default();
    let names = match grown(&list) {
        Ok(names) => names,
        // The file system has no such thing; or the entry is gone, which whoever reads it will say.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOENT) => return xattrs,
        Err(error) => {
            xattrs.miss("its extended attributes could not be read", error);
            return xattrs;
        }
    };
    let mut bytes = 0;
    for name in names
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
    {
        match grown(|value| get(name, value)) {
            Ok(value) if xattrs.found.len() < MOST && bytes + value.len() <= MOST_BYTES => {
                bytes += name.len() + value.len();
                xattrs
                    .found
                    .push((ByteBuf::from(name), ByteBuf::from(value)));
            }
            Ok(_) => {
                xattrs.missed = Some("it has more extended attributes than are stored".to_owned());
            }
            // Removed since it was listed.
            Err(Errno::NODATA) => {}
            Err(error) => {
                let what = format!("its attribute {} could not be read", escape(name));
                xattrs.miss(&what, error);
            }
        }
    }
    xattrs.found.sort_unstable();
    xattrs.found.dedup_by(|a, b| a.0 == b.0);
    xattrs
}

impl Xattrs {
    fn miss(&mut self, what: &str, error: Errno) {
        self.missed = Some(format!("{what}: {}", system_words(&error.into())));
    }
}

/// What a call fills in, first into few bytes and then into as many as there can be.
fn grown(fill: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut few = [0; 512];
    match fill(&mut few) {
        Ok(len) => Ok(few.get(..len).unwrap_or_default().to_vec()),
        Err(Errno::RANGE) => {
            let mut many = vec![0; XATTR_MAX];
            let len = fill(&mut many)?;
            many.truncate(len);
            Ok(many)
        }
        Err(error) => Err(error),
    }
}
