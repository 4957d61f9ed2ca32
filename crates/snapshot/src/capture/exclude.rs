//! What is left out of a backup: patterns in gitignore's syntax, given by the caller or written in `.lifeboatignore` files in
//! the folders themselves; caches, other file systems; and the repository itself.
//!
//! The syntax is gitignore's to the letter, which the crate `ignore` knows and people do: no dialect of our own. What the
//! caller says counts more than what a file in the source says, and a file further down more than one further up.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::OFlags;

use crate::error::{Result, SnapshotError};

/// A file of patterns that holds for the folder it is in and everything below.
pub(crate) const IGNORE: &[u8] = b".lifeboatignore";

/// A longer file of patterns is not in force, nor a part of it: a pattern that is cut means another. Each byte of some takes
/// kilobytes of memory, and whoever writes into a source may write such a file.
pub(crate) const IGNORE_MAX: u64 = 32 << 10;

/// The file that marks a folder as a cache, and how it begins: <https://bford.info/cachedir/>.
pub(crate) const CACHE_TAG: &[u8] = b"CACHEDIR.TAG";
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Most bytes of a pattern.
const MAX_PATTERN: usize = 1024;

/// What is left out of backups, besides what patterns of the caller and the repository's own place say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExcludeRules {
    /// Heed files called `.lifeboatignore` in the sources.
    pub ignore_files: bool,
    /// Leave out what is in folders that are marked as caches (`CACHEDIR.TAG`).
    pub caches: bool,
    /// Leave out files of more bytes than this; databases are never too large.
    pub larger_than: Option<u64>,
    /// Leave out what is on another file system than its source.
    pub one_file_system: bool,
}

/// Decides for the paths of one source.
pub(crate) struct Excludes {
    root: PathBuf,
    patterns: Gitignore,
    /// Folders that are left out whatever the patterns say.
    folders: Vec<PathBuf>,
    rules: ExcludeRules,
    /// The file system that must not be left.
    device: Option<u64>,
}

impl Excludes {
    /// Patterns relative to the source's root; `folders` are absolute and canonical. Of the rules only files of patterns are
    /// in force.
    pub(crate) fn new(root: &Path, patterns: &[String], folders: Vec<PathBuf>) -> Result<Self> {
        let mut builder = GitignoreBuilder::new(root);
        for pattern in patterns {
            let bad = |error: ignore::Error| SnapshotError::BadPattern {
                pattern: pattern.clone(),
                reason: error.to_string(),
            };
            if pattern.len() > MAX_PATTERN {
                return Err(SnapshotError::BadPattern {
                    pattern: pattern.chars().take(64).collect(),
                    reason: format!("it is longer than {MAX_PATTERN} bytes"),
                });
            }
            builder.add_line(None, pattern).map_err(bad)?;
        }
        let bad = |error: ignore::Error| SnapshotError::BadPattern {
            pattern: patterns.join(", "),
            reason: error.to_string(),
        };
        Ok(Self {
            root: root.to_owned(),
            patterns: builder.build().map_err(bad)?,
            folders,
            rules: ExcludeRules {
                ignore_files: true,
                ..ExcludeRules::default()
            },
            device: None,
        })
    }

    /// With these rules and no others; `stat` is the root's.
    pub(crate) fn with_rules(self, rules: ExcludeRules, stat: &Metadata) -> Self {
        Self {
            rules,
            device: rules.one_file_system.then(|| stat.dev()),
            ..self
        }
    }

    /// Whether files of patterns in the source are heeded.
    pub(crate) fn heeds_files(&self) -> bool {
        self.rules.ignore_files
    }

    /// Whether it has more bytes than are wanted of a file that is no database.
    pub(crate) fn is_large(&self, stat: &Metadata) -> bool {
        let most = self.rules.larger_than;
        stat.is_file() && most.is_some_and(|most| stat.len() > most)
    }

    /// The source's path.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the caller asked to leave this out.
    pub(crate) fn by_pattern(&self, path: &Path, is_dir: bool) -> bool {
        self.by_patterns(std::iter::empty(), path, is_dir)
    }

    /// Whether anybody asked to: the caller, or else the nearest of the files above it, which are given from the root on.
    pub(crate) fn by_patterns<'f>(
        &'f self,
        files: impl DoubleEndedIterator<Item = &'f Gitignore>,
        path: &Path,
        is_dir: bool,
    ) -> bool {
        std::iter::once(&self.patterns)
            .chain(files.rev())
            .map(|patterns| patterns.matched(path, is_dir))
            .find(|found| !found.is_none())
            .is_some_and(|found| found.is_ignore())
    }

    /// Whether it is a folder that a backup must not hold: its own repository, its zips, or what a restore in place has
    /// laid ready.
    pub(crate) fn is_own(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| folder == path) || crate::inplace::is_stage(path)
    }

    /// Whether it is on a file system that was not asked for.
    pub(crate) fn is_elsewhere(&self, stat: &Metadata) -> bool {
        self.device.is_some_and(|device| device != stat.dev())
    }

    /// Whether a folder with a file of the tag's name is a cache, and caches are left out.
    pub(crate) fn is_cache(&self, folder: &Path) -> bool {
        self.rules.caches && begins(&folder.join(OsStr::from_bytes(CACHE_TAG)), CACHE_SIGNATURE)
    }
}

/// The patterns of a folder's file, and words for what is not understood in it.
pub(crate) fn read_patterns(folder: &Path) -> (Option<Gitignore>, Option<String>) {
    let path = folder.join(OsStr::from_bytes(IGNORE));
    let mut text = String::new();
    let read = open(&path).and_then(|file| {
        let len = file.take(IGNORE_MAX + 1).read_to_string(&mut text)?;
        match len as u64 > IGNORE_MAX {
            true => Err(std::io::Error::other("the file is too long")),
            false => Ok(()),
        }
    });
    if let Err(error) = read {
        let words = lifeboat_store::words::system_words(&error);
        return (
            None,
            Some(format!("its patterns are not in force: {words}")),
        );
    }
    patterns(folder, &text)
}

/// The patterns that a file with this text says of this folder, and words for what is not understood in it.
pub(crate) fn patterns(folder: &Path, text: &str) -> (Option<Gitignore>, Option<String>) {
    let mut builder = GitignoreBuilder::new(folder);
    let mut problem = None;
    for line in text.lines() {
        if line.len() > MAX_PATTERN {
            problem = Some(format!("a line of it has more than {MAX_PATTERN} bytes"));
            continue;
        }
        if let Err(error) = builder.add_line(None, line) {
            problem = Some(format!("a line of it is not in force: {error}"));
        }
    }
    match builder.build() {
        Ok(patterns) => (Some(patterns), problem),
        Err(error) => (
            None,
            Some(format!("its patterns are not in force: {error}")),
        ),
    }
}

/// Opens a regular file and nothing else; no link is followed and nothing waited for.
fn open(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::other("it is no regular file")),
    }
}

fn begins(path: &Path, with: &[u8]) -> bool {
    let mut head = Vec::new();
    let read = open(path).and_then(|file| file.take(with.len() as u64).read_to_end(&mut head));
    read.is_ok() && head == with
}
