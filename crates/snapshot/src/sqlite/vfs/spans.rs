//! Bytes of the main file that are read before SQLite asks for them: many pages with one call of the system.
//!
//! The hazard is a page of another state than that of the transaction. So bytes are served only under the locks under which
//! they were read, and every change of a lock, whatever it is, drops them all. Under such locks the bytes of the main file that
//! *this* connection takes from it stand still:
//!
//! - *Rollback journal*: SHARED keeps everybody from writing.
//! - *WAL*: a checkpoint writes below a reader that has a mark, but only pages of frames that were committed before the mark, and
//!   the reader takes those from the WAL. A span may hold such a page, half written even; nobody asks it for that.
//!   The mark 0, with which no page comes from the WAL, keeps checkpoints out.
//!
//! SQLite may work on a page where it stands, in place of a copy: such a page is *lent*, and its span neither goes nor takes other
//! bytes before the page is given back, whatever is dropped meanwhile.
//!
//! The end of the file, errors and pages of which the file has a part are not judged here: what does not lie in a span as a
//! whole is read by itself, as if there were no spans.

use std::ffi::c_int;

use rusqlite::ffi;

/// Bytes of a span, and what its offset is a multiple of: SQLite goes through tables in both directions.
const SPAN: usize = 64 << 10;

/// Spans that are kept: a table's pages, those of its index, and what lies between.
const KEPT: usize = 4;

/// Pages from one read to the next that still count as near: the bytes between are copied in vain.
const NEAR: u64 = 3;

/// Reads in a row, each near the one before, after which a span is read. An index whose pages lie among those of a table has
/// two beside each other now and then, and a span for each such pair would cost more than it saves.
const RUN: u32 = 2;

/// Pages that a span has to hold for being worth anything.
const LEAST_PAGES: usize = 4;

/// Bytes behind a page that SQLite may read where a damaged page leads it there.
const BEHIND: usize = 256;

/// Spans with lent pages, beside those that are kept, behind which no more pages are lent: their memory is not SQLite's.
const MOST_LENT: usize = 16;

/// The first lock of a wal-index that is the mark of a reader; the others are of those who write, checkpoint and recover.
const FIRST_MARK: c_int = 3;

/// What was read ahead, and the locks that it depends on.
#[derive(Default)]
pub(super) struct Spans {
    has_shared: bool,
    /// A bit for each mark of a reader that is held in the wal-index.
    marks: u32,
    /// The one served last comes first.
    kept: Vec<Span>,
    /// Those that are not served from any more, and have pages that are lent.
    lent: Vec<Span>,
    /// Where the page that was read last begins.
    last: Option<u64>,
    /// Reads since one that was not near.
    run: u32,
}

struct Span {
    begin: u64,
    /// Never moved or written to while a page of it is lent.
    bytes: Vec<u8>,
    /// Those of them that are the file's.
    length: usize,
    /// Pages that are lent.
    lent: u32,
}

impl Spans {
    /// Fills `page` with the bytes at `offset`, if they can be had from a span. `is_wal` is whether a wal-index is in use;
    /// `read` fills a buffer with the bytes of the file from an offset on, as far as there are any, and tells how many; none
    /// where that fails.
    pub(super) fn serve(
        &mut self,
        page: &mut [u8],
        offset: u64,
        is_wal: bool,
        read: impl FnOnce(&mut [u8], u64) -> usize,
    ) -> bool {
        let found = self.page(page.len(), offset, is_wal, read);
        found.map(|found| page.copy_from_slice(found)).is_some()
    }

    /// Lends the page of this length at `offset`, if it can be had from a span; the rest is as for [`serve`](Self::serve).
    /// It stays where it is, with bytes of this process behind it, until it is taken back.
    pub(super) fn lend(
        &mut self,
        length: usize,
        offset: u64,
        is_wal: bool,
        read: impl FnOnce(&mut [u8], u64) -> usize,
    ) -> Option<*const u8> {
        if self.lent.len() >= MOST_LENT {
            return None;
        }
        self.page(length, offset, is_wal, read)?;
        let span = self.kept.first_mut()?;
        span.lent += 1;
        let within = usize::try_from(offset - span.begin).ok()?;
        Some(span.bytes.as_ptr().wrapping_add(within))
    }

