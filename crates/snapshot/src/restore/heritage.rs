//! What new files get from the folder that they are created in, rather than from the process.

use super::attributes::Thing;
use super::root::Folder;
use super::xattrs;

/// What a folder may hand down to files that are created in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heritage {
    /// They are as the process makes them.
    Nothing,
    /// They may be of another group.
    Group,
    /// They may have extended attributes, of which an access list has a say in their mode.
    Attributes,
}

impl Heritage {
    /// What a file is that was created a moment ago.
    pub(super) fn new_file(self) -> Thing {
        match self {
            Self::Nothing | Self::Group => Thing::NewFile,
            Self::Attributes => Thing::File,
        }
    }
}

/// What this folder may hand down: whatever it does, it has itself.
pub(super) fn heritage(folder: &Folder) -> Heritage {
    if xattrs::list(folder)
        .iter()
        .any(|name| !xattrs::is_of_the_system(name))
    {
        return Heritage::Attributes;
    }
    // By a bit of its mode, or by how the file system is mounted.
    let is_of_our_group = rustix::fs::fstat(folder).is_ok_and(|stat| stat.st_gid == ours().1);
    match is_of_our_group {
        true => Heritage::Nothing,
        false => Heritage::Group,
    }
}

/// User and group of what this process creates.
pub(super) fn ours() -> (u32, u32) {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    (user.as_raw(), group.as_raw())
}
