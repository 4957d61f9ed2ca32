//! Whether a config that nobody named may be used: who can write it can run commands as its reader.
//!
//! A file counts as ours where it and its folder belong to the user, to root, or to who became root by `sudo`, and
//! nobody else may write to either. A link is judged by itself: what it leads to may be ours and its place not.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Writable by all.
const OTHERS: u32 = 0o002;

/// Writable by the group.
const GROUP: u32 = 0o020;

/// Writable by all, but what is in it can be renamed by its owner alone.
const STICKY: u32 = 0o1000;

/// Why the file is not to be trusted, if it is not.
pub(super) fn distrust(file: &Path) -> Option<String> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let (Ok(stat), Ok(around)) = (file.symlink_metadata(), folder.metadata()) else {
        return Some("who may write it cannot be seen".to_owned());
    };
    if stat.is_symlink() {
        return Some("it is a link".to_owned());
    }
    of_file(&stat).or_else(|| of_folder(&around))
}

fn of_file(stat: &Metadata) -> Option<String> {
    if !is_ours(stat.uid()) {
        return Some(format!("it belongs to user {}", stat.uid()));
    }
    is_open(stat).then(|| "others may write to it".to_owned())
}

/// In a folder such as `/tmp` others may have put a file there first, but not one of ours.
fn of_folder(stat: &Metadata) -> Option<String> {
    if !is_ours(stat.uid()) {
        return Some(format!("its folder belongs to user {}", stat.uid()));
    }
    let is_sticky = stat.mode() & STICKY != 0;
    (is_open(stat) && !is_sticky).then(|| "others may write to its folder".to_owned())
}

/// Most systems give each user a group of the same number with nobody else in it: what that may write is not open.
fn is_open(stat: &Metadata) -> bool {
    let is_own_group = stat.gid() == stat.uid();
    stat.mode() & OTHERS != 0 || (stat.mode() & GROUP != 0 && !is_own_group)
}

fn is_ours(owner: u32) -> bool {
    let user = rustix::process::geteuid().as_raw();
    let by_sudo = || std::env::var("SUDO_UID").ok()?.parse::<u32>().ok();
    owner == user || owner == 0 || (user == 0 && by_sudo() == Some(owner))
}
