//! How much of a mapped segment stays in this process's memory.
//!
//! Pages of a mapped file count as the process's own until the system needs them for something else, and a pass over an
//! index of gigabytes would touch every one. So it is noted which parts were read, and once they are [`MOST`] they are let
//! go. The system keeps them in its cache as long as it has room: reading them again then costs a page fault.
//!
//! Lookups in no order would have windows mapped and let go of all the time, and mapping one takes longer than copying a block:
//! those are told to copy what they need.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::disk::Map;

/// Most that Linux maps at once around a byte that is read, as far as it has it in its cache: what one page table tells. How
/// much it is depends on the machine and on how the file came into the cache.
const WINDOW: usize = 2 << 20;

/// Windows that stay: 16 MiB.
const MOST: u32 = 8;

/// Lookups at most so many bytes apart count as in order: two blocks.
const NEAR: usize = 8 << 10;

/// The windows of a segment that were read since the last ones were let go.
pub(super) struct Resident {
    /// Bytes of the first window that are not the segment's: windows begin at round addresses.
    before: usize,
    windows: usize,
    read: Vec<AtomicU64>,
    count: AtomicU32,
    /// Where the last lookup was, kept apart by window (modulo [`MOST`]): several threads may each go in order.
    last: [AtomicUsize; MOST as usize],
}

impl Resident {
    /// Nothing is read yet.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let before = bytes.as_ptr().addr() % WINDOW;
        let windows = (before + bytes.len()).div_ceil(WINDOW);
        Self {
            before,
            windows,
            last: [const { AtomicUsize::new(usize::MAX) }; MOST as usize],
            read: (0..windows.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
            count: AtomicU32::new(0),
        }
    }

    /// Whether a lookup at this place is to read the map rather than copy: all of the segment may stay, or the lookup before was
    /// beside it. Notes the place for the next one.
    pub(super) fn is_near(&self, at: usize) -> bool {
        if self.windows <= MOST as usize {
            return true;
        }
        let last = self.last.get(self.window_of(at) % MOST as usize);
        last.is_some_and(|last| last.swap(at, Ordering::Relaxed).abs_diff(at) <= NEAR)
    }

    fn window_of(&self, at: usize) -> usize {
        (self.before + at) / WINDOW
    }

    fn is_read(&self, window: usize) -> bool {
        let word = self.read.get(window / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (window % 64) != 0)
    }

    /// Notes that bytes at this place are about to be read.
    pub(super) fn touch(&self, map: &dyn Map, at: usize) {
        let window = self.window_of(at);
        let Some(word) = self.read.get(window / 64) else {
            return;
        };
        if self.is_read(window) {
            return;
        }
        if self.count.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.count.store(1, Ordering::Relaxed);
            self.let_go(map);
        }
        // Only now: what is about to be read is to be let go of the next time.
        word.fetch_or(1 << (window % 64), Ordering::Relaxed);
    }

    /// Lets go of what was read. Another thread may be reading there: then it comes back.
    fn let_go(&self, map: &dyn Map) {
        let mut run: Option<(usize, usize)> = None;
        for (number, word) in self.read.iter().enumerate() {
            let mut bits = word.load(Ordering::Relaxed);
            if bits != 0 {
                bits = word.swap(0, Ordering::Relaxed);
            }
            while bits != 0 {
                let window = number * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                run = match run {
                    Some((first, end)) if end == window => Some((first, window + 1)),
                    _ => {
                        self.let_windows_go(map, run);
                        Some((window, window + 1))
                    }
                };
            }
        }
        self.let_windows_go(map, run);
    }

    fn let_windows_go(&self, map: &dyn Map, run: Option<(usize, usize)>) {
        if let Some((first, end)) = run {
            let at = |window: usize| (window * WINDOW).saturating_sub(self.before);
            map.let_go(at(first)..at(end).min(map.as_ref().len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Mutex;

    use super::*;

    /// Windows of a segment.
    const WINDOWS: usize = 4 * MOST as usize;

    /// Bytes that tell what was let go of.
    struct Told(Vec<u8>, Mutex<Vec<Range<usize>>>);

    impl AsRef<[u8]> for Told {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Map for Told {
        fn let_go(&self, range: Range<usize>) {
            self.1.lock().unwrap().push(range);
        }
    }

    fn read(windows: impl IntoIterator<Item = usize>) -> (Told, Resident) {
        let told = Told(vec![0; WINDOWS * WINDOW], Mutex::default());
        let resident = Resident::new(&told.0);
        for window in windows {
            // In whichever part of the first window the segment begins.
            let at = (window * WINDOW).max(resident.before) - resident.before;
            resident.touch(&told, at);
            resident.touch(&told, at);
        }
        (told, resident)
    }

    #[test]
    fn what_is_read_stays_up_to_the_limit() {
        let (told, _) = read(0..MOST as usize);
        assert_eq!(*told.1.lock().unwrap(), []);
    }

    #[test]
    fn a_pass_over_everything_is_let_go_in_runs_that_leave_nothing_out() {
        let (told, resident) = read(0..WINDOWS);
        let runs = told.1.lock().unwrap().clone();
        assert_eq!(runs.len(), (WINDOWS - 1) / MOST as usize);
        assert_eq!(runs[0].start, 0);
        for (one, next) in runs.iter().zip(&runs[1..]) {
            assert_eq!(one.end, next.start);
            assert_eq!(
                one.len() + if one.start == 0 { resident.before } else { 0 },
                MOST as usize * WINDOW
            );
        }
    }

    #[test]
    fn lookups_in_no_order_are_told_to_copy_and_those_in_order_are_not() {
        let told = Told(vec![0; WINDOWS * WINDOW], Mutex::default());
        let resident = Resident::new(&told.0);
        let middle = |window: usize| window * WINDOW + WINDOW / 2;
        let there = (0..WINDOWS).map(middle);
        for at in there.chain((0..WINDOWS).rev().map(|window| middle(window) + 2 * NEAR)) {
            assert!(!resident.is_near(at), "{at}");
        }
        resident.touch(&told, middle(0));
        assert!(!resident.is_near(middle(0)), "it is read");
        // Two at once, each in order.
        for step in 1..100 {
            let begin = [middle(0), middle(MOST as usize / 2)];
            let [one, other] = begin.map(|begin| resident.is_near(begin + step * NEAR / 4));
            assert!(one && (other || step == 1), "{step}");
        }
    }

    #[test]
    fn a_segment_that_may_stay_is_never_copied() {
        let told = Told(vec![0; (MOST as usize - 1) * WINDOW], Mutex::default());
        let resident = Resident::new(&told.0);
        let mut places = (0..told.0.len()).step_by(WINDOW);
        assert!(places.all(|at| resident.is_near(at)));
    }

    #[test]
    fn single_places_are_let_go_each_for_itself() {
        let (told, resident) = read((0..=MOST as usize).map(|number| number * 3));
        let runs = told.1.lock().unwrap();
        assert_eq!(runs.len(), MOST as usize);
        assert_eq!(runs[1].start, 3 * WINDOW - resident.before);
        assert_eq!(runs[1].len(), WINDOW);
    }
}
