//! A small repository on a simulated disk, what happens to it, and what must hold of it whatever happened.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::progress::Unwatched;
use lifeboat_store::random::{SeededRandom, noise};
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{
    Backing, ChunkId, Kind, Options, Result, Session, SnapshotId, Store, StoreError,
};

/// A record that was committed and whose commit was answered with success.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) id: SnapshotId,
    pub(crate) record: Vec<u8>,
}

impl Acknowledged {
    /// What the log is marked with when the commit has answered.
    pub(crate) fn mark(&self) -> String {
        self.id.to_string()
    }
}

/// The chunks that a record refers to, if it is whole.
pub(crate) fn unseal(record: &[u8]) -> Option<Vec<ChunkId>> {
    let (chunks, seal) = record.split_last_chunk::<32>()?;
    let chunks = (blake3::hash(chunks) == *seal).then_some(chunks.as_chunks::<32>().0)?;
    Some(chunks.iter().copied().map(ChunkId::from_bytes).collect())
}

/// A repository at the root of the disk, its cache inside. Each process draws names of its own.
pub(crate) fn backing(disk: &SimDisk, process: u64) -> Backing {
    Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
        cache: Some(Arc::new(disk.below("cache"))),
        random: Arc::new(SeededRandom::new(process)),
    }
}

/// The bytes of a chunk: half noise, half pattern; neighbours differ in little.
pub(crate) fn chunk(number: u32) -> Vec<u8> {
    let mut bytes = noise(900 + (number as usize % 5) * 300, u64::from(number / 3));
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend(std::iter::repeat_n(7, 500));
    bytes
}

/// Chunks that a session holds in memory.
const MOST_HELD: usize = 6;

/// A backup in steps, so that several can go on at once.
pub(crate) struct BackUp<'a> {
    session: Session<'a>,
    record: Vec<u8>,
    near: Option<ChunkId>,
}

impl<'a> BackUp<'a> {
    pub(crate) fn begin(store: &'a Store, pack_bytes: u64) -> Result<Self> {
        Ok(Self {
            session: store.begin(Options {
                level: 1,
                pack_bytes,
                // So that the index cache is written while the session is at work, and once is merged.
                most_held: MOST_HELD,
                ..Options::default()
            })?,
            record: Vec::new(),
            near: None,
        })
    }

    /// Stores a chunk of data, and for every second one some metadata.
    pub(crate) fn put(&mut self, number: u32) -> Result<()> {
        let data = self
            .session
            .put(Kind::Data, &chunk(number), self.near.as_ref())?
            .id;
        self.near = Some(data);
        self.record.extend_from_slice(data.as_bytes());
        if number.is_multiple_of(2) {
            let meta = self
                .session
                .put(Kind::Meta, &chunk(1000 + number), None)?
                .id;
            self.record.extend_from_slice(meta.as_bytes());
        }
        Ok(())
    }

    /// Ends without a record; what was stored stays.
    #[allow(dead_code, reason = "not every test ends so")]
    pub(crate) fn abandon(self) -> Result<()> {
        self.session.flush()?;
        self.session.abandon()
    }

    pub(crate) fn commit(mut self) -> Result<Acknowledged> {
        let seal = *blake3::hash(&self.record).as_bytes();
        self.record.extend_from_slice(&seal);
        let id = self.session.id();
        self.session.commit(&self.record)?;
        Ok(Acknowledged {
            id,
            record: self.record,
        })
    }
}

/// One backup of these chunks.
pub(crate) fn back_up(
    store: &Store,
    mut chunks: Range<u32>,
    pack_bytes: u64,
) -> Result<Acknowledged> {
    let mut back_up = BackUp::begin(store, pack_bytes)?;
    chunks.try_for_each(|number| back_up.put(number))?;
    back_up.commit()
}

/// That every acknowledged record is there, every record that is there is whole, and every pack too.
pub(crate) fn check(store: &Store, acknowledged: &[Acknowledged]) -> Result<(), String> {
    let records = store.records().map_err(words)?;
    for expected in acknowledged {
        if !records.contains(&expected.id) {
            return Err(format!("acknowledged record {} is gone", expected.id));
        }
        if store.record(expected.id).map_err(words)? != expected.record {
            return Err(format!("acknowledged record {} has changed", expected.id));
        }
    }
    for id in records {
        let record = store.record(id).map_err(words)?;
        check_record(store, &record).map_err(|what| format!("record {id}: {what}"))?;
    }
    let verification = store.verify_packs(true, &Unwatched).map_err(words)?;
    if verification.damage.is_empty() {
        Ok(())
    } else {
        Err(format!("{:?}", verification.damage))
    }
}

fn check_record(store: &Store, record: &[u8]) -> Result<(), String> {
    for id in unseal(record).ok_or("not what was committed")? {
        let plain = store.get(&id).map_err(words)?;
        if !Kind::ALL
            .iter()
            .any(|&kind| ChunkId::of(kind, &plain) == id)
        {
            return Err(format!("wrong bytes for chunk {id}"));
        }
    }
    Ok(())
}

/// What the next start does without anybody's help: it opens the repository, or creates one where none was acknowledged;
/// everything holds; a further backup succeeds, and everything holds again.
pub(crate) fn recover(
    disk: &SimDisk,
    process: u64,
    created: bool,
    acknowledged: &[Acknowledged],
    chunks: Range<u32>,
) -> Result<Acknowledged, String> {
    let store = match look(disk, process, created, acknowledged)? {
        Some(store) => store,
        None => Store::create(backing(disk, process))
            .map_err(|error| format!("create: {}", words(error)))?,
    };
    let next = back_up(&store, chunks, 6000);
    let next = next.map_err(|error| format!("the next backup: {}", words(error)))?;
    disk.mark(&next.mark());
    let mut all = acknowledged.to_vec();
    all.push(next.clone());
    check(&store, &all).map_err(|what| format!("after the next backup: {what}"))?;
    Ok(next)
}

/// What the next start finds: a repository of which everything holds, or none where none was acknowledged.
pub(crate) fn look(
    disk: &SimDisk,
    process: u64,
    created: bool,
    acknowledged: &[Acknowledged],
) -> Result<Option<Store>, String> {
    let store = match Store::open(backing(disk, process)) {
        Err(StoreError::NoRepository { .. }) if !created => return Ok(None),
        result => result.map_err(|error| format!("open: {}", words(error)))?,
    };
    check(&store, acknowledged).map_err(|what| format!("before the next backup: {what}"))?;
    Ok(Some(store))
}

/// An error with its causes.
pub(crate) fn words(error: StoreError) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words
}

/// Fails the test with one example of each kind of failure: kinds differ in their first line.
#[track_caller]
pub(crate) fn assert_none(failures: &[String]) {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for failure in failures {
        let (kind, place) = failure.split_once('\n').unwrap_or((failure, ""));
        kinds.entry(kind).or_default().push(place);
    }
    let examples: Vec<String> = kinds
        .iter()
        .map(|(kind, places)| {
            format!(
                "{} × {kind}\n{}",
                places.len(),
                places.first().unwrap_or(&"")
            )
        })
        .collect();
    assert!(failures.is_empty(), "{}", examples.join("\n"));
}
