//! What a snapshot knows of one file, folder, database or link. Layout in `docs/format.md`, "Entries".

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::content::Content;
use crate::limits;
use crate::path::Name;
use crate::sqlite::Fingerprint;

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the folder; for the root of a source, the source's last part.
    pub name: Name,
    /// What the file system keeps beside the bytes.
    pub meta: Meta,
    /// What it is and what it holds.
    pub node: Node,
}

impl Entry {
    /// Whether both are the same but for what only tells how they were seen, and what is in a folder.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let same_node = match (&self.node, &other.node) {
            (Node::Folder { .. }, Node::Folder { .. }) => true,
            (
                Node::File { content, links, .. },
                Node::File {
                    content: other,
                    links: other_links,
                    ..
                },
            ) => content == other && links == other_links,
            (Node::Database { content, .. }, Node::Database { content: other, .. }) => {
                content == other
            }
            (node, other) => node == other,
        };
        same_node && self.name == other.name && self.meta == other.meta
    }

    /// Whether it is a folder.
    pub const fn is_folder(&self) -> bool {
        matches!(self.node, Node::Folder { .. })
    }
}

/// What the file system keeps beside the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Permission bits, the lower twelve of `st_mode`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change of the content.
    pub mtime: Time,
    /// Extended attributes, sorted by name.
    #[serde(deserialize_with = "limits::xattrs")]
    pub xattrs: Vec<(ByteBuf, ByteBuf)>,
}

/// Seconds since 1970, which may be negative, and nanoseconds on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Time {
    /// Whole seconds.
    pub secs: i64,
    /// 0 to 999,999,999.
    pub nanos: u32,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// A file.
    File {
        /// Its bytes.
        content: Content,
        /// How it looked when it was read, if that can prove later that it has not changed.
        seen: Option<Seen>,
        /// The group of names that were one file: equal numbers within one snapshot are hard links of each other.
        links: Option<u64>,
    },
    /// A SQLite database, captured through its backup API.
    Database {
        /// Its bytes: one committed state.
        content: Content,
        /// What proves later that nothing has been committed since.
        seen: Option<Fingerprint>,
    },
    /// A folder.
    Folder {
        /// Its entries, encoded.
        entries: Content,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as it was.
        #[serde(deserialize_with = "limits::link_target")]
        target: ByteBuf,
    },
    /// Something that has no bytes of its own.
    Special {
        /// Which.
        kind: Special,
        /// Device number, for devices.
        device: u64,
    },
}

/// Entries without content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Special {
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// How a file looked when it was read. A later file that looks the same, and was not changed within the clock's grain of
/// the reading, has the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Number of the file in its file system.
    pub inode: u64,
    /// Time of the last change of anything about it; programs cannot set it.
    pub ctime: Time,
}

impl Node {
    /// The word for it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Database { .. } => "database",
            Self::Folder { .. } => "folder",
            Self::Symlink { .. } => "symlink",
            Self::Special { kind, .. } => match kind {
                Special::Fifo => "fifo",
                Special::Socket => "socket",
                Special::CharDevice => "character device",
                Special::BlockDevice => "block device",
            },
        }
    }

    /// The bytes of a file or a database.
    pub const fn content(&self) -> Option<&Content> {
        match self {
            Self::File { content, .. } | Self::Database { content, .. } => Some(content),
            Self::Folder { .. } | Self::Symlink { .. } | Self::Special { .. } => None,
        }
    }

    /// Every stored thing it refers to: the bytes, or the encoded entries.
    pub const fn stored(&self) -> Option<&Content> {
        match self {
            Self::Folder { entries } => Some(entries),
            _ => self.content(),
        }
    }
}
