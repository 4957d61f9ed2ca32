//! Reads zip archives that strangers made, and refuses as a whole what two readers could understand differently.
//!
//! Everything is checked before the first byte is given out: the directory, each name, and that each entry's own header
//! says the same. Bytes are given out with their length and checksum compared. What is refused, each with its reason:
//! names that lead elsewhere or stand twice, links that lead out, a file that is another's folder, entries that share
//! bytes (the bomb whose entries are one), lengths that deflate cannot make, encrypted entries, several disks, methods
//! other than stored and deflated, and more of anything than [`Limits`] allow. Nothing is reserved for what is only claimed.

mod bad;
mod bytes;
mod directory;
mod end;
mod names;
#[cfg(test)]
mod tests;
#[cfg(feature = "testing")]
mod try_all;
mod whole;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

pub use bad::BadZip;
pub use bytes::EntryBytes;
#[cfg(feature = "testing")]
pub use try_all::try_all;

/// Where an archive's bytes are.
pub trait ReadAt: Sync {
    /// Length in bytes.
    ///
    /// # Errors
    /// Where it cannot be told.
    fn size(&self) -> io::Result<u64>;

    /// Fills the buffer from the offset on.
    ///
    /// # Errors
    /// `UnexpectedEof` where the bytes end before.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buf, offset)
    }
}

impl ReadAt for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = self.get(start..).and_then(|rest| rest.get(..buf.len()));
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// How much an archive may claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of the directory.
    pub directory_bytes: u64,
    /// Plain bytes of all entries together.
    pub plain_bytes: u64,
    /// Plain bytes for each byte of the archive, once they are more than a gigabyte: a database of text compresses ten
    /// times, an empty one several hundred times, but it is not that long.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 2_000_000,
            directory_bytes: 512 << 20,
            plain_bytes: 4 << 40,
            ratio: 200,
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; its bytes are where it points, which is inside the archive.
    Symlink,
}

/// One entry of an archive, all of it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipEntry {
    /// Raw bytes with `/` between parts: relative, none of them empty, `.` or `..`.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Unix permissions, where the archive has them.
    pub mode: Option<u32>,
    /// Last modification in seconds since 1970, where the archive says it in UTC.
    pub mtime: Option<i64>,
    /// Last modification by the clock of whoever made the archive.
    pub local_mtime: Option<chrono::NaiveDateTime>,
    /// Plain bytes.
    pub len: u64,
    deflated_len: u64,
    crc: u32,
    is_deflated: bool,
    data_offset: u64,
}

/// An archive that was found good.
#[derive(Debug)]
pub struct ZipReader<S> {
    source: S,
    entries: Vec<ZipEntry>,
    fingerprint: [u8; 32],
}

impl<S: ReadAt> ZipReader<S> {
    /// Looks at all of the archive but its entries' bytes.
    ///
    /// # Errors
    /// [`BadZip`] with the first reason to refuse it.
    pub fn open(source: S, limits: &Limits) -> Result<Self, BadZip> {
        let end = end::find(&source, limits)?;
        let records = directory::records(&source, &end)?;
        let fingerprint = whole::fingerprint(&records);
        let entries = whole::check(&source, &end, records, limits)?;
        let zip = Self {
            source,
            entries,
            fingerprint,
        };
        let links = zip.entries.iter();
        for link in links.filter(|entry| entry.kind == EntryKind::Symlink) {
            names::link(&link.path, &zip.bytes(link, link.len)?)?;
        }
        Ok(zip)
    }

    /// The entries in the directory's order.
    pub fn entries(&self) -> &[ZipEntry] {
        &self.entries
    }

    /// The entry of this path.
    pub fn find(&self, path: &[u8]) -> Option<&ZipEntry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// Names what the archive holds: the same for the same names, lengths and checksums.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Reads an entry's bytes; the last read fails if they are not what the archive says.
    pub fn read<'z>(&'z self, entry: &'z ZipEntry) -> EntryBytes<'z, S> {
        EntryBytes::new(&self.source, entry)
    }

    /// All bytes of an entry that may have at most so many.
    ///
    /// # Errors
    /// [`BadZip`] where it has more, or not what the archive says.
    pub fn bytes(&self, entry: &ZipEntry, at_most: u64) -> Result<Vec<u8>, BadZip> {
        if entry.len > at_most {
            return Err(BadZip::entry(&entry.path, "it is too long for what it is"));
        }
        let mut bytes = Vec::new();
        let read = io::Read::read_to_end(&mut self.read(entry), &mut bytes);
        read.map_err(|error| BadZip::reading(&entry.path, error))?;
        Ok(bytes)
    }
}
