//! What is served from spans is what the file has, under the locks and from one change of them to the next.

use std::cell::Cell;
use std::ffi::c_int;

use rusqlite::ffi::{
    SQLITE_LOCK_NONE, SQLITE_LOCK_SHARED, SQLITE_SHM_EXCLUSIVE, SQLITE_SHM_LOCK, SQLITE_SHM_SHARED,
    SQLITE_SHM_UNLOCK,
};

use super::{SPAN, Spans};

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
