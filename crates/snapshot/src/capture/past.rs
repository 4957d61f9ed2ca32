//! Snapshots of the past: of data that another program saved at another time, and that is only read here.
//!
//! What the files look like to the system now says nothing about the time of the data, so nothing of it is kept that could
//! later be taken for a proof that something has not changed.

use std::path::{Path, PathBuf};

use serde_bytes::ByteBuf;

use super::path_bytes;
use crate::entry::{Entry, Meta, Node, Time};
use crate::error::{Result, SnapshotError};
use crate::path::Name;
use crate::record::Snapshot;
use crate::repository::Listing;
use crate::sqlite::SIDE_FILES;

/// When and where data was that is backed up from another place now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The path that is recorded as the source.
    pub source: PathBuf,
    /// When it was so, in milliseconds since 1970.
    pub time_ms: i64,
    /// Files that were unpacked to be read. They must still be there when all has been read: what is not there is not
    /// missed by who reads a folder.
    pub unpacked: Vec<PathBuf>,
}

impl Past {
    /// The source's path as it is recorded.
    pub(super) fn names(&self) -> Vec<ByteBuf> {
        vec![path_bytes(&self.source)]
    }

    /// That nothing of what was unpacked went away while it was read.
    pub(super) fn check_unpacked(&self) -> Result<()> {
        let gone = |path: &&PathBuf| std::fs::symlink_metadata(path).is_err();
        // Reading a database may end its log.
        let is_log = |path: &Path| {
            let name = path.as_os_str().as_encoded_bytes();
            SIDE_FILES
                .iter()
                .any(|ending| name.ends_with(ending.as_bytes()))
        };
        let mut files = self.unpacked.iter().filter(|path| !is_log(path));
        match files.find(gone) {
            None => Ok(()),
            Some(path) => Err(SnapshotError::SourceMissing {
                path: path.clone(),
                source: std::io::Error::from(std::io::ErrorKind::NotFound),
            }),
        }
    }

    /// What to compare with: the imported snapshot that was just before it, else the nearest there is.
    pub(super) fn parent<'l>(
        &self,
        listing: &'l Listing,
        is_parent: impl Fn(&&Snapshot) -> bool,
    ) -> Option<&'l Snapshot> {
        let candidates = || {
            listing
                .snapshots
                .iter()
                .filter(|snapshot| is_parent(snapshot))
        };
        let imported = || candidates().filter(|snapshot| snapshot.is_imported());
        imported()
            .rfind(|snapshot| snapshot.time_ms <= self.time_ms)
            .or_else(|| imported().next())
            .or_else(|| candidates().next())
    }

    /// The root of the source, which was unpacked or copied to where it is.
    pub(super) fn settle_root(&self, root: &mut Entry) {
        use std::os::unix::ffi::OsStrExt as _;
        let name = self
            .source
            .file_name()
            .map_or(&b"imported"[..], |name| name.as_bytes());
        if let Ok(name) = Name::new(name) {
            root.name = name;
        }
        root.meta = Meta {
            mode: 0o755,
            mtime: Time {
                secs: self.time_ms.div_euclid(1000),
                nanos: 0,
            },
            ..root.meta.clone()
        };
    }
}

/// Takes from an entry what only holds for the place where it was read.
pub(super) fn forget_looks(entry: &mut Entry) {
    match &mut entry.node {
        Node::File { seen, links, .. } => (*seen, *links) = (None, None),
        Node::Database { seen, .. } => *seen = None,
        Node::Folder { .. } | Node::Symlink { .. } | Node::Special { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_unpacked_and_is_gone_is_missed() {
        let place = tempfile::tempdir().unwrap();
        let files = ["a", "app.db", "app.db-wal"].map(|name| place.path().join(name));
        let past = Past {
            source: PathBuf::from("/srv/app"),
            time_ms: 0,
            unpacked: files.to_vec(),
        };
        std::fs::write(&files[0], "").unwrap();
        std::fs::write(&files[1], "").unwrap();
        past.check_unpacked().unwrap();
        std::fs::remove_file(&files[0]).unwrap();
        let missed = past.check_unpacked().unwrap_err();
        assert!(matches!(missed, SnapshotError::SourceMissing { path, .. } if path == files[0]));
    }
}
