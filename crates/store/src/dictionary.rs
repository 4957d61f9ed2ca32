//! Dictionaries: bases that many chunks are told by, prepared once so that each of them costs no more than a chunk without
//! a base.
//!
//! In the repository a dictionary is a chunk like any other, and what is told by it a delta like any other; only making
//! such deltas is special. What it saves: `docs/decisions/0018-dictionaries.md`.

use std::cell::RefCell;
use std::sync::Arc;

use zstd::zstd_safe::{CCtx, CParameter, DictAttachPref};

use crate::delta;
use crate::frame::{Base, Encoding, Frame, compress};
use crate::id::ChunkId;

/// A base that many chunks are told by.
pub(crate) struct Dictionary {
    id: ChunkId,
    plain: Vec<u8>,
    level: i32,
}

/// A context that has its tables.
struct Loaded {
    id: ChunkId,
    level: i32,
    context: CCtx<'static>,
}

thread_local! {
    // Tables are large and slow to make: each thread keeps those of the dictionary that it used last.
    static LOADED: RefCell<Option<Loaded>> = const { RefCell::new(None) };
}

/// As many of them are kept prepared as one backup may be in need of at a time.
const MOST_PREPARED: usize = 3;

/// How much less effort of zstd's gives as small a chunk where a dictionary helps.
const LEVELS_LESS: i32 = 1;

impl Dictionary {
    /// Of a chunk; `None` for one that zstd would take for a dictionary of its own kind.
    pub(crate) fn new(id: ChunkId, plain: Vec<u8>, level: i32) -> Option<Self> {
        if delta::is_of_zstd(&plain) {
            return None;
        }
        let level = (level - LEVELS_LESS).max(1);
        Some(Self { id, plain, level })
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
        LOADED.with_borrow_mut(|loaded| {
            if !loaded.as_ref().is_some_and(|loaded| self.is(loaded)) {
                // The old tables go before the new ones are made.
                *loaded = None;
                *loaded = Some(self.load()?);
            }
            let context = &mut loaded.as_mut()?.context;
            let base = self.id.prefix();
            Some(Frame {
                encoding: Encoding::Prefix { base },
                bytes: compress(context, plain, self.level).ok()?,
            })
        })
    }

    fn is(&self, loaded: &Loaded) -> bool {
        loaded.id == self.id && loaded.level == self.level
    }

    fn load(&self) -> Option<Loaded> {
        let mut context = CCtx::try_create()?;
        // Else zstd copies all tables before each chunk, which takes longer than looking at two of them.
        let attach = CParameter::ForceAttachDict(DictAttachPref::ForceAttach);
        context.set_parameter(attach).ok()?;
        context
            .set_parameter(CParameter::CompressionLevel(self.level))
            .ok()?;
        context.load_dictionary(&self.plain).ok()?;
        Some(Loaded {
            id: self.id,
            level: self.level,
            context,
        })
    }
}

/// The dictionaries that were used last, by the chunk that each is.
#[derive(Default)]
pub(crate) struct Prepared {
    /// The one used last stands last. A chunk that cannot be one is remembered too.
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

    /// Remembers what a chunk is as a dictionary.
    pub(crate) fn keep(&mut self, id: ChunkId, dictionary: Option<Arc<Dictionary>>) {
        self.used.retain(|(used, _)| *used != id);
        if self.used.len() >= MOST_PREPARED {
            self.used.remove(0);
        }
        self.used.push((id, dictionary));
    }
}
