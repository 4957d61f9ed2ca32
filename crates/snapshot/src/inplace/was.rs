//! How what leaves looked when it was saved. What looks otherwise once it has left is in no snapshot.

use serde::{Deserialize, Serialize};

use super::files::Look;
use super::live::Stamp;
use crate::path::TreePath;

/// What a thing is, its length, and the time of its last change: a renaming leaves all of it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) is_folder: bool,
    pub(crate) bytes: u64,
    pub(crate) mtime: (i64, i64),
}

impl Shape {
    /// Whether this is what was seen. What is in a folder is judged one by one, and says more than the folder's time.
    pub(super) fn is(&self, look: &Look) -> bool {
        let other = Self::from(look);
        self.is_folder && other.is_folder || *self == other
    }
}

impl From<&Look> for Shape {
    fn from(look: &Look) -> Self {
        Self {
            is_folder: look.is_folder,
            bytes: look.bytes,
            mtime: look.mtime,
        }
    }
}

impl From<&Stamp> for Shape {
    fn from(stamp: &Stamp) -> Self {
        Self {
            is_folder: stamp.is_folder,
            bytes: stamp.bytes,
            mtime: (stamp.mtime.secs, i64::from(stamp.mtime.nanos)),
        }
    }
}

/// What is replaced or taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Was {
    pub(crate) shape: Shape,
    /// The safety snapshot cannot give all of it back, so it is not thrown away.
    pub(crate) keep: bool,
}

impl Was {
    /// Of what nobody has looked at: it is kept, whatever it is.
    pub(super) const UNKNOWN: Self = Self {
        shape: Shape {
            is_folder: false,
            bytes: 0,
            mtime: (0, 0),
        },
        keep: true,
    };
}

/// The `-wal` and the `-journal` of a database that leaves; `None` for one that was not there.
pub(crate) type SideFiles = [Option<Shape>; 2];

/// Something in a folder that leaves as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inner {
    /// Number of the step by which the folder leaves. They are sorted by it.
    pub(crate) step: u32,
    /// Where in the folder.
    pub(crate) path: TreePath,
    pub(crate) shape: Shape,
    pub(crate) role: Role,
}

/// What a thing in a folder that leaves is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// A file, a link or a folder, saved as such.
    Plain,
    Database,
    /// The `-wal` or `-journal` of a database, saved with that.
    SideFile,
    /// The `-shm` of a database, which has no content of its own.
    Index,
}

impl Inner {
    /// Whether this is what was seen.
    pub(super) fn is(&self, look: &Look) -> bool {
        match self.role {
            Role::Index => !look.is_folder,
            _ => self.shape.is(look),
        }
    }
}
