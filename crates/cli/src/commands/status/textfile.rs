//! A file for a textfile collector: it is read at any moment, so it is replaced as a whole or stays as it was.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Collectors are other users.
const MODE: u32 = 0o644;

/// Puts the text in the place of what the file holds.
pub(super) fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let beside = beside(file);
    let written = fill(&beside, text).and_then(|()| fs::rename(&beside, file));
    written.map_err(|error| {
        // What is left of it is no metric: its name has another ending.
        let _ = fs::remove_file(&beside);
        Failure::io(format!("cannot write {}", file.display()), &error).path(file)
    })
}

fn fill(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.set_permissions(fs::Permissions::from_mode(MODE))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name of its own for each process, in the same folder.
fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    file.with_file_name(name)
}
