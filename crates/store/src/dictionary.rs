//! Dictionaries: bases that many chunks are told by, prepared once so that each of them costs no more than a chunk without
//! a base.
//!
//! In the repository a dictionary is a chunk like any other, and what is told by it a delta like any other; only making
//! such deltas is special. What it saves: `docs/decisions/0018-dictionaries.md`.

use std::sync::Arc;

use zstd::zstd_safe::{CDict, compress_bound};

use crate::delta;
use crate::frame::{Base, Encoding, Frame, in_context};
use crate::id::ChunkId;

/// A base and its prepared tables.
pub(crate) struct Dictionary {
    id: ChunkId,
    plain: Vec<u8>,
    tables: CDict<'static>,
}

/// As many of them are kept prepared as one backup may be in need of at a time.
const MOST_PREPARED: usize = 3;

/// How much less effort of zstd's gives as small a chunk where a dictionary helps.
const LEVELS_LESS: i32 = 1;

impl Dictionary {
    /// Prepares a chunk; `None` for one that zstd would take for a dictionary of its own kind, or where there is no memory.
    pub(crate) fn new(id: ChunkId, plain: Vec<u8>, level: i32) -> Option<Self> {
        if delta::is_of_zstd(&plain) {
            return None;
        }
        let level = (level - LEVELS_LESS).max(1);
        let tables = CDict::try_create(&plain, level)?;
        Some(Self { id, plain, tables })
    }

    /// As what a delta names.
    pub(crate) fn base(&self) -> Base<'_> {
        Base {
            prefix: self.id.prefix(),
            plain: &self.plain,
        }
    }

    /// Plain bytes told by it, if zstd can.
    pub(crate) fn encode(&self, plain: &[u8]) -> Option<Frame> {
        let mut bytes = Vec::with_capacity(compress_bound(plain.len()));
        in_context(|context| context.compress_using_cdict(&mut bytes, plain, &self.tables)).ok()?;
        bytes.shrink_to_fit();
        let base = self.id.prefix();
        Some(Frame {
            encoding: Encoding::Prefix { base },
            bytes,
        })
    }
}

/// The dictionaries that were used last, by the chunk that led to each.
#[derive(Default)]
pub(crate) struct Prepared {
    /// The one used last stands last. A chunk that leads to none is remembered too.
    used: Vec<(ChunkId, Option<Arc<Dictionary>>)>,
}

impl Prepared {
    /// What is known of the chunk.
    pub(crate) fn get(&mut self, id: &ChunkId) -> Option<Option<Arc<Dictionary>>> {
        let at = self.used.iter().rposition(|(used, _)| used == id)?;
        let entry = self.used.remove(at);
        self.used.push(entry.clone());
        Some(entry.1)
    }

    /// Remembers what a chunk leads to.
    pub(crate) fn keep(&mut self, id: ChunkId, dictionary: Option<Arc<Dictionary>>) {
        self.used.retain(|(used, _)| *used != id);
        if self.used.len() >= MOST_PREPARED {
            self.used.remove(0);
        }
        self.used.push((id, dictionary));
    }
}
