//! One archive, a zip or a folder, from the outside: what it says of itself, what it holds, and whether the two agree.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::described::{Described, most_bytes, too_long};
use super::scratch::Scratch;
use super::{refused, unpack};
use crate::error::{IoContext, Result, SnapshotError};
use crate::export::MANIFEST_NAME;
use crate::monitor::Monitor;
use crate::path::of_bytes;
use crate::zip::{BadZip, EntryKind, Limits, ZipEntry, ZipReader};

/// What the databases are called to which an archive's numbers can belong.
const DATABASE_ENDINGS: [&[u8]; 3] = [b".db", b".sqlite", b".sqlite3"];

/// An archive that can be read.
pub(super) enum Archive {
    /// A zip.
    Zip(PathBuf, Box<ZipReader<File>>),
    /// A folder, which is read where it is.
    Folder(PathBuf),
}

/// Where an archive's files are read.
pub(super) struct Unpacked {
    pub(super) folder: PathBuf,
    /// The files and links that were unpacked to there.
    pub(super) files: Vec<PathBuf>,
}

impl Archive {
    /// Looks at what is at the path.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let stat = std::fs::metadata(path).context("look at", path)?;
        if stat.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        if !stat.is_file() {
            return Err(refused(path, "it is neither a file nor a folder"));
        }
        let file = File::open(path).context("open", path)?;
        let zip = ZipReader::open(file, &Limits::default()).map_err(|bad| bad_zip(path, bad))?;
        Ok(Self::Zip(path.to_owned(), Box::new(zip)))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Zip(path, _) | Self::Folder(path) => path,
        }
    }

    /// What it says of itself.
    pub(super) fn described(&self) -> Result<Described> {
        let lacking = || refused(self.path(), format!("it has no {MANIFEST_NAME}"));
        match self {
            Self::Zip(path, zip) => {
                let entry = zip.find(MANIFEST_NAME.as_bytes()).ok_or_else(lacking)?;
                let most = most_bytes(zip.entries().iter().map(|entry| entry.path.as_slice()));
                if entry.len > most {
                    return Err(too_long(path, entry.len, most));
                }
                let bytes = zip.bytes(entry, most);
                Described::parse(path, &bytes.map_err(|bad| bad_zip(path, bad))?)
            }
            Self::Folder(path) => {
                let file = path.join(MANIFEST_NAME);
                match std::fs::metadata(&file) {
                    Ok(stat) if stat.is_file() && stat.len() > most_bytes(std::iter::empty()) => {
                        Err(too_long(path, stat.len(), most_bytes(std::iter::empty())))
                    }
                    Ok(stat) if stat.is_file() => {
                        let bytes = std::fs::read(&file).context("read", &file)?;
                        Described::parse(path, &bytes)
                    }
                    // Those that were made before there was a description have their date in their name.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        Described::by_name(path).ok_or_else(lacking)
                    }
                    _ => Err(refused(&file, "it is no file that can be a description")),
                }
            }
        }
    }

    /// Whether the description's files are those that are there. Their bytes are compared when they are unpacked.
    pub(super) fn check_against(&self, described: &Described) -> Result<()> {
        let (Self::Zip(path, zip), Some(files)) = (self, &described.files) else {
            return Ok(());
        };
        let held: HashSet<(&[u8], u64)> = entries(zip)
            .filter(|entry| entry.kind == EntryKind::File)
            .map(|entry| (entry.path.as_slice(), entry.len))
            .collect();
        let said: HashSet<(&[u8], u64)> = files
            .iter()
            .map(|(name, (len, _))| (name.as_slice(), *len))
            .collect();
        match held == said {
            true => Ok(()),
            false => Err(refused(
                path,
                "its description is of other files than it holds",
            )),
        }
    }

    /// Names what it holds, wherever it is and whatever it is called.
    pub(super) fn fingerprint(&self) -> Result<blake3::Hash> {
        match self {
            Self::Zip(_, zip) => Ok(blake3::Hash::from_bytes(zip.fingerprint())),
            Self::Folder(path) => unpack::fingerprint(path),
        }
    }

    /// What of its files is no data: the description, which is not unpacked at all.
    pub(super) fn excludes(&self) -> Vec<String> {
        match self {
            Self::Zip(..) => Vec::new(),
            Self::Folder(_) => vec![format!("/{MANIFEST_NAME}")],
        }
    }

    /// Plain bytes, where they are known beforehand.
    pub(super) fn plain_bytes(&self) -> u64 {
        match self {
            Self::Zip(_, zip) => zip.entries().iter().map(|entry| entry.len).sum(),
            Self::Folder(_) => 0,
        }
    }

    /// The database that its numbers are of: the only one at its root.
    pub(super) fn main_database(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt as _;
        let names: Vec<Vec<u8>> = match self {
            Self::Zip(_, zip) => zip
                .entries()
                .iter()
                .map(|entry| entry.path.clone())
                .collect(),
            Self::Folder(path) => std::fs::read_dir(path)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name().into_vec())
                .collect(),
        };
        let is_database = |name: &&Vec<u8>| {
            !name.contains(&b'/') && DATABASE_ENDINGS.iter().any(|ending| name.ends_with(ending))
        };
        let mut databases = names.iter().filter(is_database);
        let only = databases.next().filter(|_| databases.next().is_none())?;
        Some(of_bytes(only).to_owned())
    }

    /// Where its files are to be read: its own place, or that to which they are unpacked now.
    pub(super) fn unpack(
        &self,
        described: &Described,
        offset: fn(chrono::NaiveDateTime) -> i32,
        scratch: &Scratch,
        monitor: &dyn Monitor,
    ) -> Result<Unpacked> {
        match self {
            Self::Folder(path) => Ok(Unpacked {
                folder: path.clone(),
                files: Vec::new(),
            }),
            Self::Zip(path, zip) => {
                let folder = scratch.path().to_owned();
                let files = unpack::zip(path, zip, described, offset, &folder, monitor)?;
                Ok(Unpacked { folder, files })
            }
        }
    }
}

/// All entries but the description.
pub(super) fn entries(zip: &ZipReader<File>) -> impl Iterator<Item = &ZipEntry> {
    let is_description = |entry: &&ZipEntry| entry.path == MANIFEST_NAME.as_bytes();
    zip.entries()
        .iter()
        .filter(move |entry| !is_description(entry))
}

/// A zip that cannot be read is the disk's trouble, all else the archive's.
pub(super) fn bad_zip(path: &Path, bad: BadZip) -> SnapshotError {
    match bad {
        BadZip::Read(source) => SnapshotError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        },
        bad => refused(path, bad.to_string()),
    }
}
