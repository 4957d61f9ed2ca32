//! Writes standard zip archives whose entries are made of reusable deflate segments.
//!
//! The portable archive must cost what changed, not what there is. So an entry's deflate stream is a row of segments
//! (64 KiB of plain bytes each, as a rule), every one compressed for itself and ending on a byte boundary: segments are
//! made in parallel, and an unchanged one is copied from the previous archive without being inflated.
//! This room knows bytes and zip; what a snapshot is, and which segment is unchanged, its caller knows.
//!
//! The hazards: a segment carried over with a wrong checksum or length makes an archive that only fails when it is
//! needed, hence whoever copies checks first; and an archive is whole only after [`ZipWriter::finish`] — after any failed
//! write the writer refuses to go on. The output depends on the input alone: no clock, no time zone, no thread count.

mod entries;
mod entry;
mod head;
mod name;
mod parallel;
mod reader;
mod record;
mod segment;
#[cfg(test)]
mod tests;
mod time;
mod writer;

pub use entry::{EntryWriter, Placed};
pub use head::{EntryHead, Totals, Written};
pub use name::{escape_name, unescape_name};
pub use parallel::ordered;
#[cfg(feature = "testing")]
pub use reader::try_all;
pub use reader::{BadZip, EntryBytes, EntryKind, Limits, ReadAt, ZipEntry, ZipReader};
pub use segment::{DEFAULT_LEVEL, Run, SEGMENT_LEN, Segment, WINDOW};
pub use writer::ZipWriter;

/// Why an archive could not be written.
///
/// After [`ZipError::Write`] and [`ZipError::LargerThanPromised`] the archive is lost; the others are found before a byte is
/// written, and the caller may go on with the next entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZipError {
    /// The archive's own file failed.
    #[error("cannot write the zip")]
    Write(#[source] std::io::Error),
    /// The zip would not begin where its file begins, and its offsets would be wrong.
    #[error("a zip must begin at the start of its file, not at byte {position}")]
    NotAtStart {
        /// Where the file stood.
        position: u64,
    },
    /// An entry without a name.
    #[error("a zip entry needs a name")]
    EmptyName,
    /// More than the 65,535 bytes that a zip has for a name, after escaping.
    #[error("the name of a zip entry may have 65535 bytes, not {len}: {name}")]
    NameTooLong {
        /// The name, as it would be in the zip.
        name: String,
        /// Its length in bytes.
        len: usize,
    },
    /// The name is in the archive already; which of the two a reader takes is anyone's guess.
    #[error("{name}: is in the zip already")]
    DuplicateName {
        /// The name, as it is in the zip.
        name: String,
    },
    /// More than the 65,535 bytes that a zip has for its comment.
    #[error("the comment of a zip may have 65535 bytes, not {len}")]
    CommentTooLong {
        /// Length of the refused comment in bytes.
        len: usize,
    },
    /// The entry needs 64-bit sizes, and no room was left for them because it was announced to be small.
    #[error("{name}: passes 4 GiB, although announced with at most {at_most} bytes")]
    LargerThanPromised {
        /// The entry, as named in the zip.
        name: String,
        /// What [`EntryHead::at_most`] said.
        at_most: u64,
    },
    /// An earlier write failed or an entry was begun and never finished.
    #[error("the zip is unusable: an earlier entry was not completed")]
    Unusable,
}
