//! The directory's records, and whether the headers in front of the bytes say the same.

use chrono::{NaiveDate, NaiveDateTime};

use super::end::{End, read, u16_at, u32_at, u64_at};
use super::{BadZip, EntryKind, ReadAt, ZipEntry, names};

const RECORD: &[u8] = b"PK\x01\x02";
const RECORD_LEN: usize = 46;
const HEADER: &[u8] = b"PK\x03\x04";
const HEADER_LEN: u64 = 30;

const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const DESCRIBED_AFTER: u16 = 1 << 3;
const PATCH: u16 = 1 << 5;

const ZIP64_FIELD: u16 = 0x0001;
const TIME_FIELD: u16 = 0x5455;

const UNIX: u8 = 3;
const TYPE: u32 = 0o170_000;

/// More than this for one byte cannot be said in deflate.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Longest target of a link.
const MAX_LINK: u64 = 4095;

/// One record as it stands.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Vec<u8>,
    made_by: u8,
    flags: u16,
    method: u16,
    dos: (u16, u16),
    pub(super) crc: u32,
    deflated_len: u64,
    pub(super) len: u64,
    attributes: u32,
    offset: u64,
    mtime: Option<i64>,
}

/// All records.
pub(super) fn read_all(bytes: &[u8], entries: u64) -> Result<Vec<Record>, BadZip> {
    let mut rest = bytes;
    let mut records = Vec::new();
    for _ in 0..entries {
        let (record, more) = record(rest)?;
        records.push(record);
        rest = more;
    }
    match rest.is_empty() {
        true => Ok(records),
        false => Err(BadZip::Directory("something follows its last entry")),
    }
}

/// The records where the end says they are.
pub(super) fn records(source: &impl ReadAt, end: &End) -> Result<Vec<Record>, BadZip> {
    read_all(&read(source, end.offset, end.len)?, end.entries)
}

fn record(bytes: &[u8]) -> Result<(Record, &[u8]), BadZip> {
    let cut = || BadZip::Directory("an entry in it is cut short");
    let (fixed, rest) = bytes.split_at_checked(RECORD_LEN).ok_or_else(cut)?;
    if !fixed.starts_with(RECORD) {
        return Err(BadZip::Directory("an entry in it is none"));
    }
    let split = |rest, at| <[u8]>::split_at_checked(rest, usize::from(u16_at(fixed, at)));
    let (name, rest) = split(rest, 28).ok_or_else(cut)?;
    let (extra, rest) = split(rest, 30).ok_or_else(cut)?;
    let (_comment, rest) = split(rest, 32).ok_or_else(cut)?;
    if u16_at(fixed, 34) != 0 {
        return Err(BadZip::SeveralDisks);
    }
    let mut record = Record {
        name: name.to_vec(),
        made_by: (u16_at(fixed, 4) >> 8) as u8,
        flags: u16_at(fixed, 8),
        method: u16_at(fixed, 10),
        dos: (u16_at(fixed, 14), u16_at(fixed, 12)),
        crc: u32_at(fixed, 16),
        deflated_len: u64::from(u32_at(fixed, 20)),
        len: u64::from(u32_at(fixed, 24)),
        attributes: u32_at(fixed, 38),
        offset: u64::from(u32_at(fixed, 42)),
        mtime: None,
    };
    record.take_extra(extra)?;
    Ok((record, rest))
}

impl Record {
    /// Long numbers and the time in UTC; other fields are nobody's business here.
    fn take_extra(&mut self, extra: &[u8]) -> Result<(), BadZip> {
        for (id, field) in fields(extra) {
            if id == ZIP64_FIELD {
                let mut at = 0;
                for number in [&mut self.len, &mut self.deflated_len, &mut self.offset] {
                    if *number == u64::from(u32::MAX) {
                        if field.len() < at + 8 {
                            return Err(BadZip::Directory("a long number is missing"));
                        }
                        *number = u64_at(field, at);
                        at += 8;
                    }
                }
            } else if id == TIME_FIELD
                && field.len() >= 5
                && field.first().is_some_and(|f| f & 1 == 1)
            {
                self.mtime = Some(i64::from(u32_at(field, 1).cast_signed()));
            }
        }
        Ok(())
    }

    pub(super) fn kind(&self) -> Result<EntryKind, BadZip> {
        let unix = match self.made_by {
            UNIX => (self.attributes >> 16) & TYPE,
            _ => 0,
        };
        let is_folder = self.name.ends_with(b"/");
        match (unix, is_folder) {
            (0 | 0o040_000, true) => Ok(EntryKind::Folder),
            (0 | 0o100_000, false) => Ok(EntryKind::File),
            (0o120_000, false) => Ok(EntryKind::Symlink),
            (0o040_000, false) | (0o100_000 | 0o120_000, true) => {
                Err(self.refuse("its name and its kind contradict each other"))
            }
            _ => Err(self.refuse("it is a pipe, a socket or a device")),
        }
    }

