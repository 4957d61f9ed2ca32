//! An archive as a whole: limits, names that stand twice, and entries that share bytes.

use super::directory::Record;
use super::end::End;
use super::{BadZip, EntryKind, Limits, ReadAt, ZipEntry, names};

/// From this sum of plain bytes on the ratio counts.
const FREE_BYTES: u64 = 1 << 30;

/// The entries, once all of them are found good.
pub(super) fn check(
    source: &impl ReadAt,
    end: &End,
    records: Vec<Record>,
    limits: &Limits,
) -> Result<Vec<ZipEntry>, BadZip> {
    let plain = records.iter().map(|record| record.len);
    let plain = plain.fold(0, u64::saturating_add);
    BadZip::check("plain bytes", plain, limits.plain_bytes)?;
    if plain > FREE_BYTES {
        let most = end.size.saturating_mul(limits.ratio);
        BadZip::check("plain bytes for its length", plain, most)?;
    }
    let mut entries = Vec::new();
    let mut places = Vec::new();
    for record in &records {
        let kind = record.kind()?;
        // The name comes first: it is what people look for in a message.
        names::path(&record.name, kind == EntryKind::Folder)?;
        record.check(kind)?;
        let [begin, data, bytes_end] = record.locate(source, end)?;
        places.push((begin, bytes_end));
        entries.push(record.entry(kind, data)?);
    }
    names::unique(
        entries
            .iter()
            .map(|entry| (entry.path.as_slice(), entry.kind)),
    )?;
    places.sort_unstable();
    let overlap = places.windows(2).any(|pair| match pair {
        [(_, end), (begin, _)] => begin < end,
        _ => false,
    });
    match overlap {
        true => Err(BadZip::Directory("two of its entries are the same bytes")),
        false => Ok(entries),
    }
}

/// Names what the archive holds, in any order.
pub(super) fn fingerprint(records: &[Record]) -> [u8; 32] {
    let mut lines: Vec<_> = records
        .iter()
        .map(|record| (&record.name, record.len, record.crc))
        .collect();
    lines.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for (name, len, crc) in lines {
        hasher
            .update(&(name.len() as u64).to_le_bytes())
            .update(name);
        hasher.update(&len.to_le_bytes()).update(&crc.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}
