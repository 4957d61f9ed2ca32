//! A deterministic scheduler: several threads on one disk, of which one runs at a time, and every call to the disk is a
//! place where another may go on. The same seed gives the same run.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::disk::{Disk, Listed, Lock, Map, NewFile, OpenFile};

/// Numbers that a seed gives.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// Whose turn it is.
pub(crate) struct Baton {
    turns: Mutex<Turns>,
    wake: Vec<Condvar>,
}

struct Turns {
    current: usize,
    is_alive: Vec<bool>,
    dice: Dice,
    style: Style,
}

/// How the next one is chosen.
enum Style {
    /// Anybody, at about every so manieth call.
    Random(u64),
    /// The one of the highest rank; a few calls, counted down to, put the one that makes them last.
    Ranked { ranks: Vec<u64>, falls: Vec<u64> },
}

/// Calls of a usual run, for the places at which ranks change.
const CALLS: u64 = 1500;

impl Baton {
    pub(crate) fn new(actors: usize, seed: u64) -> Arc<Self> {
        let mut dice = Dice::new(seed);
        let style = match dice.below(2) {
            0 => Style::Random(1 << dice.below(6)),
            _ => Style::Ranked {
                ranks: (0..actors).map(|_| CALLS + dice.below(1 << 30)).collect(),
                falls: (0..2 + dice.below(6)).map(|_| dice.below(CALLS)).collect(),
            },
        };
        let mut turns = Turns {
            current: 0,
            is_alive: vec![true; actors],
            dice,
            style,
        };
        turns.current = turns.next(None).unwrap();
        Arc::new(Self {
            turns: Mutex::new(turns),
            wake: (0..actors).map(|_| Condvar::new()).collect(),
        })
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap()
    }

    /// Waits for the first turn.
    pub(crate) fn start(&self, me: usize) {
        let turns = self.turns();
        self.wait(me, turns);
    }

    fn wait(&self, me: usize, mut turns: MutexGuard<'_, Turns>) {
        while turns.current != me {
            turns = self.wake[me].wait(turns).unwrap();
        }
    }

    fn hand_to(&self, me: usize, next: usize, mut turns: MutexGuard<'_, Turns>) {
        if next != me {
            turns.current = next;
            self.wake[next].notify_one();
            self.wait(me, turns);
        }
    }

    /// A place where another may go on.
    fn step(&self, me: usize) {
        let mut turns = self.turns();
        let next = turns.step(me);
        self.hand_to(me, next, turns);
    }

    /// Lets others go on; `false` where nobody else is left.
    pub(crate) fn pause(&self, me: usize) -> bool {
        let mut turns = self.turns();
        turns.put_last(me);
        let Some(next) = turns.next(Some(me)) else {
            return false;
        };
        self.hand_to(me, next, turns);
        true
    }

    /// This one has ended.
    pub(crate) fn end(&self, me: usize) {
        let mut turns = self.turns();
        turns.is_alive[me] = false;
        if let Some(next) = turns.next(None) {
            turns.current = next;
            self.wake[next].notify_one();
        }
    }
}

impl Turns {
    fn step(&mut self, me: usize) -> usize {
        let is_change = match &mut self.style {
            Style::Random(odds) => self.dice.below(*odds) == 0,
            Style::Ranked { falls, .. } => {
                let mut falls_now = false;
                for left in falls {
                    *left = left.wrapping_sub(1);
                    falls_now |= *left == 0;
                }
                falls_now
            }
        };
        if !is_change {
            return me;
        }
        self.put_last(me);
        self.next(None).unwrap_or(me)
    }

    fn put_last(&mut self, me: usize) {
        if let Style::Ranked { ranks, .. } = &mut self.style {
            let lowest = ranks.iter().min().copied().unwrap_or(0);
            ranks[me] = lowest.saturating_sub(1);
        }
    }

    /// The one to go on, but for one that will not.
    fn next(&mut self, not: Option<usize>) -> Option<usize> {
        let alive = |who: &usize| self.is_alive[*who] && Some(*who) != not;
        let able: Vec<usize> = (0..self.is_alive.len()).filter(alive).collect();
        match &self.style {
            _ if able.is_empty() => None,
            Style::Random(_) => {
                let which = self.dice.below(able.len() as u64);
                Some(able[which as usize])
            }
            Style::Ranked { ranks, .. } => able.into_iter().max_by_key(|who| ranks[*who]),
        }
    }
}

/// The disk as one of the actors has it, who dies after some calls if it is to.
#[derive(Clone)]
pub(crate) struct Turned {
    disk: SimDisk,
    below: &'static str,
    baton: Arc<Baton>,
    me: usize,
    left: Arc<AtomicU64>,
}

impl Turned {
    pub(crate) fn new(disk: &SimDisk, baton: &Arc<Baton>, me: usize, calls: u64) -> Self {
        Self {
            disk: disk.clone(),
            below: "",
            baton: baton.clone(),
            me,
            left: Arc::new(AtomicU64::new(calls)),
        }
    }

    pub(crate) fn below(&self, folder: &'static str) -> Self {
        Self {
            below: folder,
            ..self.clone()
        }
    }

    /// Whether its time is over.
    pub(crate) fn is_dead(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    fn path(&self, path: &str) -> String {
        match (self.below, path) {
            ("", path) => path.to_owned(),
            (below, "") => below.to_owned(),
            (below, path) => format!("{below}/{path}"),
        }
    }

    fn turn(&self) -> io::Result<()> {
        let left = |left: u64| left.checked_sub(1);
        let order = Ordering::Relaxed;
        if self.left.fetch_update(order, order, left).is_err() {
            return Err(io::Error::other("dead"));
        }
        self.baton.step(self.me);
        Ok(())
    }

    fn file<T>(&self, file: T) -> TurnedFile<T> {
        TurnedFile {
            file,
            disk: self.clone(),
        }
    }
}

struct TurnedFile<T> {
    file: T,
    disk: Turned,
}

impl Disk for Turned {
    fn create_new(&self, path: &str) -> io::Result<Box<dyn NewFile>> {
        self.turn()?;
        Ok(Box::new(self.file(self.disk.create_new(&self.path(path))?)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn OpenFile>> {
        self.turn()?;
        Ok(Box::new(self.file(self.disk.open(&self.path(path))?)))
    }

    fn map(&self, path: &str) -> io::Result<Box<dyn Map>> {
        self.turn()?;
        self.disk.map(&self.path(path))
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.rename_new(&self.path(from), &self.path(to))
    }

    fn move_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.move_file(&self.path(from), &self.path(to))
    }

    fn replace_file(&self, from: &str, to: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.replace_file(&self.path(from), &self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.remove(&self.path(path))
    }

    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.create_dir(&self.path(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Listed>> {
        self.turn()?;
        self.disk.list(&self.path(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.turn()?;
        self.disk.sync_dir(&self.path(dir))
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.turn()?;
        self.disk.try_lock(&self.path(path))
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        self.disk.free_bytes()
    }

    fn locate(&self, path: &str) -> PathBuf {
        self.disk.locate(&self.path(path))
    }
}

impl NewFile for TurnedFile<Box<dyn NewFile>> {
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.turn()?;
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.turn()?;
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        self.disk.turn()?;
        self.file.try_lock()
    }
}

impl OpenFile for TurnedFile<Box<dyn OpenFile>> {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.turn()?;
        self.file.read_exact_at(buf, offset)
    }
}
