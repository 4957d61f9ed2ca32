//! A file for a textfile collector: it is read at any moment, so it is replaced as a whole or stays as it was.

use std::path::Path;

use crate::failure::Failure;
use crate::files;

/// Collectors are other users.
const MODE: u32 = 0o644;

/// Puts the text in the place of what the file holds.
pub(super) fn write(file: &Path, text: &str) -> Result<(), Failure> {
    files::replace(file, MODE, text.as_bytes())
        .map_err(|error| Failure::io(format!("cannot write {}", file.display()), &error).path(file))
}
