//! The shop: a folder with two books, one in WAL mode and one in rollback-journal mode, and a process for each that commits
//! all the time.
//!
//! The writers are this program once more, since a writer in the same process would share locks. Each notes the number of
//! its last commit outside of the folder, after SQLite has said that it is committed.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::books;

/// Tells this program that it is a writer, and how many milliseconds it rests after each commit.
const REST: &str = "LIFEBOAT_BENCH_TORN_REST";

/// The two books: the name of the file, and its journal mode.
pub(crate) const BOOKS: [(&str, &str); 2] = [("wal.db", "wal"), ("rollback.db", "delete")];

/// A folder under two writers.
pub(crate) struct Shop {
    /// What is backed up.
    pub(crate) folder: PathBuf,
    notes: [File; 2],
    writers: [Child; 2],
}

impl Shop {
    /// Opens in this folder; `rest` is the pause after each commit.
    pub(crate) fn open(folder: PathBuf, rest: Duration) -> Self {
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let start = |(name, journal): (&str, &str)| {
            let path = folder.join(name);
            books::create(&path, journal).expect("books can be made");
            start_writer(&path, &note_of(&folder, name), rest)
        };
        let writers = BOOKS.map(start);
        let notes = BOOKS.map(|(name, _)| open_note(&note_of(&folder, name)));
        let mut shop = Self {
            folder,
            notes,
            writers,
        };
        shop.wait_for([5; 2]);
        shop
    }

    /// The last commit of each book that was acknowledged.
    pub(crate) fn acknowledged(&self) -> [u64; 2] {
        self.notes.each_ref().map(|note| {
            let mut bytes = [0; 8];
            match note.read_exact_at(&mut bytes, 0) {
                Ok(()) => u64::from_le_bytes(bytes),
                Err(_) => 0,
            }
        })
    }

    /// Waits until so many commits were acknowledged.
    pub(crate) fn wait_for(&mut self, commits: [u64; 2]) {
        loop {
            let now = self.acknowledged();
            if now.iter().zip(commits).all(|(now, least)| *now >= least) {
                return;
            }
            for writer in &mut self.writers {
                let ended = writer.try_wait().expect("a child can be asked");
                assert!(ended.is_none(), "a writer ended: {ended:?}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets the writers finish, and gives what they committed.
    pub(crate) fn close(mut self) -> [u64; 2] {
        for writer in &mut self.writers {
            drop(writer.stdin.take());
            let ended = writer.wait().expect("a child can be waited for");
            assert!(ended.success(), "a writer failed: {ended}");
        }
        self.acknowledged()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for writer in &mut self.writers {
            let _ = writer.kill();
            let _ = writer.wait();
        }
    }
}

fn note_of(folder: &Path, name: &str) -> PathBuf {
    folder.with_file_name(format!("{name}.acknowledged"))
}

fn open_note(path: &Path) -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .expect("the note can be opened")
}

fn start_writer(database: &Path, note: &Path, rest: Duration) -> Child {
    Command::new(std::env::current_exe().expect("this program has a path"))
        .args([database, note])
        .env(REST, rest.as_millis().to_string())
        .stdin(Stdio::piped())
        .spawn()
        .expect("this program can start itself")
}

/// Whether this process is a writer.
pub(crate) fn is_writer() -> bool {
    std::env::var_os(REST).is_some()
}

/// A writer: commits until whoever started it closes its input, or has died.
pub(crate) fn write() {
    let given: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let rest = std::env::var(REST).ok().and_then(|rest| rest.parse().ok());
    let rest = Duration::from_millis(rest.unwrap_or_default());
    let end = std::thread::spawn(|| std::io::stdin().read(&mut [0]));
    let connection = books::open(&given[0]).expect("the books can be opened");
    let note = open_note(&given[1]);
    while !end.is_finished() {
        let n = books::commit(&connection).expect("a commit succeeds");
        note.write_all_at(&n.to_le_bytes(), 0)
            .expect("the note can be written");
        std::thread::sleep(rest);
    }
}
