//! The records at an archive's end, by which its directory is found.

use super::{BadZip, Limits, ReadAt};

const END: &[u8] = b"PK\x05\x06";
const END_LEN: u64 = 22;
const END_64: &[u8] = b"PK\x06\x06";
const END_64_LEN: u64 = 56;
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_LEN: u64 = 20;
const MAX_COMMENT: u64 = 65_535;

/// Least bytes of a directory's record.
const RECORD_LEN: u64 = 46;

/// Where the directory is.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Length of the whole archive.
    pub(super) size: u64,
}

/// Finds the end and what it says, which must fit: the directory is the last thing before it, whatever else there is.
pub(super) fn find(source: &impl ReadAt, limits: &Limits) -> Result<End, BadZip> {
    let size = source.size().map_err(BadZip::Read)?;
    let tail = size.min(END_LEN + MAX_COMMENT);
    let bytes = read(source, size - tail, tail)?;
    let Some(at) = find_record(&bytes) else {
        return Err(missing(source, size));
    };
    let record = bytes.get(at..).unwrap_or_default();
    let position = size - tail + at as u64;
    let mut end = End {
        entries: u64::from(u16_at(record, 10)),
        offset: u64::from(u32_at(record, 16)),
        len: u64::from(u32_at(record, 12)),
        size,
    };
    let mut begin_of_end = position;
    let mut disks = [u16_at(record, 4), u16_at(record, 6)].map(u32::from);
    let mut on_this_disk = u64::from(u16_at(record, 8));
    if let Some(large) = find_large(source, position)? {
        begin_of_end = large.0;
        let record = &large.1;
        disks = [u32_at(record, 16), u32_at(record, 20)];
        on_this_disk = u64_at(record, 24);
        end.entries = u64_at(record, 32);
        end.len = u64_at(record, 40);
        end.offset = u64_at(record, 48);
    }
    if disks != [0, 0] || on_this_disk != end.entries {
        return Err(BadZip::SeveralDisks);
    }
    if end.offset.checked_add(end.len) != Some(begin_of_end) {
        return Err(BadZip::Directory("it does not end where the archive does"));
    }
    BadZip::check("entries", end.entries, limits.entries)?;
    BadZip::check("bytes of directory", end.len, limits.directory_bytes)?;
    if end.entries.saturating_mul(RECORD_LEN) > end.len {
        return Err(BadZip::Directory("it is too short for its entries"));
    }
    Ok(end)
}

/// The last place at which a record ends with the file, comment included.
fn find_record(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_LEN as usize)?;
    (0..=last).rev().find(|&at| {
        let record = tail.get(at..).unwrap_or_default();
        let len = END_LEN as usize + usize::from(u16_at(record, 20));
        record.starts_with(END) && len == record.len()
    })
}

/// The record with long numbers, if there is one in front of the short one at `position`.
fn find_large(source: &impl ReadAt, position: u64) -> Result<Option<(u64, Vec<u8>)>, BadZip> {
    let Some(at) = position.checked_sub(LOCATOR_LEN) else {
        return Ok(None);
    };
    let locator = read(source, at, LOCATOR_LEN)?;
    if !locator.starts_with(LOCATOR) {
        return Ok(None);
    }
    if u32_at(&locator, 4) != 0 || u32_at(&locator, 16) > 1 {
        return Err(BadZip::SeveralDisks);
    }
    let begin = u64_at(&locator, 8);
    if begin.checked_add(END_64_LEN) != Some(at) {
        return Err(BadZip::Directory("its long end is not where it should be"));
    }
    let record = read(source, begin, END_64_LEN)?;
    let is_right = record.starts_with(END_64) && u64_at(&record, 4) == END_64_LEN - 12;
    match is_right {
        true => Ok(Some((begin, record))),
        false => Err(BadZip::Directory("its long end is not one")),
    }
}

/// Without an end it was cut short, or never was one.
fn missing(source: &impl ReadAt, size: u64) -> BadZip {
    let begin = read(source, 0, size.min(4)).unwrap_or_default();
    match begin.as_slice() {
        b"PK\x03\x04" => BadZip::CutShort,
        b"PK\x07\x08" => BadZip::SeveralDisks,
        _ => BadZip::NotAZip,
    }
}

pub(super) fn read(source: &impl ReadAt, offset: u64, len: u64) -> Result<Vec<u8>, BadZip> {
    let len = usize::try_from(len).map_err(|_| BadZip::Directory("it is too long"))?;
    let mut bytes = vec![0; len];
    source.read_at(&mut bytes, offset).map_err(BadZip::Read)?;
    Ok(bytes)
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    array(bytes, at).map_or(0, u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    array(bytes, at).map_or(0, u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    array(bytes, at).map_or(0, u64::from_le_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
