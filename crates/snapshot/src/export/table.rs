//! The table of a zip's segments: what each was made of, where its compressed bytes are, and how to know them again.
//!
//! It is disposable and lies in the repository's cache; without it the next zip is compressed anew. What it says of a zip
//! is never believed of the file at that path: whoever copies a segment compares its bytes with the hash here first, so
//! a zip that was edited, cut short, replaced or damaged gives nothing wrong. The table itself ends in its own hash.

use std::path::{Path, PathBuf};

/// What tables of this layout begin with. It also stands for how segments are made: another compressor or level would
/// mix with the old one harmlessly, but the zip would then depend on what was exported before.
const MAGIC: &[u8; 16] = b"lifeboat zip 01\n";

/// Longest table that is read: a million rows and more.
pub(super) const MAX_BYTES: u64 = 256 << 20;

/// Bytes of an encoded row.
const ROW: usize = 32 + 8 + 4 + 4 + 4 + 32 + 32;

/// Bytes of the hash that a table ends in.
const HASH: usize = 32;

/// Rows that are written at once.
const AT_ONCE: usize = 1024;

/// Names what a segment was made of.
pub(super) type Key = [u8; 32];

/// One segment, or with an offset and lengths of 0 the sum of a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// What it was made of.
    pub(super) key: Key,
    /// Where its compressed bytes begin in the zip.
    pub(super) offset: u64,
    /// How many they are.
    pub(super) deflated_len: u32,
    /// Plain bytes.
    pub(super) plain_len: u32,
    /// CRC-32 of the plain bytes.
    pub(super) crc: u32,
    /// BLAKE3 of the compressed bytes.
    pub(super) hash: [u8; 32],
    /// Of a whole file the BLAKE3 of its plain bytes; of an extent its sum.
    pub(super) sum: [u8; 32],
}

impl Row {
    /// The sum of a whole file.
    pub(super) fn of_file(key: Key, hash: blake3::Hash) -> Self {
        Self {
            key,
            offset: 0,
            deflated_len: 0,
            plain_len: 0,
            crc: 0,
            hash: [0; 32],
            sum: *hash.as_bytes(),
        }
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.key);
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        for number in [self.deflated_len, self.plain_len, self.crc] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.hash);
        bytes.extend_from_slice(&self.sum);
    }
}

/// The rows of one zip, by key.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Where the zip was written.
    pub(super) zip: PathBuf,
    rows: Vec<u8>,
}

impl Table {
    /// Whether one with so many rows is short enough to be read.
    pub(super) fn fits(zip: &Path, rows: usize) -> bool {
        let fixed = MAGIC.len() + 8 + 8 + zip.as_os_str().len() + HASH;
        (fixed + rows * ROW) as u64 <= MAX_BYTES
    }

    /// Writes a table with these rows, piece by piece; `sequence` is the number of the zip's snapshot, for choosing among
    /// tables.
    ///
    /// # Errors
    /// What `write` says.
    pub(super) fn write<E>(
        zip: &Path,
        sequence: u64,
        mut rows: Vec<Row>,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        use std::os::unix::ffi::OsStrExt as _;
        rows.sort_unstable_by_key(|row| (row.key, row.offset));
        rows.dedup_by_key(|row| row.key);
        let path = zip.as_os_str().as_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&sequence.to_le_bytes());
        bytes.extend_from_slice(&(path.len() as u64).to_le_bytes());
        bytes.extend_from_slice(path);
        let mut hasher = blake3::Hasher::new();
        for part in rows.chunks(AT_ONCE) {
            part.iter().for_each(|row| row.put(&mut bytes));
            hasher.update(&bytes);
            write(&bytes)?;
            bytes.clear();
        }
        hasher.update(&bytes);
        bytes.extend_from_slice(hasher.finalize().as_bytes());
        write(&bytes)
    }

    /// The table in these bytes, if they are one and whole.
    pub(super) fn decode(mut bytes: Vec<u8>) -> Option<Self> {
        use std::os::unix::ffi::OsStringExt as _;
        let hash = bytes.split_off(bytes.len().checked_sub(HASH)?);
        if blake3::hash(&bytes).as_bytes() != hash.as_slice() {
            return None;
        }
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let _sequence: [u8; 8] = take(&mut rest)?;
        let path_len = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
        let (path, rows) = rest.split_at_checked(path_len)?;
        let zip = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
        let start = bytes.len() - rows.len();
        if !rows.len().is_multiple_of(ROW) {
            return None;
        }
        bytes.drain(..start);
        Some(Self { zip, rows: bytes })
    }

    /// The row of this key.
    pub(super) fn find(&self, key: &Key) -> Option<Row> {
        let (rows, _) = self.rows.as_chunks::<ROW>();
        let found =
            rows.binary_search_by(|row| row.as_slice().get(..32).cmp(&Some(key.as_slice())));
        row(rows.get(found.ok()?)?)
    }
}

