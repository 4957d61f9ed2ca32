//! Live SQLite databases as streams of extents, without stopping or changing them.
//!
//! [`capture`] turns a database that others are writing into its pages as of one committed
//! state, in extents of [`EXTENT_BYTES`], together with [`Facts`] read in the same transaction.
//! SQLite's online backup does the reading; its destination is not a file but memory that is
//! handed on extent by extent, so no copy of the database ever exists. The reverse is
//! [`open_image`]: a read-only connection over bytes that lie anywhere.
//!
//! Words: a *database* is the main file and its `-wal`, `-shm` and `-journal`; a *page* is
//! SQLite's unit, an *extent* ours; a *fingerprint* tells that nothing was committed in between.
//!
//! Three hazards shape everything below. A database must never be changed by being read: see
//! `vfs::shim`. What is described must be what was copied: see `facts`. And closing any
//! descriptor of a database drops the whole process's locks on it: see `held`.

mod capture;
mod error;
mod extents;
mod facts;
mod fingerprint;
mod header;
mod held;
mod image;
mod overlay;
mod probe;
mod sniff;
mod source;
mod twin;
mod vfs;
mod wal_index;
mod watch;

#[cfg(test)]
mod tests;

pub use capture::{CaptureOptions, Check, ExtentSink, Stopped, capture};
pub use error::SqliteError;
pub(crate) use facts::check_image;
pub use facts::{Checked, Count, Facts};
pub(crate) use fingerprint::{CommitMark, commit_mark};
pub use fingerprint::{Fingerprint, fingerprint};
pub(crate) use header::is_wal;
pub(crate) use held::{descriptor as kept_descriptor, is_open_elsewhere, keep_shared, kept_open};
pub use held::{is_kept, keep_open};
pub use image::{Image, open_image};
pub(crate) use image::{file_facts, image_facts};
pub(crate) use sniff::{SIDE_FILES, sniff_bytes};
pub use sniff::{Sniffed, side_files, sniff};

/// Bytes per extent: a multiple of every page size SQLite knows (512 to 65536).
pub const EXTENT_BYTES: usize = 65536;
