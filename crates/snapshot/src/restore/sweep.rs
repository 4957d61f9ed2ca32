//! Deleting what a snapshot does not have from a folder that is made as it was.

use rustix::fs::{AtFlags, Dir};

use super::attributes::in_proc;
use super::root::Folder;
use crate::error::{IoContext, Result};
use crate::path::Name;

/// Deletes the entries of a folder that are not among these names, which ascend; how many there were. The mark of the
/// restore at the top stays.
pub(super) fn others(folder: &Folder, names: &[Name], mark: &str, is_top: bool) -> Result<u64> {
    let mut doomed = Vec::new();
    for entry in Dir::read_from(folder).context("list", folder.path())? {
        let entry = entry.context("list", folder.path())?;
        // `.` and `..` are no names.
        let Ok(name) = Name::new(entry.file_name().to_bytes()) else {
            continue;
        };
        let is_mark = is_top && name.as_bytes() == mark.as_bytes();
        if !is_mark && names.binary_search(&name).is_err() {
            doomed.push(name);
        }
    }
    for name in &doomed {
        remove(folder, name)?;
    }
    Ok(doomed.len() as u64)
}

fn remove(folder: &Folder, name: &Name) -> Result<()> {
    if !folder.has_folder(name)? {
        return folder.remove(name);
    }
    if rustix::fs::unlinkat(folder, name.as_bytes(), AtFlags::REMOVEDIR).is_ok() {
        return Ok(());
    }
    // The library walks by descriptors and follows no link on its way.
    let path = in_proc(&folder.fd).join(name.as_os_str());
    std::fs::remove_dir_all(path).context("delete", &folder.locate(name))
}
