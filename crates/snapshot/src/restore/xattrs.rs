//! Extended attributes of restored files: which there are, which are the system's own, and taking away those that are not
//! recorded.

use std::fs::File;
use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::entry::Meta;

/// Rights of a file in an attribute.
pub(super) const CAPABILITY: &[u8] = b"security.capability";

/// Longest list of attributes, and longest value, that Linux has.
const XATTR_MAX: usize = 65536;

/// Takes away attributes that are not recorded: new files may have inherited an access list of the folder they are in.
pub(super) fn take_others(file: &File, meta: &Meta) {
    for name in list(file) {
        let is_wanted = meta.xattrs.iter().any(|(wanted, _)| **wanted == *name);
        if !is_wanted && !is_of_the_system(&name) {
            // Where it cannot be removed it was not inherited, and its file system insists on it.
            let _ = rustix::fs::fremovexattr(file, name.as_slice());
        }
    }
}

/// The names of a file's attributes; none where the file system has no such thing.
pub(super) fn list(file: &impl AsFd) -> Vec<Vec<u8>> {
    let mut names = vec![0; 1024];
    let len = match rustix::fs::flistxattr(file, names.as_mut_slice()) {
        Err(Errno::RANGE) => {
            names.resize(XATTR_MAX, 0);
            rustix::fs::flistxattr(file, names.as_mut_slice())
        }
        result => result,
    };
    names.truncate(len.unwrap_or(0));
    let names = names.split(|&byte| byte == 0);
    let names = names.filter(|name| !name.is_empty());
    names.map(<[u8]>::to_vec).collect()
}

/// Labels that the kernel gives and takes by rules of its own.
pub(super) fn is_of_the_system(name: &[u8]) -> bool {
    name.starts_with(b"security.") && name != CAPABILITY
}
