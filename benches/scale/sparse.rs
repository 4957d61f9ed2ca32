//! A database far larger than the room it takes: nearly all of it are overflow pages of 64 KiB that hold nothing but the
//! number of the next, so that of each all blocks but one can be given back to the file system.
//!
//! No two pages are equal, a sixteenth of the size takes room, and notes stand between the rest as in any database. It stands
//! in a file system in memory: the blocks of a file with so many holes are read one by one from a disk, thirty times as
//! slowly as from memory, which no database that is written whole has to do. What is measured is therefore without a
//! disk that is read. Blocks are given back while it grows, so that its whole size is never there.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use rustix::fs::{FallocateFlags, fallocate};

use crate::support::rng::Rng;
use crate::support::text::Words;

/// Bytes that are added before blocks are given back.
const SLICE: u64 = 128 << 20;

/// Notes that come with each slice, of a kilobyte and more.
const NOTES: u64 = 100;

/// What is read at a time to find blocks.
const PIECE: usize = 1 << 20;

/// A block of the file system.
const BLOCK: usize = 4096;

const SCHEMA: &str = "
PRAGMA page_size = 65536;
CREATE TABLE film (id INTEGER PRIMARY KEY, reel BLOB NOT NULL);
CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL);";

/// A file system in memory. A sixteenth of the database has to fit.
const MEMORY: &str = "/dev/shm";

/// The database, alone in its folder; both go when it is dropped.
pub(crate) struct Sparse {
    folder: PathBuf,
    path: PathBuf,
    words: Words,
    /// Up to where blocks were given back.
    dug: u64,
}

impl Sparse {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let name = format!("bench-sparse-{}", std::process::id());
        let folder = Path::new(MEMORY).join(name);
        fs::create_dir_all(&folder).expect("there is a file system in memory");
        let path = folder.join("app.db");
        let database = Connection::open(&path).expect("there is room in memory");
        database.execute_batch(SCHEMA).expect("there is room");
        Self {
            folder,
            path,
            words: Words::new(),
            dug: 0,
        }
    }

    /// The folder that it stands in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds to it until it has so many bytes.
    pub(crate) fn grow(&mut self, bytes: u64) {
        while self.stat().len() + SLICE / 2 < bytes {
            self.add().expect("there is room in memory");
            // Only now that SQLite has closed the file: closing it here would end SQLite's locks.
            self.dig().expect("holes can be made in memory");
        }
        let (all, there) = (self.stat().len(), self.stat().blocks() * 512);
        eprintln!("a database of {all} bytes, which takes {there}");
        assert!(there < all / 8, "the file system keeps blocks of zeros");
    }

    fn stat(&self) -> fs::Metadata {
        fs::metadata(&self.path).expect("it is there")
    }

    /// A slice, and notes.
    fn add(&self) -> rusqlite::Result<()> {
        let mut database = Connection::open(&self.path)?;
        database.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF")?;
        let batch = database.transaction()?;
        let reel = "INSERT INTO film (reel) VALUES (zeroblob(?1))";
        batch.execute(reel, [SLICE.cast_signed()])?;
        let mut rng = Rng::new(self.stat().len());
        for _ in 0..NOTES {
            let text = self.words.text(&mut rng, 1000);
            batch.execute("INSERT INTO note (text) VALUES (?1)", [text])?;
        }
        batch.commit()
    }

    /// Gives back the blocks of zeros that came since the last time.
    fn dig(&mut self) -> std::io::Result<()> {
        let file = File::options().read(true).write(true).open(&self.path)?;
        let len = file.metadata()?.len();
        let mut piece = vec![0; PIECE];
        while self.dug < len {
            let bytes = PIECE.min((len - self.dug) as usize);
            file.read_exact_at(&mut piece[..bytes], self.dug)?;
            for (begin, zeros) in zeros(&piece[..bytes]) {
                let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                fallocate(&file, flags, self.dug + begin, zeros)?;
            }
            self.dug += bytes as u64;
        }
        Ok(())
    }

    /// Writes another text into a note.
    pub(crate) fn edit(&self, seed: u64) {
        let database = Connection::open(&self.path).expect("it opens");
        let text = self.words.text(&mut Rng::new(!seed), 1000);
        let edit = "UPDATE note SET text = ?1 WHERE id = 1 + ?2 % (SELECT max(id) FROM note)";
        let changed = database.execute(edit, params![text, (seed * 7919).cast_signed()]);
        assert_eq!(changed.expect("there is room"), 1, "a note is edited");
    }
}

impl Drop for Sparse {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where blocks of zeros begin that stand side by side, and the bytes of them.
fn zeros(piece: &[u8]) -> Vec<(u64, u64)> {
    let mut found: Vec<(u64, u64)> = Vec::new();
    for (number, block) in (0..).zip(piece.chunks(BLOCK)) {
        if block.iter().any(|byte| *byte != 0) {
            continue;
        }
        let (begin, len) = (number * BLOCK as u64, block.len() as u64);
        match found.last_mut() {
            Some((first, zeros)) if *first + *zeros == begin => *zeros += len,
            _ => found.push((begin, len)),
        }
    }
    found
}
