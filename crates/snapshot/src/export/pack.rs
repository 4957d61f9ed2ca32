//! From the chunks of a snapshot to the compressed bytes of its zip: copied from the earlier zip where it has them, else
//! read and compressed. Both give the same bytes, so a zip does not depend on what was exported before.

use std::sync::{Arc, Mutex, PoisonError};

use blake3::hazmat::ChainingValue;
use lifeboat_store::{ChunkId, Store};

use super::earlier::Earlier;
use super::parts::{Cut, Part, key_of};
use super::sums;
use super::table::{Key, Row};
use crate::content::{Content, read_all, read_chunk};
use crate::error::Result;
use crate::monitor::{Monitor, go_on};
use crate::zip::{DEFAULT_LEVEL, Run, Segment};

/// Compressed bytes, and what they were made of.
pub(super) struct Packed {
    /// One segment, or a row of them.
    pub(super) segment: Segment,
    /// A row for each, with offsets from the first byte here.
    pub(super) rows: Vec<Row>,
    /// How many of the bytes were copied.
    pub(super) copied: u64,
    /// Plain bytes that were compressed.
    pub(super) compressed: u64,
    /// The plain bytes, where they were asked for.
    pub(super) plain: Vec<u8>,
}

/// Makes compressed bytes; on many threads at once.
pub(super) struct Packer<'a> {
    store: &'a Store,
    earlier: &'a Earlier,
    monitor: &'a dyn Monitor,
    /// What was last made of a chunk behind its like: the holes of a long file are thousands of them.
    repeated: Mutex<Option<(Row, Arc<[u8]>)>>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(store: &'a Store, earlier: &'a Earlier, monitor: &'a dyn Monitor) -> Self {
        Self {
            store,
            earlier,
            monitor,
            repeated: Mutex::default(),
        }
    }

    /// A short file as one segment, and its hash.
    pub(super) fn whole(&self, content: &Content) -> Result<(Packed, blake3::Hash)> {
        go_on(self.monitor)?;
        let key = key_of(content, b"whole");
        let known = self.earlier.find(&key, content.len);
        let copied = known.and_then(|row| Some((row, self.earlier.read(&[row])?)));
        self.monitor.advance(content.len);
        if let Some((row, bytes)) = copied {
            let mut pile = Pile::default();
            pile.copy(&[row], bytes);
            return Ok((pile.packed(Vec::new()), blake3::Hash::from_bytes(row.sum)));
        }
        let plain = read_all(self.store, content)?;
        let hash = blake3::hash(&plain);
        let mut pile = Pile::default();
        if !plain.is_empty() {
            pile.add(key, &[], &plain, *hash.as_bytes());
        }
        Ok((pile.packed(Vec::new()), hash))
    }

    /// Neighbours of a long file. The plain bytes come back where they are asked for.
    pub(super) fn group(&self, parts: &[Part], cut: Cut, wants_plain: bool) -> Result<Packed> {
        go_on(self.monitor)?;
        let found: Vec<(Key, Option<Row>)> = parts
            .iter()
            .map(|part| {
                let key = part.key(cut);
                (key, self.earlier.find(&key, part.own.len))
            })
            .collect();
        let (mut pile, mut plain, mut last) = (Pile::default(), Vec::new(), None);
        let mut at = 0;
        while let (Some(part), Some((key, _))) = (parts.get(at), found.get(at)) {
            let rows = neighbours(found.get(at..).unwrap_or_default());
            let copied = (!rows.is_empty()).then(|| self.copy(&rows)).flatten();
            if let Some((rows, bytes)) = copied {
                pile.copy(rows, bytes);
                if wants_plain {
                    for part in parts.iter().skip(at).take(rows.len()) {
                        plain.extend(read_chunk(self.store, &part.own)?);
                    }
                }
                at += rows.len();
                last = None;
            } else {
                let own = read_chunk(self.store, &part.own)?;
                let sum = match cut {
                    Cut::Extents => sums::of_extent(&own, part.at),
                    Cut::Chunks => ChainingValue::default(),
                };
                if !self.repeat(part, key, &mut pile) {
                    let before = self.before(part, last.take())?;
                    pile.add(*key, &before, &own, sum);
                    self.remember(part, &pile);
                }
                if wants_plain {
                    plain.extend_from_slice(&own);
                }
                last = Some((part.own.id, own));
                at += 1;
            }
            go_on(self.monitor)?;
        }
        self.monitor
            .advance(parts.iter().map(|part| part.own.len).sum());
        Ok(pile.packed(plain))
    }

    /// Takes what was made of the same chunk behind the same one a moment ago.
    fn repeat(&self, part: &Part, key: &Key, pile: &mut Pile) -> bool {
        if !part.repeats() {
            return false;
        }
        let repeated = self.repeated.lock();
        let repeated = repeated.unwrap_or_else(PoisonError::into_inner);
        match repeated.as_ref() {
            Some((row, bytes)) if row.key == *key => {
                pile.push(*row);
                pile.bytes.extend_from_slice(bytes);
                pile.compressed += u64::from(row.plain_len);
                true
            }
            _ => false,
        }
    }

    /// Remembers what was made last, where more of it may follow.
    fn remember(&self, part: &Part, pile: &Pile) {
        let Some(row) = pile.rows.last().filter(|_| part.repeats()) else {
            return;
        };
        let begin = pile.bytes.len().saturating_sub(row.deflated_len as usize);
        let bytes = pile.bytes.get(begin..).unwrap_or_default();
        let repeated = self.repeated.lock();
        *repeated.unwrap_or_else(PoisonError::into_inner) = Some((*row, bytes.into()));
    }

    /// The bytes of these rows, or of the first alone where one of the others is not as it was.
    fn copy<'r>(&self, rows: &'r [Row]) -> Option<(&'r [Row], Vec<u8>)> {
        let first = rows.get(..1)?;
        let all = self.earlier.read(rows).map(|bytes| (rows, bytes));
        all.or_else(|| Some((first, self.earlier.read(first)?)))
    }

    /// What stands before a part; `last` is what was read last.
    fn before(&self, part: &Part, last: Option<(ChunkId, Vec<u8>)>) -> Result<Vec<u8>> {
        match (&part.before, last) {
            (Some(before), Some((id, bytes))) if before.id == id => Ok(bytes),
            (Some(before), _) => read_chunk(self.store, before),
            (None, _) => Ok(Vec::new()),
        }
    }
}

