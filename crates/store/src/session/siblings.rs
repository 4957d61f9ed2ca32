//! Small files of a session: each is told by a dictionary that is made of those stored before it.
//!
//! A few kilobytes have little in them that repeats, so that notes, messages and settings compress badly one by one and well
//! together. What they have in common is found in the first ones of every [`REGION`], and the others are told by that.

use std::collections::VecDeque;

use super::{Put, Session, lock};
use crate::error::Result;
use crate::frame::Frame;
use crate::id::ChunkId;
use crate::pack::Kind;

/// Longer chunks have enough in them that repeats.
const SHORT: usize = 64 << 10;

/// Bytes of new chunks after which a dictionary is made anew: what is lost with one is no more than that, and files far from
/// each other are of another kind.
const REGION: u64 = 16 << 20;

/// Bytes of a dictionary.
const DICTIONARY: usize = 128 << 10;

/// Most bytes of a chunk that are looked at.
const SAMPLE: usize = 8 << 10;

/// Chunks by which it is found out whether a dictionary is of use.
const TRIED: usize = 8;

/// New bytes from one of these to the next: what only the neighbours have in common is no reason for a dictionary.
const APART: u64 = 32 << 10;

/// Small files of earlier sessions that are looked at for the dictionary of theirs: some were stored before there was one.
const RECALLED: usize = 16;

/// What is known of the small files of a session so far.
#[derive(Default)]
pub(super) struct Siblings {
    like: Option<ChunkId>,
    /// Small files that were stored earlier, the last one first.
    recalled: VecDeque<ChunkId>,
    gathered: Gathered,
    /// Bytes of new chunks since a dictionary was begun.
    bytes: u64,
    /// Whether one was made for this region, or is of no use to it.
    is_settled: bool,
}

/// Beginnings of new chunks.
#[derive(Default)]
struct Gathered {
    /// What a dictionary may be made of.
    sample: Vec<u8>,
    /// Those after them: whatever is in a dictionary is of course told by it.
    tried: Vec<Vec<u8>>,
}

impl Session<'_> {
    /// Stores a chunk of data as [`put`](Self::put) does, which is all or a part of a small file.
    ///
    /// # Errors
    /// Where it cannot be stored; the session is then over.
    pub fn put_sibling(&self, plain: &[u8], near: Option<&ChunkId>) -> Result<Put> {
        if plain.len() > SHORT {
            return self.put(Kind::Data, plain, near);
        }
        let like = self.like();
        let put = self.put_like(Kind::Data, plain, near, like.as_ref())?;
        // What is told by its own past needs no dictionary.
        let gathered = match put.new && near.is_none() {
            true => lock(&self.siblings).learn(plain),
            false => None,
        };
        if let Some(Gathered { sample, tried }) = gathered {
            let tried: Vec<&[u8]> = tried.iter().map(Vec::as_slice).collect();
            let like = self.make_dictionary(&sample, &tried, saves_much)?;
            lock(&self.siblings).like = like;
        }
        Ok(put)
    }

    /// Tells of a small file that an earlier session stored, beside which others may be new: those are told by what it was told
    /// by, until there is something better.
    pub fn recall_sibling(&self, chunk: ChunkId) {
        let recalled = &mut lock(&self.siblings).recalled;
        recalled.truncate(RECALLED - 1);
        recalled.push_front(chunk);
    }

    /// The dictionary for a small file.
    fn like(&self) -> Option<ChunkId> {
        let mut siblings = lock(&self.siblings);
        if siblings.like.is_none() && !siblings.is_settled {
            let recalled = std::mem::take(&mut siblings.recalled);
            siblings.like = recalled.iter().find_map(|chunk| {
                let root = self.root_of(chunk)?.id;
                (root != *chunk).then_some(root)
            });
        }
        siblings.like
    }
}

/// A third of the bytes: files further on are less like those that a dictionary is made of than those that it is tried with.
fn saves_much(told: &Frame, whole: &Frame) -> bool {
    told.bytes.len() <= whole.bytes.len() / 3 * 2
}

impl Siblings {
    /// Takes a new chunk for a dictionary; gives all that were taken, to one thread, once they are enough.
    fn learn(&mut self, plain: &[u8]) -> Option<Gathered> {
        self.bytes += plain.len() as u64;
        if self.bytes > REGION {
            (self.bytes, self.is_settled) = (0, false);
        }
        if self.is_settled {
            return None;
        }
        let begin = plain.get(..SAMPLE).unwrap_or(plain);
        let Gathered { sample, tried } = &mut self.gathered;
        if sample.len() < DICTIONARY {
            sample.extend_from_slice(begin);
        } else if self.bytes >= DICTIONARY as u64 + (tried.len() as u64 + 1) * APART {
            tried.push(begin.to_vec());
        }
        self.is_settled = tried.len() == TRIED;
        self.is_settled.then(|| std::mem::take(&mut self.gathered))
    }
}
