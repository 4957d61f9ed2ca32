//! Files that are there as a whole or not at all: written beside their place, synced, and then given their name.
//!
//! Each has a name of its own while it is written, with an ending that none of the files here has, so that no reader takes
//! it for one. After a failure it is gone.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// Puts the bytes in the place of what is there, if anything is.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let whole = beside(path, mode, bytes)?;
    whole.persist(path).map_err(|failed| failed.error)?;
    Ok(())
}

/// Puts the bytes where nothing is.
///
/// # Errors
/// `AlreadyExists` where something is there, be it a link to nowhere.
pub(crate) fn create(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let whole = beside(path, mode, bytes)?;
    whole
        .persist_noclobber(path)
        .map_err(|failed| failed.error)?;
    Ok(())
}

fn beside(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    // Opened here, because the errors of the crate's own files have no number, by which a full disk is told.
    let open = |beside: &Path| {
        let mut options = File::options();
        options.write(true).create_new(true).mode(mode).open(beside)
    };
    let mut builder = Builder::new();
    let mut whole = builder
        .prefix(&name)
        .suffix(".partial")
        .make_in(folder, open)?;
    let file = whole.as_file_mut();
    // Whatever the umask takes away.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> = names
            .map(|found| found.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_has_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.prom");
        for text in ["one", "two"] {
            replace(&path, 0o644, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o644);
        }
        assert_eq!(names(folder.path()), ["a.prom"]);
    }

    #[test]
    fn what_cannot_be_put_in_its_place_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, 0o600, b"x").is_err());
        assert!(create(&path, 0o600, b"x").is_err());
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn nothing_is_made_over_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("b"));
        create(&path, 0o600, b"first").unwrap();
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        for there in [&path, &link] {
            let error = create(there, 0o600, b"second").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["a", "b"]);
    }

    #[test]
    fn errors_keep_their_number() {
        let folder = tempfile::tempdir().unwrap();
        let error = replace(&folder.path().join("no/such"), 0o600, b"x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(2));
    }
}
