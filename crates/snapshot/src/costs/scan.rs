//! From snapshot to snapshot: what each leads to is counted by adding what it has and the one before had not, and by
//! taking away what only the one before had.
//!
//! Every part is held with the number of references to it from the snapshots that are looked at, one or two at a time. A
//! part is unfolded when the first reference to it comes and when the last one goes, so the work is that of the
//! differences, and a chunk's owner follows from when it came and went.

use std::collections::HashMap;

use lifeboat_store::ChunkId;

use super::part::{Key, Part, key};
use crate::error::Result;
use crate::record::Snapshot;
use crate::repository::Repository;

/// Who leads to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Not known yet.
    Nobody,
    /// One snapshot, by its number.
    One(u32),
    /// Several of one source, by its number.
    Source(u32),
    /// Several sources.
    Many,
}

/// A chunk.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) stored_len: u32,
    pub(super) is_delta: bool,
    pub(super) owner: Owner,
    /// References from what is looked at now.
    count: u32,
    /// The first snapshot, and the source, of the last time that there were any.
    first: u32,
    source: u32,
}

impl Held {
    /// Notes the first reference since the last one went; whether it is the first of this source.
    fn enter(&mut self, number: u32, source: u32) -> bool {
        let is_known = self.owner != Owner::Nobody;
        let is_new = !is_known || self.source != source;
        if is_known && is_new {
            self.owner = Owner::Many;
        }
        (self.first, self.source) = (number, source);
        is_new
    }

    /// Notes that the last reference goes with the snapshot of this number.
    fn leave(&mut self, number: u32) {
        self.owner = match self.owner {
            Owner::Many => Owner::Many,
            Owner::Nobody if self.first == number => Owner::One(number),
            // No snapshot holds it twice: it was another one that is noted.
            _ => Owner::Source(self.source),
        };
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) chunks: HashMap<Key, Held>,
    /// Bytes that the snapshots of each source lead to.
    pub(super) source_bytes: Vec<u64>,
}

/// Snapshots, source by source.
pub(super) struct Scan<'r> {
    repository: &'r Repository,
    found: Found,
    /// References to what leads further.
    parts: HashMap<(u16, Key), u64>,
    /// The snapshot that was looked at last, with its number.
    last: Option<(u32, Snapshot)>,
    /// The number of the next one.
    number: u32,
    /// Bytes of all that has references now.
    bytes: u64,
}

impl<'r> Scan<'r> {
    /// Nothing is looked at yet.
    pub(super) fn new(repository: &'r Repository) -> Self {
        Self {
            repository,
            found: Found::default(),
            parts: HashMap::new(),
            last: None,
            number: 0,
            bytes: 0,
        }
    }

    /// What follows is of another source.
    pub(super) fn next_source(&mut self) -> Result<()> {
        self.drop_last()?;
        self.found.source_bytes.push(0);
        Ok(())
    }

    /// Looks at a source's next snapshot; gives the bytes that it leads to.
    pub(super) fn next(&mut self, snapshot: &Snapshot) -> Result<u64> {
        self.add(Part::of(snapshot))?;
        // The other way round, what both have would be unfolded twice.
        self.drop_last()?;
        self.last = Some((self.number, snapshot.clone()));
        self.number += 1;
        Ok(self.bytes)
    }

    /// What was found in all of them.
    pub(super) fn finish(mut self) -> Result<Found> {
        self.drop_last()?;
        Ok(self.found)
    }

    /// Takes away what only the snapshot before this one has.
    fn drop_last(&mut self) -> Result<()> {
        match self.last.take() {
            Some((number, snapshot)) => self.remove(number, Part::of(&snapshot)),
            None => Ok(()),
        }
    }

    fn add(&mut self, part: Part) -> Result<()> {
        let mut waiting = vec![part];
        while let Some(part) = waiting.pop() {
            if let Some(key) = part.key() {
                let count = self.parts.entry(key).or_default();
                *count += 1;
                if *count > 1 {
                    continue;
                }
            }
            if let Some(id) = part.chunk() {
                self.add_chunk(&id)?;
            }
            part.unfold(self.repository, &mut waiting)?;
        }
        Ok(())
    }

    fn remove(&mut self, number: u32, part: Part) -> Result<()> {
        let mut waiting = vec![part];
        while let Some(part) = waiting.pop() {
            if let Some(key) = part.key() {
                let count = self.parts.entry(key).or_default();
                *count = count.saturating_sub(1);
                if *count > 0 {
                    continue;
                }
                self.parts.remove(&key);
            }
            if let Some(id) = part.chunk() {
                self.remove_chunk(number, &id)?;
            }
            part.unfold(self.repository, &mut waiting)?;
        }
        Ok(())
    }

    /// Adds a reference to a chunk. If it is the first one, its stored copy adds one to what it is made from, and so on.
    fn add_chunk(&mut self, id: &ChunkId) -> Result<()> {
        if self.add_known(&key(id)) {
            return Ok(());
        }
        for copy in self.repository.store().footprint(id)? {
            let key = key(&copy.id);
            let chunks = &mut self.found.chunks;
            let held = chunks.entry(key).or_insert_with(|| Held {
                stored_len: copy.stored_len,
                is_delta: copy.is_delta,
                owner: Owner::Nobody,
                count: 0,
                first: 0,
                source: 0,
            });
            held.count += 1;
            if held.count > 1 {
                break;
            }
            self.bytes += u64::from(held.stored_len);
            let source = self.found.source_bytes.len().saturating_sub(1) as u32;
            if held.enter(self.number, source)
                && let Some(bytes) = self.found.source_bytes.last_mut()
            {
                *bytes += u64::from(held.stored_len);
            }
        }
        Ok(())
    }

    /// Adds a reference to what has some; whether it had.
    fn add_known(&mut self, key: &Key) -> bool {
        let held = self.found.chunks.get_mut(key);
        match held.filter(|held| held.count > 0) {
            Some(held) => {
                held.count = held.count.saturating_add(1);
                true
            }
            None => false,
        }
    }

    fn remove_chunk(&mut self, number: u32, id: &ChunkId) -> Result<()> {
        let Some(held) = self.found.chunks.get_mut(&key(id)) else {
            return Ok(());
        };
        if held.count > 1 {
            held.count -= 1;
            return Ok(());
        }
        for copy in self.repository.store().footprint(id)? {
            let Some(held) = self.found.chunks.get_mut(&key(&copy.id)) else {
                break;
            };
            held.count = held.count.saturating_sub(1);
            if held.count > 0 {
                break;
            }
            self.bytes = self.bytes.saturating_sub(u64::from(held.stored_len));
            held.leave(number);
        }
        Ok(())
    }
}