    fn refuse(&self, reason: &'static str) -> BadZip {
        BadZip::entry(&self.name, reason)
    }

    /// What can be told from the record alone.
    pub(super) fn check(&self, kind: EntryKind) -> Result<(), BadZip> {
        if self.flags & ENCRYPTED != 0 {
            return Err(self.refuse("it is encrypted"));
        }
        if self.flags & PATCH != 0 || !matches!(self.method, 0 | 8) {
            return Err(self.refuse("it is neither stored nor deflated"));
        }
        if self.method == 0 && self.len != self.deflated_len {
            return Err(self.refuse("it is stored, and its lengths differ"));
        }
        if self.len > self.deflated_len.saturating_mul(MAX_DEFLATE_RATIO) {
            return Err(self.refuse("it claims more bytes than can be in it"));
        }
        match kind {
            EntryKind::Folder if self.len > 0 => Err(self.refuse("it is a folder with bytes")),
            EntryKind::Symlink if self.len > MAX_LINK => {
                Err(self.refuse("it is a link that is too long"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn entry(&self, kind: EntryKind, data_offset: u64) -> Result<ZipEntry, BadZip> {
        Ok(ZipEntry {
            path: names::path(&self.name, kind == EntryKind::Folder)?,
            kind,
            mode: (self.made_by == UNIX && self.attributes >> 16 != 0)
                .then_some((self.attributes >> 16) & 0o7777),
            mtime: self.mtime,
            local_mtime: local_time(self.dos),
            len: self.len,
            deflated_len: self.deflated_len,
            crc: self.crc,
            is_deflated: self.method == 8,
            data_offset,
        })
    }

    /// The header in front of the bytes, compared; gives where it begins, where the bytes do, and where all of it ends.
    pub(super) fn locate(&self, source: &impl ReadAt, end: &End) -> Result<[u64; 3], BadZip> {
        let outside = || self.refuse("its bytes are not in the archive");
        let header_end = self
            .offset
            .checked_add(HEADER_LEN)
            .filter(|at| *at <= end.offset);
        header_end.ok_or_else(outside)?;
        let header = read(source, self.offset, HEADER_LEN)?;
        if !header.starts_with(HEADER) {
            return Err(self.refuse("it has no header"));
        }
        let [name_len, extra_len] = [26, 28].map(|at| u64::from(u16_at(&header, at)));
        let data = self.offset + HEADER_LEN + name_len + extra_len;
        let bytes_end = data
            .checked_add(self.deflated_len)
            .filter(|at| *at <= end.offset);
        let bytes_end = bytes_end.ok_or_else(outside)?;
        let rest = read(source, self.offset + HEADER_LEN, name_len + extra_len)?;
        let (name, extra) = rest
            .split_at_checked(name_len as usize)
            .ok_or_else(outside)?;
        if name != self.name {
            return Err(self.refuse("its header has another name"));
        }
        self.compare(&header, extra)?;
        Ok([self.offset, data, bytes_end])
    }

    /// Where the numbers follow the bytes, the header has none.
    fn compare(&self, header: &[u8], extra: &[u8]) -> Result<(), BadZip> {
        let flags = u16_at(header, 6);
        let mut own = Self {
            name: Vec::new(),
            deflated_len: u64::from(u32_at(header, 18)),
            len: u64::from(u32_at(header, 22)),
            crc: u32_at(header, 14),
            offset: 0,
            ..*self
        };
        own.take_extra(extra)?;
        let numbers = |record: &Self| (record.crc, record.deflated_len, record.len);
        let follows = flags & DESCRIBED_AFTER != 0;
        let same = numbers(&own) == numbers(self) || follows && numbers(&own) == (0, 0, 0);
        let unlike =
            flags & (ENCRYPTED | DESCRIBED_AFTER) != self.flags & (ENCRYPTED | DESCRIBED_AFTER);
        match same && !unlike && u16_at(header, 8) == self.method {
            true => Ok(()),
            false => Err(self.refuse("its header and the directory contradict each other")),
        }
    }
}

fn fields(extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = extra;
    std::iter::from_fn(move || {
        let (head, more) = rest.split_at_checked(4)?;
        let (field, more) = more.split_at_checked(usize::from(u16_at(head, 2)))?;
        rest = more;
        Some((u16_at(head, 0), field))
    })
}

/// A DOS date; of one that cannot be there is none.
fn local_time((date, time): (u16, u16)) -> Option<NaiveDateTime> {
    let [date, time] = [date, time].map(u32::from);
    let day = NaiveDate::from_ymd_opt(1980 + (date >> 9) as i32, date >> 5 & 15, date & 31)?;
    day.and_hms_opt(time >> 11, time >> 5 & 63, (time & 31) * 2)
}
