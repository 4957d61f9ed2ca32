//! The parts of the work, each measured by itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use rusqlite::Connection;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use rustix::time::{ClockId, clock_gettime};
use zstd::bulk::{Compressor, Decompressor};

use crate::disk;
use crate::plain::{Plain, files, on_all, processors};
use crate::steps::Data;
use crate::support::measure::{median, settle};
use crate::support::{Ask, Scratch};

/// lifeboat's level of zstd.
const LEVEL: i32 = 3;

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stat,
    Read,
    Cold,
    Hash,
    Compress,
    Compare,
    Check,
    Store,
    Load,
    Record,
    Create,
    Sync,
}

impl Kind {
    /// What it is, in words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stat => "statx of each file",
            Self::Read => "open, read, close each file",
            Self::Cold => "the same, none of the bytes cached",
            Self::Hash => "BLAKE3",
            Self::Compress => "zstd",
            Self::Compare => "decompress and compare",
            Self::Check => "quick_check",
            Self::Store => "write and sync what zstd made",
            Self::Load => "read that again",
            Self::Record => "a small file, synced with its folder",
            Self::Create => "create, write, close, rename each file",
            Self::Sync => "one sync of those",
        }
    }

    /// Whether it waits for the disk.
    const fn is_disk(self) -> bool {
        matches!(self, Self::Cold | Self::Store | Self::Record | Self::Sync)
    }
}

/// What a piece of work took.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    /// Bytes that it handled, where these tell its speed.
    pub(crate) bytes: Option<u64>,
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

impl Part {
    /// Seconds that it takes at least.
    pub(crate) fn needs(&self) -> f64 {
        match self.kind.is_disk() {
            true => self.wall,
            false => self.cpu / processors() as f64,
        }
    }

    /// Whether these are the disk's.
    pub(crate) const fn is_disk(&self) -> bool {
        self.kind.is_disk()
    }
}

/// All parts of a set of data.
pub(crate) fn measure(ask: &Ask, data: &Data, source: &Path, scratch: &Scratch) -> Vec<Part> {
    let paths = files(source);
    let plain = Plain::of(&paths);
    let mut meter = Meter {
        ask,
        parts: Vec::new(),
    };
    meter.add(Kind::Stat, None, || look(&paths));
    meter.add(Kind::Read, Some(plain.len()), || read(&paths));
    settle();
    let forget = || paths.iter().for_each(|path| disk::forget(path));
    meter.after(Kind::Cold, Some(plain.len()), forget, || read(&paths));
    meter.add(Kind::Hash, Some(plain.len()), || hash(&plain));
    meter.add(Kind::Compress, Some(plain.len()), || drop(compress(&plain)));
    let frames = compress(&plain);
    meter.add(Kind::Compare, Some(plain.len()), || {
        compare(&plain, &frames)
    });
    if let Some(name) = data.database {
        meter.add(Kind::Check, Some(plain.len()), || check(&source.join(name)));
    }
    disk::measure(&mut meter, &plain, &frames, &paths, scratch);
    meter.parts
}

/// Measures one part after the other.
pub(crate) struct Meter<'a> {
    ask: &'a Ask,
    parts: Vec<Part>,
}

impl Meter<'_> {
    /// Medians of doing it as often as asked.
    pub(crate) fn add(&mut self, kind: Kind, bytes: Option<u64>, work: impl FnMut()) {
        self.after(kind, bytes, || {}, work);
    }

    /// The same, each time after something that is not measured.
    pub(crate) fn after(
        &mut self,
        kind: Kind,
        bytes: Option<u64>,
        mut before: impl FnMut(),
        mut work: impl FnMut(),
    ) {
        let taken = (0..self.ask.runs).map(|_| {
            before();
            let (began, cpu) = (Instant::now(), own_cpu());
            work();
            (began.elapsed().as_secs_f64(), own_cpu() - cpu)
        });
        let taken: Vec<(f64, f64)> = taken.collect();
        eprintln!("  {}", kind.name());
        self.parts.push(Part {
            kind,
            bytes,
            wall: median(taken.iter().map(|(wall, _)| *wall)),
            cpu: median(taken.iter().map(|(_, cpu)| *cpu)),
        });
    }
}

/// Seconds of processors that this process has taken.
fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn look(paths: &[PathBuf]) {
    on_all(
        paths.len(),
        || (),
        |(), number| {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let stat = statx(CWD, &paths[number], flags, StatxFlags::BASIC_STATS);
            stat.expect("the source is there");
        },
    );
}

fn read(paths: &[PathBuf]) {
    on_all(
        paths.len(),
        || vec![0; 1 << 20],
        |buffer, number| {
            let mut file = File::open(&paths[number]).expect("the source is there");
            while file.read(buffer).expect("the source can be read") > 0 {}
        },
    );
}

fn hash(plain: &Plain) {
    on_all(
        plain.pieces(),
        || (),
        |(), number| {
            std::hint::black_box(blake3::hash(plain.piece(number)));
        },
    );
}

/// Each piece by itself.
fn compress(plain: &Plain) -> Vec<Vec<u8>> {
    let frames: Vec<Mutex<Vec<u8>>> = (0..plain.pieces()).map(|_| Mutex::default()).collect();
    on_all(
        plain.pieces(),
        || Compressor::new(LEVEL).expect("there is memory"),
        |zstd, number| {
            let frame = zstd.compress(plain.piece(number)).expect("it compresses");
            *frames[number].lock().expect("nobody panicked") = frame;
        },
    );
    let frames = frames.into_iter();
    frames
        .map(|frame| frame.into_inner().expect("nobody panicked"))
        .collect()
}

fn compare(plain: &Plain, frames: &[Vec<u8>]) {
    on_all(
        plain.pieces(),
        || Decompressor::new().expect("there is memory"),
        |zstd, number| {
            let piece = plain.piece(number);
            let back = zstd.decompress(&frames[number], piece.len());
            assert!(back.expect("it decompresses") == piece, "it is the same");
        },
    );
}

fn check(database: &Path) {
    let connection = Connection::open(database).expect("it opens");
    let said: String = connection
        .query_row("PRAGMA quick_check", [], |row| row.get(0))
        .expect("it can be checked");
    assert_eq!(said, "ok");
}
