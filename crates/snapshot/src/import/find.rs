//! Which archives a path means: a zip, a folder that is a backup, or a folder of both.

use std::path::{Path, PathBuf};

use super::refused;
use crate::error::{IoContext, Result};
use crate::export::MANIFEST_NAME;

/// What names of archives begin with.
const BEGINS: [&str; 2] = ["backup_", "safety_backup_"];

/// All archives, each once, in the order of the paths and of the names in them.
pub(super) fn archives(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut archives = Vec::new();
    for path in paths {
        let path = path.canonicalize().of_source(path)?;
        if path.is_dir() && !is_backup(&path) {
            archives.extend(in_folder(&path)?);
        } else {
            archives.push(path);
        }
    }
    let mut seen = std::collections::HashSet::new();
    archives.retain(|path| seen.insert(path.clone()));
    Ok(archives)
}

/// A folder is a backup if it is described, or called one.
fn is_backup(folder: &Path) -> bool {
    folder.join(MANIFEST_NAME).is_file() || super::described::date_in_name(folder).is_some()
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).context("list", folder)? {
        let path = entry.context("list", folder)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_called_one = BEGINS.iter().any(|begin| name.starts_with(begin));
        let is_zip = name.ends_with(".zip") && path.is_file();
        if is_called_one && (is_zip || path.is_dir()) {
            found.push(path);
        }
    }
    found.sort_unstable();
    match found.is_empty() {
        true => Err(refused(
            folder,
            "it is no backup, and there are no backup_*.zip and no backup_* folders in it",
        )),
        false => Ok(found),
    }
}
