//! What the extents of a database are told by: what stood at their place before, and dictionaries for those that are new.

use lifeboat_store::{ChunkId, Kind, Session};

use super::stream::{Kin, Piece};
use crate::content::{Content, Near};
use crate::error::Result;
use crate::sqlite::EXTENT_BYTES;

/// Extents that stand on one dictionary at most, but for those that are appended one by one: with a dictionary that is
/// lost, so much of a database is.
const REGION: u64 = 1024;

/// New extents in a row of which a dictionary is made: of fewer it costs more than it saves.
const WORTH: usize = 16;

/// What is taken of each of them, in bytes: so much that words of most pages are among it, and so little that a
/// dictionary stays small beside what it is for.
const SAMPLE: usize = 8 << 10;

/// New extents by which it is found out whether a dictionary is of use.
const TRIED: usize = 4;

/// What the extents of a database may be told by.
pub(super) struct Relatives<'a, 's> {
    session: &'a Session<'s>,
    before: Near<'a>,
    first_before: Option<ChunkId>,
    /// What new extents are like: the dictionary of those just before them, else what was the last extent.
    like: Option<ChunkId>,
    /// The last region for which a dictionary was tried.
    region: Option<u64>,
}

impl<'a, 's> Relatives<'a, 's> {
    /// Of a database that was `near` before.
    pub(super) fn new(session: &'a Session<'s>, near: Option<&'a Content>) -> Self {
        let mut before = Near::chunks(session.store(), near);
        Self {
            session,
            first_before: before.at(0),
            before,
            like: near.and_then(|near| last_whole(session, near)),
            region: None,
        }
    }

    /// Of a few extents in a row.
    pub(super) fn of(&mut self, extents: &[Piece]) -> Result<Vec<Kin>> {
        let near: Vec<Option<ChunkId>> = extents.iter().map(|e| self.before(e.position)).collect();
        let new = extents.iter().zip(&near).filter(|(_, near)| near.is_none());
        let new: Vec<&Piece> = new.map(|(extent, _)| extent).collect();
        self.make_dictionary(&new)?;
        let like = self.like;
        Ok(near.into_iter().map(|near| Kin { near, like }).collect())
    }

    fn before(&mut self, index: u64) -> Option<ChunkId> {
        match index {
            // It comes last, when the others are passed.
            0 => self.first_before,
            _ => self.before.at(index * EXTENT_BYTES as u64),
        }
    }

    /// Of a database that was moved all extents are there, and nothing is to be told by a dictionary.
    fn is_stored(&self, extent: &Piece) -> bool {
        self.session.has(&ChunkId::of(Kind::Data, &extent.bytes))
    }

    /// Makes a dictionary of the extents, where they are enough and the first of their region.
    fn make_dictionary(&mut self, new: &[&Piece]) -> Result<()> {
        let region = new.first().map(|first| first.position / REGION);
        if new.len() < WORTH || self.region == region {
            return Ok(());
        }
        self.region = region;
        let new: Vec<&Piece> = new.iter().filter(|e| !self.is_stored(e)).copied().collect();
        if new.len() < WORTH {
            return Ok(());
        }
        let sample: Vec<u8> = (0..).zip(&new).flat_map(sampled).copied().collect();
        let step = new.len() / TRIED;
        let tried: Vec<&[u8]> = new.iter().step_by(step).map(|e| &e.bytes[..]).collect();
        self.like = self.session.put_dictionary(&sample, &tried)?;
        Ok(())
    }
}

/// A part of the extent, at another place in each: the same of all would be the same part of larger records.
fn sampled<'e>((number, extent): (usize, &&'e Piece)) -> &'e [u8] {
    let begin = number * SAMPLE % EXTENT_BYTES;
    extent.bytes.get(begin..begin + SAMPLE).unwrap_or_default()
}

/// The last extent of a content that is not cut short.
fn last_whole(session: &Session<'_>, content: &Content) -> Option<ChunkId> {
    let extent = EXTENT_BYTES as u64;
    let begin = (content.len / extent).checked_sub(1)? * extent;
    Near::chunks(session.store(), Some(content)).at(begin)
}
