//! The newest zip that is still there, as far as the next one can be made of its compressed bytes.
//!
//! Which segment is where is told by a [`Table`] in the cache, one for each place and set of sources. All of it may be
//! wrong or missing: then less is copied, and nothing else changes.

use std::path::Path;

use lifeboat_store::disk::OpenFile;
use lifeboat_store::{Disk, DurableFile, RealDisk};

use super::mark::set_of;
use super::table::{Key, MAX_BYTES, Row, Table};
use crate::record::Snapshot;
use crate::repository::Repository;

/// What names of tables end in.
const ENDING: &str = ".zip-table";

/// Tables that are kept for one set of sources: a zip in the repository, one on a stick, another on the next.
const KEPT: usize = 4;

/// No segment is longer, so a longer one is not read.
const MAX_SEGMENT: u32 = 8 << 20;

/// Bytes of earlier zips.
#[derive(Default)]
pub(super) struct Earlier {
    table: Table,
    zip: Option<Box<dyn OpenFile>>,
}

impl Earlier {
    /// That of the snapshot's sources whose zip can still be opened, the newest.
    pub(super) fn of(repository: &Repository, snapshot: &Snapshot) -> Self {
        let Some(cache) = repository.store().cache() else {
            return Self::default();
        };
        let opened = tables(cache, &set_of(snapshot))
            .into_iter()
            .find_map(|name| {
                let table = Table::decode(read(cache, &name)?)?;
                let zip = Some(open(&table.zip)?);
                Some(Self { table, zip })
            });
        opened.unwrap_or_default()
    }

    /// The segment that was made of this.
    pub(super) fn find(&self, key: &Key, plain_len: u64) -> Option<Row> {
        let row = self.table.find(key)?;
        let fits = u64::from(row.plain_len) == plain_len && row.deflated_len <= MAX_SEGMENT;
        (self.zip.is_some() && fits).then_some(row)
    }

    /// The sum of the whole file of this key.
    pub(super) fn sum(&self, key: &Key) -> Option<blake3::Hash> {
        let row = self.table.find(key)?;
        Some(blake3::Hash::from_bytes(row.sum))
    }

    /// The compressed bytes of neighbours, if they are in the zip just as they were written.
    pub(super) fn read(&self, rows: &[Row]) -> Option<Vec<u8>> {
        let zip = self.zip.as_ref()?;
        let len: usize = rows.iter().map(|row| row.deflated_len as usize).sum();
        let mut bytes = vec![0; len];
        zip.read_exact_at(&mut bytes, rows.first()?.offset).ok()?;
        let mut rest = bytes.as_slice();
        for row in rows {
            let (own, more) = rest.split_at_checked(row.deflated_len as usize)?;
            if *blake3::hash(own).as_bytes() != row.hash {
                return None;
            }
            rest = more;
        }
        Some(bytes)
    }
}

/// Notes what a zip was made of. It is only for speed, so that it cannot be noted is nobody's trouble.
pub(super) fn remember(repository: &Repository, snapshot: &Snapshot, zip: &Path, rows: Vec<Row>) {
    let (Some(cache), Ok(zip)) = (repository.store().cache(), std::path::absolute(zip)) else {
        return;
    };
    if !Table::fits(&zip, rows.len()) {
        return;
    }
    let set = set_of(snapshot);
    let folder = zip.parent().unwrap_or(&zip).as_os_str().as_encoded_bytes();
    let folder: String = blake3::hash(folder).to_hex().chars().take(16).collect();
    let name = format!("{set}-{folder}{ENDING}");
    let _ = cache.create_dir("");
    let _ = cache.remove(&name);
    if let Ok(mut file) = DurableFile::create(cache, "", name)
        && Table::write(&zip, snapshot.sequence, rows, |part| file.write(part)).is_ok()
    {
        let _ = file.publish();
    }
    for old in tables(cache, &set).into_iter().skip(KEPT) {
        let _ = cache.remove(&old);
    }
}

/// The tables of a set of sources, that of the newest snapshot first.
fn tables(cache: &dyn Disk, set: &str) -> Vec<String> {
    let listed = cache.list("").unwrap_or_default().into_iter();
    let mut tables: Vec<(u64, String)> = listed
        .map(|entry| entry.name)
        .filter(|name| name.starts_with(set) && name.ends_with(ENDING))
        .map(|name| (sequence(cache, &name).unwrap_or(0), name))
        .collect();
    tables.sort_unstable_by(|a, b| b.cmp(a));
    tables.into_iter().map(|(_, name)| name).collect()
}

/// What a table says of its snapshot's number, as yet unchecked.
fn sequence(cache: &dyn Disk, name: &str) -> Option<u64> {
    let mut number = [0; 8];
    let file = cache.open(name).ok()?;
    file.read_exact_at(&mut number, 16).ok()?;
    Some(u64::from_le_bytes(number))
}

fn read(cache: &dyn Disk, name: &str) -> Option<Vec<u8>> {
    let file = cache.open(name).ok()?;
    let len = file.len().ok().filter(|len| *len <= MAX_BYTES)?;
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Some(bytes)
}

/// The zip, if a regular file is at its place.
fn open(zip: &Path) -> Option<Box<dyn OpenFile>> {
    let name = zip.file_name()?.to_str()?;
    RealDisk::new(zip.parent()?).open(name).ok()
}
