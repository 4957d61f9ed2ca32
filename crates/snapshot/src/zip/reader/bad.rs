//! Why an archive is refused.

use std::io;

use crate::path::escape;

/// The reason to refuse an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadZip {
    /// The file could not be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It does not begin as one.
    #[error("it is no zip")]
    NotAZip,
    /// It begins as one and has no directory at its end.
    #[error("it has no end: it was cut short")]
    CutShort,
    /// It is one of several.
    #[error("it is one part of a zip on several disks")]
    SeveralDisks,
    /// Its directory contradicts itself.
    #[error("its directory is not sound: {0}")]
    Directory(&'static str),
    /// Something about one entry.
    #[error("the entry '{name}' is refused: {reason}")]
    Entry {
        /// Its name, printable.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More of something than is accepted.
    #[error("it claims {found} {what}, and {limit} is the limit")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much it claims.
        found: u64,
        /// How much is accepted.
        limit: u64,
    },
}

impl BadZip {
    pub(crate) fn entry(path: &[u8], reason: &'static str) -> Self {
        let name = path.get(..path.len().min(200)).unwrap_or_default();
        Self::Entry {
            name: escape(name),
            reason,
        }
    }

    /// What a failed read of an entry's bytes means.
    pub(crate) fn reading(path: &[u8], error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(Mismatch(reason)) => Self::entry(path, reason),
            None => Self::Read(error),
        }
    }

    pub(super) fn check(what: &'static str, found: u64, limit: u64) -> Result<(), Self> {
        match found > limit {
            true => Err(Self::Limit { what, found, limit }),
            false => Ok(()),
        }
    }
}

/// An entry's bytes are not what the archive says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Mismatch(pub(super) &'static str);
