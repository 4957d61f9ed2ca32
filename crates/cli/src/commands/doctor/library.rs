//! Which SQLite a running program uses: the version that stands in the library it has loaded.
//!
//! Versions before 3.51.3 can damage a database in WAL mode when two connections write and checkpoint at the same instant
//! (sqlite.org/wal.html#walresetbug). A library that is linked into a program cannot be told from outside.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::OFlags;

/// The first version without the bug.
pub(super) const GOOD: Version = Version([3, 51, 3]);

/// A library has about two megabytes; no more is read of what calls itself one.
const MOST: u64 = 32 << 20;

/// A version of SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version([u32; 3]);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// What is known of the SQLite of a program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Loaded {
    /// It has loaded this one.
    Version(Version),
    /// Another user's, as far as the system tells.
    Hidden,
    /// No library is loaded, so it is linked in; or the library says no version.
    Unknown,
}

/// The SQLite of a process.
pub(super) fn of(pid: u32) -> Loaded {
    let Ok(maps) = std::fs::read_to_string(format!("/proc/{pid}/maps")) else {
        return Loaded::Hidden;
    };
    if maps.is_empty() {
        return Loaded::Hidden;
    }
    let is_library = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.contains("sqlite3") && name.contains(".so")
    };
    let paths = maps.lines().filter_map(path_in);
    let mut versions: Vec<Version> = paths
        .filter(is_library)
        .filter_map(|path| version_in(pid, path))
        .collect();
    versions.sort_unstable();
    let oldest = versions.first().copied();
    oldest.map_or(Loaded::Unknown, Loaded::Version)
}

/// The path in a line of the map, which begins where the first slash is.
fn path_in(line: &str) -> Option<&str> {
    line.find('/').and_then(|at| line.get(at..))
}

/// As the process itself sees the path: it may be in a container.
fn version_in(pid: u32, path: &str) -> Option<Version> {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let seen = PathBuf::from(format!("/proc/{pid}/root{path}"));
    let mut bytes = Vec::new();
    // Whatever another user's process calls so: a pipe must not hold us up.
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(seen)
        .ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    version_of(&bytes)
}

/// A text between two zeros such as `3.46.1`. The newest is meant where there are more: SQLite knows some older ones by name.
fn version_of(bytes: &[u8]) -> Option<Version> {
    let texts = bytes.split(|byte| *byte == 0);
    let short = texts.filter(|text| (5..=9).contains(&text.len()) && text.starts_with(b"3."));
    short.filter_map(parse).max()
}

fn parse(text: &[u8]) -> Option<Version> {
    let text = std::str::from_utf8(text).ok()?;
    let mut parts = text.split('.').map(|part| match part.as_bytes() {
        [b'0'..=b'9', ..] => part.parse::<u32>().ok(),
        _ => None,
    });
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(Version(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_between_zeros() {
        let bytes =
            b"x3.1.1\0SQLite format 3\x003.46.1\x002024-08-13 09:16:08\x003.7.16\x003.x.1\0";
        assert_eq!(version_of(bytes), Some(Version([3, 46, 1])));
        assert_eq!(version_of(b"3.46.1.2\x003.+4.1\0"), None);
        assert!(Version([3, 46, 1]) < GOOD && Version([3, 51, 10]) > GOOD);
    }

    #[test]
    fn what_runs_without_a_library_tells_nothing() {
        // The tests have SQLite linked in.
        assert_eq!(of(std::process::id()), Loaded::Unknown);
    }
}
