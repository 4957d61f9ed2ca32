//! Writing anew what is needed of packs that are mostly garbage, and of many small ones.
//!
//! A session of its own copies stored chunks as they are into new packs, each decoded and checked on the way. Nothing is
//! deleted here: of chunks with copies in old and new packs the new ones are then kept, and the old packs are condemned like
//! any others.

use rayon::prelude::*;

use super::bits::Bits;
use super::victims::Victims;
use super::{Collector, Phase, Reach};
use crate::disk::OpenFile;
use crate::error::{Result, StoreError};
use crate::frame::{self, Frame};
use crate::id::PackId;
use crate::index::{Location, locations, read_trailer};
use crate::layout::Object;
use crate::pack::PackReader;
use crate::session::{Options, Session};

/// Chunks that are decoded at once.
const BATCH: usize = 64;

impl<R: Reach> Collector<'_, R> {
    /// Copies what is worth it out of packs that can go then; gives these packs.
    pub(super) fn repack(&mut self, kept: &Bits) -> Result<Vec<PackId>, R::Error> {
        let Some(known) = self.known.take() else {
            return Ok(Vec::new());
        };
        let room = self.storage().free_bytes()?.unwrap_or(u64::MAX);
        // Parity and trailers need some as well.
        let most = self.options.max_repack.min(room / 4 * 3);
        let victims = Victims::choose(&known.marks, kept, most)?;
        let packs = &known.marks.table.packs;
        let names: Vec<PackId> = packs.names(&victims.packs).collect();
        let done = match names.is_empty() && !victims.any_whole {
            true => Ok(()),
            false => self.copy_all(&known, kept, &victims, most),
        };
        self.known = Some(known);
        match done {
            Ok(()) => Ok(names),
            // No room, or a chunk that cannot be read: what has been copied is a copy, and nothing else has changed.
            Err(error) if error.is_no_room() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn copy_all(
        &mut self,
        known: &super::Known,
        kept: &Bits,
        victims: &Victims,
        most: u64,
    ) -> Result<()> {
        self.watch.phase(Phase::Repack, None);
        let session = self.store.begin(Options::default())?;
        let copied = self.copy_packs(&session, known, kept, victims, most);
        let flushed = copied.and_then(|()| session.flush());
        self.done.repacked_bytes = session.totals().stored_bytes;
        // The session has no snapshot to show: what it wrote is found by what it is.
        let abandoned = session.abandon();
        flushed.and(abandoned)
    }

    fn copy_packs(
        &self,
        session: &Session<'_>,
        known: &super::Known,
        kept: &Bits,
        victims: &Victims,
        most: u64,
    ) -> Result<()> {
        let table = &known.marks.table;
        let mut budget = most;
        for count in table.packs.counts() {
            let is_victim = victims.packs.contains(&count.number);
            if !is_victim && !count.has_whole {
                continue;
            }
            let wanted = |at: &Location| -> Option<bool> {
                let copies = &mut table.copies(&at.id);
                let copy = copies.find(|copy| copy.at.place() == at.place())?;
                let is_whole = victims.whole.has(copy.number);
                let moves = is_victim && !victims.loose.has(copy.number);
                let is_wanted = kept.has(copy.number) && (is_whole || moves);
                is_wanted.then_some(is_whole)
            };
            self.copy_pack(session, count.id, wanted, &mut budget)?;
        }
        Ok(())
    }

    /// Copies the wanted chunks of a pack; `wanted` tells whether one is to be stored whole.
    fn copy_pack(
        &self,
        session: &Session<'_>,
        pack: PackId,
        wanted: impl Fn(&Location) -> Option<bool>,
        budget: &mut u64,
    ) -> Result<()> {
        let storage = self.storage();
        let (Some(trailer), Some(file)) = (
            read_trailer(storage, pack)?,
            storage.open(Object::Pack(pack))?,
        ) else {
            return Ok(()); // Another collector was first.
        };
        let wanted: Vec<(Location, bool)> = locations(&trailer)
            .filter_map(|at| Some((at, wanted(&at)?)))
            .collect();
        for batch in wanted.chunks(BATCH) {
            if self.watch.cancelled() {
                return Err(StoreError::Cancelled);
            }
            if *budget == 0 {
                break;
            }
            let frames: Vec<Frame> = batch
                .par_iter()
                .map(|(at, is_whole)| self.frame(session, file.as_ref(), at, *is_whole))
                .collect::<Result<_>>()?;
            for ((at, _), frame) in batch.iter().zip(frames) {
                let len = frame.bytes.len() as u64;
                *budget = budget.saturating_sub(len);
                self.watch.advance(len);
                session.copy(at, &frame)?;
            }
        }
        Ok(())
    }

    /// A stored copy, decoded and checked; encoded anew where it is to be whole, or where its base is not to be built on.
    fn frame(
        &self,
        session: &Session<'_>,
        file: &dyn OpenFile,
        at: &Location,
        is_whole: bool,
    ) -> Result<Frame> {
        let path = self.storage().locate(Object::Pack(at.pack));
        let reader = PackReader::new(file, &path);
        let bytes = reader.read(at.offset, u64::from(at.stored_len))?;
        let index = self.store.index()?;
        let plain = self.store.decode_copy(&index, at, &bytes)?;
        match is_whole || !session.may_stand_on(at.encoding) {
            true => frame::encode(&plain, Options::default().level, None, || None),
            false => Ok(Frame {
                encoding: at.encoding,
                bytes,
            }),
        }
    }
}
