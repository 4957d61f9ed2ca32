//! Who has the files open that are to be replaced.
//!
//! A program that keeps a file open goes on with the old one after another took its name, and everything that it writes is
//! lost. Open files are found under `/proc`, as far as this user may look there; and the locks that SQLite takes on a
//! database are seen whoever holds them. Neither look opens the file: closing it again would drop the locks of an
//! embedding program (F-34).

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

use super::error::InPlaceError;
use crate::error::Result;
use crate::sqlite;

/// Where SQLite locks a database, and how many bytes: one pending, one reserved, 510 shared.
const LOCKS: (u64, u64) = (0x4000_0000, 512);

/// Where SQLite locks a `-shm`.
const SHM_LOCKS: (u64, u64) = (120, 9);

/// A program that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its number; `None` where only its lock is seen.
    pub pid: Option<u32>,
    /// Its name; empty where it is not known.
    pub program: String,
    /// What it holds.
    pub path: PathBuf,
}

/// A file that is to be replaced or taken away.
pub(crate) struct Wanted {
    pub(crate) path: PathBuf,
    pub(crate) is_database: bool,
}

/// Those that hold a database open or locked, or another file open for writing.
pub(crate) fn find(wanted: &[Wanted]) -> Vec<Holder> {
    let mut inodes = HashMap::new();
    for file in wanted {
        let side_files = sqlite::side_files(&file.path).into_iter();
        let side_files = side_files.filter(|_| file.is_database);
        for path in std::iter::once(file.path.clone()).chain(side_files) {
            if let Ok(stat) = path.symlink_metadata()
                && stat.is_file()
            {
                inodes.insert((stat.dev(), stat.ino()), file);
            }
        }
    }
    let mut holders = open_files(&inodes);
    for file in wanted.iter().filter(|file| file.is_database) {
        let is_known = holders.iter().any(|holder| holder.path == file.path);
        if !is_known && let Some(holder) = lock_holder(&file.path) {
            holders.push(holder);
        }
    }
    holders.sort_by(|a, b| (&a.path, a.pid).cmp(&(&b.path, b.pid)));
    holders.dedup();
    holders
}

/// That nobody holds any of these.
///
/// # Errors
/// [`InPlaceError::InUse`] with all that do.
pub(super) fn check(wanted: &[Wanted]) -> Result<()> {
    let holders = find(wanted);
    match holders.first() {
        None => Ok(()),
        Some(first) => Err(InPlaceError::InUse {
            path: first.path.clone(),
            holders,
        }
        .into()),
    }
}

type Inodes<'a> = HashMap<(u64, u64), &'a Wanted>;

fn open_files(inodes: &Inodes<'_>) -> Vec<Holder> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let mut holders = Vec::new();
    for pid in processes.filter_map(number) {
        let mut held = files_of(pid, inodes);
        if pid == std::process::id() {
            // Its own looks at databases stay open; what is open beyond that is the embedding program's.
            held.retain(|(inode, files)| *files > sqlite::kept_open(*inode));
        }
        holders.extend(held.into_iter().filter_map(|(inode, _)| {
            Some(Holder {
                pid: Some(pid),
                program: program(pid),
                path: inodes.get(&inode)?.path.clone(),
            })
        }));
    }
    holders
}

/// Which of the files a process has open, and how many times.
fn files_of(pid: u32, inodes: &Inodes<'_>) -> Vec<((u64, u64), usize)> {
    let folder = format!("/proc/{pid}/fd");
    let mut held: HashMap<(u64, u64), usize> = HashMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // Looks through the descriptor and opens nothing.
        let Ok(stat) = fs::metadata(entry.path()) else {
            continue;
        };
        let inode = (stat.dev(), stat.ino());
        let Some(file) = inodes.get(&inode) else {
            continue;
        };
        if file.is_database || is_for_writing(pid, &entry) {
            *held.entry(inode).or_default() += 1;
        }
    }
    held.into_iter().collect()
}

/// Whether a descriptor is open for writing; one of which that cannot be found out is.
fn is_for_writing(pid: u32, entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let about = format!("/proc/{pid}/fdinfo/{}", name.display());
    let Ok(about) = fs::read_to_string(about) else {
        return true;
    };
    let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_none_or(|flags| flags & 3 != 0)
}

fn program(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

/// Whoever holds one of SQLite's locks on the database, or on its `-shm`.
fn lock_holder(path: &Path) -> Option<Holder> {
    let [_, shm, _] = sqlite::side_files(path);
    let looks = [(path, LOCKS), (&shm, SHM_LOCKS)];
    let lock = looks.into_iter().find_map(|(file, range)| {
        let file = sqlite::kept_descriptor(file).ok()?;
        let wanted = Flock {
            start: range.0,
            length: range.1,
            pid: None,
            typ: FlockType::WriteLock,
            offset_type: FlockOffsetType::Set,
        };
        fcntl_getlk(&*file, &wanted).ok().flatten()
    })?;
    let pid = lock
        .pid
        .and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    Some(Holder {
        pid,
        program: pid.map(program).unwrap_or_default(),
        path: path.to_owned(),
    })
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.pid, self.program.as_str()) {
            (None, _) => f.write_str("a program that cannot be seen from here"),
            (Some(pid), "") => write!(f, "process {pid}"),
            (Some(pid), program) => write!(f, "{program} (process {pid})"),
        }
    }
}
