//! Snapshots of the past: of data that another program saved at another time, and that is only read here.
//!
//! What the files look like to the system now says nothing about the time of the data, so nothing of it is kept that could
//! later be taken for a proof that something has not changed.

use std::path::PathBuf;

use serde_bytes::ByteBuf;

use super::path_bytes;
use crate::entry::{Entry, Meta, Node, Time};
use crate::path::Name;
use crate::record::Snapshot;
use crate::repository::Listing;

/// When and where data was that is backed up from another place now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The path that is recorded as the source.
    pub source: PathBuf,
    /// When it was so, in milliseconds since 1970.
    pub time_ms: i64,
}

impl Past {
    /// The source's path as it is recorded.
    pub(super) fn names(&self) -> Vec<ByteBuf> {
        vec![path_bytes(&self.source)]
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