fn row(mut bytes: &[u8]) -> Option<Row> {
    let rest = &mut bytes;
    Some(Row {
        key: take(rest)?,
        offset: u64::from_le_bytes(take(rest)?),
        deflated_len: u32::from_le_bytes(take(rest)?),
        plain_len: u32::from_le_bytes(take(rest)?),
        crc: u32::from_le_bytes(take(rest)?),
        hash: take(rest)?,
        sum: take(rest)?,
    })
}

/// Takes any bytes but the hash, which is put right.
#[cfg(feature = "testing")]
pub(crate) fn try_table(bytes: &[u8]) {
    let hash = blake3::hash(bytes);
    if let Some(table) = Table::decode([bytes, hash.as_bytes()].concat()) {
        let key = table.rows.first_chunk::<32>().copied();
        let found = table.find(&key.unwrap_or_default());
        assert!(found.is_none() || key.is_some(), "a row of no bytes");
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, more) = rest.split_first_chunk()?;
    *rest = more;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u8) -> Row {
        Row {
            key: [n; 32],
            offset: u64::from(n) << 40,
            deflated_len: 7,
            plain_len: u32::MAX,
            crc: 0xdead_beef,
            hash: [n + 1; 32],
            sum: [n + 2; 32],
        }
    }

    fn encode(zip: &str, rows: Vec<Row>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = Table::write(Path::new(zip), 9, rows, |part| {
            bytes.extend_from_slice(part);
            Ok::<_, ()>(())
        });
        assert_eq!(written, Ok(()));
        bytes
    }

    #[test]
    fn rows_are_found_again_by_their_keys() {
        let rows = [3, 1, 2].map(row).to_vec();
        let bytes = encode("/zips/a.zip", rows);
        let table = Table::decode(bytes).unwrap();
        assert_eq!(table.zip, Path::new("/zips/a.zip"));
        for n in [1, 2, 3] {
            assert_eq!(table.find(&[n; 32]), Some(row(n)));
        }
        assert_eq!(table.find(&[0; 32]), None);
        assert_eq!(table.find(&[4; 32]), None);
    }

    #[test]
    fn a_table_of_many_rows_is_never_in_memory_as_bytes() {
        let rows: Vec<Row> = (0..5000_u32)
            .map(|n| Row {
                key: *blake3::hash(&n.to_le_bytes()).as_bytes(),
                ..row(1)
            })
            .collect();
        let (mut bytes, mut longest) = (Vec::new(), 0);
        let written = Table::write(Path::new("/z"), 9, rows.clone(), |part| {
            longest = longest.max(part.len());
            bytes.extend_from_slice(part);
            Ok::<_, ()>(())
        });
        assert_eq!(written, Ok(()));
        assert!(longest <= AT_ONCE * ROW + 64, "{longest}");
        let table = Table::decode(bytes).unwrap();
        assert!(rows.iter().all(|row| table.find(&row.key) == Some(*row)));
    }

    #[test]
    fn f10_a_table_with_any_byte_turned_or_cut_off_is_none() {
        let bytes = encode("/z", vec![row(1), row(2)]);
        for at in 0..bytes.len() {
            let mut turned = bytes.clone();
            turned[at] ^= 0x40;
            assert!(Table::decode(turned).is_none(), "{at}");
            assert!(Table::decode(bytes[..at].to_vec()).is_none(), "{at}");
        }
    }
}
