//! What is served from spans is what the file has, under the locks and from one change of them to the next.

use std::cell::Cell;
use std::ffi::c_int;

use rusqlite::ffi::{
    SQLITE_LOCK_NONE, SQLITE_LOCK_SHARED, SQLITE_SHM_EXCLUSIVE, SQLITE_SHM_LOCK, SQLITE_SHM_SHARED,
    SQLITE_SHM_UNLOCK,
};

use super::{BEHIND, KEPT, MOST_LENT, RUN, SPAN, Spans};

const PAGE: usize = 4096;
const TAKE: c_int = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED;
const GIVE: c_int = SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED;

/// A file that counts how often it is read.
struct Counted {
    bytes: Vec<u8>,
    reads: Cell<usize>,
}

impl Counted {
    fn new(bytes: usize) -> Self {
        Self {
            bytes: (0..bytes).map(|at| (at / 512 % 251) as u8).collect(),
            reads: Cell::new(0),
        }
    }

    fn read(&self, into: &mut [u8], begin: u64) -> usize {
        self.reads.set(self.reads.get() + 1);
        let rest = &self.bytes[begin as usize..];
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }

    /// Reads a page as the shim does; whether it came from a span.
    fn page(&self, spans: &mut Spans, page: &mut [u8], offset: usize, is_wal: bool) -> bool {
        let read = |into: &mut [u8], begin| self.read(into, begin);
        let is_served = spans.serve(page, offset as u64, is_wal, read);
        if is_served {
            assert!(*page == self.bytes[offset..offset + page.len()], "{offset}");
        } else {
            self.reads.set(self.reads.get() + 1);
        }
        is_served
    }
}

/// Under SHARED.
fn locked() -> Spans {
    let mut spans = Spans::default();
    spans.locked(SQLITE_LOCK_SHARED);
    spans
}

/// Reads the first pages in a row; whether the last came from a span.
fn in_a_row(file: &Counted, spans: &mut Spans, is_wal: bool) -> bool {
    let pages = (0..5).map(|page| page * PAGE);
    pages.fold(false, |_, at| file.page(spans, &mut [0; PAGE], at, is_wal))
}

#[test]
fn pages_in_a_row_are_read_many_at_once_in_both_directions_and_at_every_size() {
    for size in [512, 1024, 2048, 4096, 8192, 16384] {
        let file = Counted::new(10 * SPAN);
        let mut offsets: Vec<usize> = (0..10 * SPAN).step_by(size).collect();
        for _ in 0..2 {
            let mut spans = locked();
            file.reads.set(0);
            for &offset in &offsets {
                file.page(&mut spans, &mut vec![0; size], offset, false);
            }
            assert!(file.reads.get() <= 12, "{size} {}", file.reads.get());
            offsets.reverse();
        }
    }
}

#[test]
fn pages_with_few_between_are_read_with_them_and_others_by_themselves() {
    let file = Counted::new(40 * SPAN);
    for (step, most) in [(3, 45), (8, 80)] {
        let mut spans = locked();
        file.reads.set(0);
        for offset in (0..40 * SPAN).step_by(step * PAGE) {
            file.page(&mut spans, &mut [0; PAGE], offset, false);
        }
        assert!(file.reads.get() <= most, "{step} {}", file.reads.get());
    }
    // Nothing of what was read by itself was copied in vain.
    let mut spans = locked();
    for offset in (0..40 * SPAN).step_by(8 * PAGE) {
        assert!(!file.page(&mut spans, &mut [0; PAGE], offset, false));
    }
}

#[test]
fn the_largest_pages_are_read_by_themselves() {
    let file = Counted::new(10 * SPAN);
    for size in [32768, 65536] {
        let mut spans = locked();
        for offset in (0..10 * SPAN).step_by(size) {
            assert!(!file.page(&mut spans, &mut vec![0; size], offset, false));
        }
    }
}

#[test]
fn nothing_is_served_without_the_locks() {
    let file = Counted::new(SPAN);
    let mut spans = Spans::default();
    assert!(!in_a_row(&file, &mut spans, false));
    spans.locked(SQLITE_LOCK_SHARED);
    assert!(in_a_row(&file, &mut spans, false));
    // Where there is a wal-index, SHARED keeps nobody from writing.
    assert!(!in_a_row(&file, &mut spans, true));
    for mark in 3..8 {
        spans.marked(mark, 1, TAKE, true);
        assert!(in_a_row(&file, &mut spans, true));
        spans.marked(mark, 1, GIVE, true);
        assert!(!in_a_row(&file, &mut spans, true));
    }
    spans.marked(4, 1, TAKE, true);
    spans.unlocked(SQLITE_LOCK_NONE);
    assert!(!in_a_row(&file, &mut spans, true));
}

#[test]
fn only_a_mark_that_was_taken_counts() {
    let file = Counted::new(SPAN);
    let mut spans = locked();
    spans.marked(4, 1, TAKE, false);
    spans.marked(4, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE, true);
    // Of a writer, a checkpoint, a recovery.
    spans.marked(0, 3, TAKE, true);
    assert!(!in_a_row(&file, &mut spans, true));
}

