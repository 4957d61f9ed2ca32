//! A snapshot's record: when, where, by whom, and which manifest. It is the session record of the store, committed in
//! one step; a snapshot exists exactly when its record does. Layout in `docs/format.md`, "Snapshot record".

use lifeboat_store::{RepositoryId, SnapshotId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::content::Content;
use crate::limits::{self, MAX_SOURCES, MAX_TAGS};

/// Newest record version this program reads and the one it writes.
pub(crate) const VERSION: u16 = 1;

/// Highest number of a snapshot that is believed: one that nothing could follow would stay the newest for ever.
pub(crate) const MAX_SEQUENCE: u64 = 1 << 62;

/// What the tag begins with that an import gives, and nothing else may.
pub const IMPORTED: &str = "imported:";

/// A committed snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The repository it belongs to.
    pub repository: RepositoryId,
    /// Its name; the same as its file's.
    pub id: SnapshotId,
    /// Position in the order of commits. Equal where two committed at once; then the id decides.
    pub sequence: u64,
    /// The snapshot that this one was compared with.
    pub parent: Option<SnapshotId>,
    /// Milliseconds since 1970 at its begin, by the machine's clock.
    pub time_ms: i64,
    /// Offset of local time from UTC then, in minutes.
    pub offset_minutes: i32,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// Name of the machine.
    pub host: String,
    /// Absolute paths of the sources, in order.
    #[serde(deserialize_with = "limits::list::<MAX_SOURCES, _, _>")]
    pub sources: Vec<ByteBuf>,
    /// Words to find it by.
    #[serde(deserialize_with = "limits::list::<MAX_TAGS, _, _>")]
    pub tags: Vec<String>,
    /// Words for people.
    pub description: String,
    /// Files and databases in it.
    pub files: u64,
    /// Their plain bytes.
    pub bytes: u64,
    /// Plain bytes that the repository had not seen before.
    pub new_bytes: u64,
    /// Bytes that the repository grew by, this record included.
    pub stored_bytes: u64,
    /// The encoded manifest.
    pub manifest: Content,
}

impl Snapshot {
    /// When it began, in the local time of its machine.
    pub fn time(&self) -> chrono::DateTime<chrono::FixedOffset> {
        let utc = chrono::DateTime::from_timestamp_millis(self.time_ms).unwrap_or_default();
        let offset = chrono::FixedOffset::east_opt(self.offset_minutes.saturating_mul(60))
            // At the ends of time there is no room for an offset.
            .filter(|offset| utc.naive_utc().checked_add_offset(*offset).is_some());
        offset.map_or_else(|| utc.fixed_offset(), |offset| utc.with_timezone(&offset))
    }

    /// What orders snapshots from oldest to newest, whatever the clocks said: their numbers. Imported ones stand before all
    /// others and have nothing but their dates to be ordered by.
    pub fn order(&self) -> (bool, i64, u64, SnapshotId) {
        let imported = self.is_imported();
        let time_ms = if imported { self.time_ms } else { 0 };
        (!imported, time_ms, self.sequence, self.id)
    }
}