    /// Takes back a page that was lent.
    pub(super) fn take_back(&mut self, page: *const u8) {
        let spans = self.kept.iter_mut().chain(&mut self.lent);
        for span in spans.filter(|span| span.bytes.as_ptr_range().contains(&page)) {
            span.lent = span.lent.saturating_sub(1);
        }
        self.lent.retain(|span| span.lent > 0);
    }

    /// The page of this length at `offset`, in the span that comes first then.
    fn page(
        &mut self,
        page: usize,
        offset: u64,
        is_wal: bool,
        read: impl FnOnce(&mut [u8], u64) -> usize,
    ) -> Option<&[u8]> {
        if !self.are_held(is_wal) || page > SPAN / LEAST_PAGES {
            return None;
        }
        let length = page as u64;
        let last = self.last.replace(offset);
        self.run = match last {
            // One that was not lent is read.
            Some(last) if last == offset => self.run,
            Some(last) if last.abs_diff(offset) <= NEAR * length => self.run.saturating_add(1),
            _ => 0,
        };
        let within = offset % SPAN as u64;
        let begin = offset - within;
        match self.find(begin) {
            true => {}
            false if self.run >= RUN => self.fill(begin, read),
            false => return None,
        }
        let span = self.kept.first()?;
        let within = usize::try_from(within).unwrap_or(SPAN);
        span.bytes.get(..span.length)?.get(within..within + page)
    }

    /// Drops everything: the file may be another one from here on.
    pub(super) fn forget(&mut self) {
        let lent = self.kept.drain(..).filter(|span| span.lent > 0);
        self.lent.extend(lent);
        self.last = None;
        self.run = 0;
    }

    /// A lock of the main file at this level was taken.
    pub(super) fn locked(&mut self, level: c_int) {
        self.forget();
        self.has_shared |= level >= ffi::SQLITE_LOCK_SHARED;
    }

    /// The lock of the main file goes back to this level.
    pub(super) fn unlocked(&mut self, level: c_int) {
        self.forget();
        self.has_shared &= level >= ffi::SQLITE_LOCK_SHARED;
    }

    /// Locks of the wal-index are taken or given back, as `flags` say, if that succeeds.
    pub(super) fn marked(&mut self, first: c_int, count: c_int, flags: c_int, succeeded: bool) {
        self.forget();
        let locks = first.max(FIRST_MARK)..first.saturating_add(count);
        let bit = |lock: c_int| 1_u32.checked_shl(lock.unsigned_abs()).unwrap_or(0);
        let marks = locks.fold(0, |marks, lock| marks | bit(lock));
        match flags {
            _ if flags & ffi::SQLITE_SHM_UNLOCK != 0 => self.marks &= !marks,
            _ if flags & ffi::SQLITE_SHM_SHARED != 0 && succeeded => self.marks |= marks,
            _ => {}
        }
    }

    fn are_held(&self, is_wal: bool) -> bool {
        self.has_shared && (!is_wal || self.marks != 0)
    }

    /// Puts the span that begins there first.
    fn find(&mut self, begin: u64) -> bool {
        let at = self.kept.iter().position(|span| span.begin == begin);
        let before = at.and_then(|at| self.kept.get_mut(..=at));
        before.map(|before| before.rotate_right(1)).is_some()
    }

    /// Reads a span, in place of the one that was not asked for longest.
    fn fill(&mut self, begin: u64, read: impl FnOnce(&mut [u8], u64) -> usize) {
        let oldest = (self.kept.len() >= KEPT).then(|| self.kept.pop()).flatten();
        let mut bytes = match oldest {
            Some(span) if span.lent > 0 => {
                self.lent.push(span);
                Vec::new()
            }
            Some(span) => span.bytes,
            None => Vec::new(),
        };
        bytes.resize(SPAN + BEHIND, 0);
        let (into, _) = bytes.split_at_mut(SPAN);
        let length = read(into, begin).min(SPAN);
        let span = Span {
            begin,
            bytes,
            length,
            lent: 0,
        };
        self.kept.insert(0, span);
    }
}

#[cfg(test)]
mod tests;