/// Segments being put one behind the other.
#[derive(Default)]
struct Pile {
    bytes: Vec<u8>,
    run: Option<Run>,
    rows: Vec<Row>,
    copied: u64,
    compressed: u64,
}

impl Pile {
    fn copy(&mut self, rows: &[Row], bytes: Vec<u8>) {
        for row in rows {
            self.push(*row);
        }
        self.copied += bytes.len() as u64;
        // Most groups are copied whole.
        match self.bytes.is_empty() {
            true => self.bytes = bytes,
            false => self.bytes.extend_from_slice(&bytes),
        }
    }

    fn add(&mut self, key: Key, before: &[u8], plain: &[u8], sum: [u8; 32]) {
        let segment = Segment::deflate_after(before, plain, DEFAULT_LEVEL);
        let deflated = segment.deflated();
        self.push(Row {
            key,
            offset: 0,
            deflated_len: u32::try_from(deflated.len()).unwrap_or(u32::MAX),
            plain_len: u32::try_from(plain.len()).unwrap_or(u32::MAX),
            crc: segment.run().crc,
            hash: *blake3::hash(deflated).as_bytes(),
            sum,
        });
        self.bytes.extend_from_slice(deflated);
        self.compressed += plain.len() as u64;
    }

    fn push(&mut self, row: Row) {
        let run = Run {
            deflated_len: u64::from(row.deflated_len),
            plain_len: u64::from(row.plain_len),
            crc: row.crc,
        };
        let before = self.run.unwrap_or(Run::EMPTY);
        let offset = before.deflated_len;
        self.rows.push(Row { offset, ..row });
        self.run = Some(before.then(run));
    }

    fn packed(self, plain: Vec<u8>) -> Packed {
        let run = self.run.unwrap_or(Run::EMPTY);
        Packed {
            segment: Segment::carried(self.bytes, run.plain_len, run.crc),
            rows: self.rows,
            copied: self.copied,
            compressed: self.compressed,
            plain,
        }
    }
}

/// The found ones from the first on that lie one behind the other in the earlier zip.
fn neighbours(found: &[(Key, Option<Row>)]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for row in found.iter().map_while(|(_, row)| *row) {
        let end = rows
            .last()
            .map(|last| last.offset.checked_add(u64::from(last.deflated_len)));
        if end.is_some_and(|end| end != Some(row.offset)) {
            break;
        }
        rows.push(row);
    }
    rows
}
