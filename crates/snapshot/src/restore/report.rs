//! What a restore has done, and what it could not.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::monitor::Warning;
use crate::opened::Opened;
use crate::path::TreePath;

/// What was restored.
#[derive(Debug, Clone, Default)]
pub struct RestoreReport {
    /// Files and databases that are there now.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Pipes, sockets and devices.
    pub specials: u64,
    /// Bytes in the files.
    pub bytes: u64,
    /// Files that were right already.
    pub kept: u64,
    /// Entries that stayed as they were, as [`Overwrite::Never`](super::Overwrite::Never) asks.
    pub left: u64,
    /// Entries that were deleted from the target.
    pub deleted: u64,
    /// What cannot be had from the repository.
    pub lost: Vec<Loss>,
    /// The restored databases as they were opened, where that was asked for.
    pub databases: Vec<Opened>,
    /// How long it took.
    pub duration: Duration,
    /// Everything that was in the way.
    pub warnings: Vec<Warning>,
}

/// A file of which bytes cannot be had, or a folder of which entries cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Where in the snapshot.
    pub path: TreePath,
    /// The bytes, in order; none for a folder.
    pub ranges: Vec<Range<u64>>,
    /// Why.
    pub reason: String,
}

impl Loss {
    /// How many bytes are lost.
    pub fn bytes(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }
}

/// In one line, without the path.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.ranges.first() else {
            return f.write_str(&self.reason);
        };
        let more = match self.ranges.len() {
            1 => String::new(),
            many => format!(" and {} more ranges", many - 1),
        };
        write!(
            f,
            "{} bytes of it are lost, from {} to {}{more}: {}",
            self.bytes(),
            first.start,
            first.end,
            self.reason
        )
    }
}