#[test]
fn every_change_of_a_lock_drops_what_was_read() {
    let changes: [fn(&mut Spans); 6] = [
        Spans::forget,
        |spans| spans.locked(SQLITE_LOCK_SHARED),
        |spans| spans.unlocked(SQLITE_LOCK_SHARED),
        |spans| spans.marked(5, 1, TAKE, true),
        |spans| spans.marked(5, 1, TAKE, false),
        |spans| spans.marked(5, 1, GIVE, true),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut file = Counted::new(SPAN);
        let mut spans = locked();
        spans.marked(3, 1, TAKE, true);
        assert!(in_a_row(&file, &mut spans, true));
        file.bytes.fill(0xab);
        change(&mut spans);
        assert!(in_a_row(&file, &mut spans, true), "{number}");
    }
}

#[test]
fn what_a_span_does_not_have_as_a_whole_is_read_by_itself() {
    let mut file = Counted::new(2 * SPAN + 5 * PAGE + 100);
    let mut spans = locked();
    let last = 2 * SPAN + 5 * PAGE;
    for offset in (0..last).step_by(PAGE) {
        file.page(&mut spans, &mut [0; PAGE], offset, false);
    }
    file.bytes.resize(3 * SPAN, 7);
    let reads = file.reads.get();
    assert!(!file.page(&mut spans, &mut [0; PAGE], last, false));
    assert!(!file.page(&mut spans, &mut [0; PAGE], last + PAGE, false));
    assert_eq!(file.reads.get(), reads + 2);
}

#[test]
fn where_reading_ahead_fails_each_page_is_read_by_itself() {
    let mut spans = locked();
    for page in 0..40_u64 {
        let offset = page * PAGE as u64;
        assert!(!spans.serve(&mut [0; PAGE], offset, false, |into, _| {
            into.fill(0xee);
            0
        }));
    }
}

/// Has a page lent that lies in a span; panics where it does not.
fn lend(file: &Counted, spans: &mut Spans, offset: usize) -> *const u8 {
    let read = |into: &mut [u8], begin| file.read(into, begin);
    let page = spans.lend(PAGE, offset as u64, false, read);
    page.unwrap()
}

/// A page that is lent, and what may be read behind it.
fn at(page: *const u8) -> &'static [u8] {
    // SAFETY: a page is not taken back as long as it is looked at.
    unsafe { std::slice::from_raw_parts(page, PAGE + BEHIND) }
}

#[test]
fn a_page_that_is_lent_stays_as_it_is_until_it_is_taken_back() {
    let file = Counted::new(40 * SPAN);
    let mut spans = locked();
    assert!(in_a_row(&file, &mut spans, false));
    let lent = [SPAN - PAGE, PAGE].map(|offset| (offset, lend(&file, &mut spans, offset)));
    let is_whole =
        |(offset, page): (usize, *const u8)| at(page)[..PAGE] == file.bytes[offset..offset + PAGE];
    let changes: [fn(&mut Spans); 2] = [Spans::forget, |spans| spans.locked(SQLITE_LOCK_SHARED)];
    for change in changes {
        // So many that every span that is kept is another one.
        for offset in (SPAN..20 * SPAN).step_by(PAGE) {
            file.page(&mut spans, &mut [0; PAGE], offset, false);
        }
        assert!(lent.into_iter().all(is_whole));
        change(&mut spans);
        assert!(lent.into_iter().all(is_whole));
    }
    assert_eq!(spans.lent.len(), 1);
    spans.take_back(lent[0].1);
    assert!(is_whole(lent[1]));
    spans.take_back(lent[1].1);
    assert!(spans.lent.is_empty());
}

#[test]
fn a_span_whose_pages_were_all_taken_back_is_used_again() {
    let file = Counted::new(40 * SPAN);
    let mut spans = locked();
    assert!(in_a_row(&file, &mut spans, false));
    let places: std::collections::BTreeSet<usize> = (PAGE..40 * SPAN)
        .step_by(PAGE)
        .map(|offset| {
            let page = lend(&file, &mut spans, offset);
            spans.take_back(page);
            page.addr() - offset % SPAN
        })
        .collect();
    assert!(places.len() <= KEPT, "{}", places.len());
    assert!(spans.lent.is_empty());
}

#[test]
fn only_so_many_spans_are_held_by_what_is_lent() {
    let file = Counted::new(100 * SPAN);
    let mut spans = locked();
    let mut pages = Vec::new();
    for offset in (0..100 * SPAN).step_by(PAGE) {
        let read = |into: &mut [u8], begin| file.read(into, begin);
        pages.extend(spans.lend(PAGE, offset as u64, false, read));
    }
    assert_eq!(spans.lent.len(), MOST_LENT);
    // The others are served as before.
    assert!(in_a_row(&file, &mut spans, false));
    for page in pages {
        spans.take_back(page);
    }
    assert!(spans.lent.is_empty());
    lend(&file, &mut spans, PAGE);
}

#[test]
fn a_page_that_is_not_lent_and_read_then_counts_once() {
    let file = Counted::new(10 * SPAN);
    let mut spans = locked();
    let mut alone = 0;
    for offset in (0..RUN as usize * 8 * PAGE).step_by(8 * PAGE) {
        let read = |into: &mut [u8], begin| file.read(into, begin);
        assert_eq!(spans.lend(PAGE, offset as u64, false, read), None);
        alone += usize::from(!file.page(&mut spans, &mut [0; PAGE], offset, false));
    }
    assert_eq!(alone, RUN as usize);
}
