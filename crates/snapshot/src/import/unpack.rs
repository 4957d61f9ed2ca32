//! From a zip to files in a private folder, with every byte compared on its way.
//!
//! The names were checked when the zip was opened, and nothing in the folder is a link until all files are written, so no
//! path can lead out of it.

use std::fs::{File, FileTimes, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::NaiveDateTime;

use super::archive::{bad_zip, entries};
use super::described::Described;
use crate::error::{IoContext, Result, SnapshotError};
use crate::inplace::is_name_of_stage;
use crate::monitor::{Monitor, go_on};
use crate::path::{TreePath, of_bytes};
use crate::zip::{BadZip, EntryKind, ZipEntry, ZipReader};

/// Bytes that are unpacked at a time.
const BUFFER: usize = 256 << 10;

/// What is left free on the disk beside what is unpacked.
const SPARE_BYTES: u64 = 64 << 20;

/// Unpacks all but the description into `folder`; gives the files and links.
pub(super) fn zip(
    path: &Path,
    zip: &ZipReader<File>,
    described: &Described,
    offset: fn(NaiveDateTime) -> i32,
    folder: &Path,
    monitor: &dyn Monitor,
) -> Result<Vec<PathBuf>> {
    check_room(zip, folder)?;
    let unpacking = Unpacking {
        path,
        zip,
        described,
        offset,
        folder,
        monitor,
    };
    let (mut files, mut folders, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries(zip) {
        let target = unpacking.target(entry)?;
        match entry.kind {
            EntryKind::Folder => {
                make_folders(folder, &target)?;
                folders.push((target, entry));
            }
            EntryKind::File => {
                make_folders(folder, target.parent().unwrap_or(folder))?;
                unpacking.file(entry, &target)?;
                files.push(target);
            }
            EntryKind::Symlink => links.push((target, entry)),
        }
    }
    for (target, entry) in links {
        make_folders(folder, target.parent().unwrap_or(folder))?;
        let to = zip
            .bytes(entry, entry.len)
            .map_err(|bad| bad_zip(path, bad))?;
        std::os::unix::fs::symlink(of_bytes(&to), &target).context("create", &target)?;
        files.push(target);
    }
    // A folder is only made read-only, and its time set, once everything in it is there.
    for (target, entry) in folders.into_iter().rev() {
        let opened = File::open(&target).context("open", &target)?;
        unpacking.looks(entry, &opened, &target)?;
    }
    Ok(files)
}

/// What unpacking needs to know.
struct Unpacking<'a> {
    path: &'a Path,
    zip: &'a ZipReader<File>,
    described: &'a Described,
    offset: fn(NaiveDateTime) -> i32,
    folder: &'a Path,
    monitor: &'a dyn Monitor,
}

impl Unpacking<'_> {
    /// Where an entry goes: by its name, or by the one that the description says it stands for.
    fn target(&self, entry: &ZipEntry) -> Result<PathBuf> {
        let name = self
            .described
            .renamed
            .get(&entry.path)
            .unwrap_or(&entry.path);
        let bad = || BadZip::entry(name, "it cannot be the name of a file");
        let path = TreePath::parse(name)
            .ok()
            .filter(|path| path.to_bytes() == *name);
        let path = path.ok_or_else(|| bad_zip(self.path, bad()))?;
        if path
            .parts()
            .iter()
            .any(|part| is_name_of_stage(part.as_bytes()))
        {
            let bad = BadZip::entry(name, "it has the name of a folder of a restore in place");
            return Err(bad_zip(self.path, bad));
        }
        Ok(path.below(self.folder))
    }

    fn file(&self, entry: &ZipEntry, target: &Path) -> Result<()> {
        self.monitor.item(target);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(target).context("create", target)?;
        let hash = self.copy(entry, &mut file, target)?;
        if let Some((_, said)) = self
            .described
            .files
            .as_ref()
            .and_then(|files| files.get(&entry.path))
            && hash.to_hex().as_str() != said
        {
            let bad = BadZip::entry(&entry.path, "its bytes are not those of the description");
            return Err(bad_zip(self.path, bad));
        }
        self.looks(entry, &file, target)
    }

    fn copy(&self, entry: &ZipEntry, file: &mut File, target: &Path) -> Result<blake3::Hash> {
        let mut from = self.zip.read(entry);
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            go_on(self.monitor)?;
            let read = from.read(&mut buffer);
            let len =
                read.map_err(|error| bad_zip(self.path, BadZip::reading(&entry.path, error)))?;
            let Some(bytes) = buffer.get(..len).filter(|bytes| !bytes.is_empty()) else {
                return Ok(hasher.finalize());
            };
            hasher.update(bytes);
            file.write_all(bytes).context("write", target)?;
            self.monitor.advance(len as u64);
        }
    }

    /// Permissions without those that lend the owner's rights, and the time.
    fn looks(&self, entry: &ZipEntry, file: &File, target: &Path) -> Result<()> {
        // Whatever the archive says, the owner can read what is to be read now.
        let least = match entry.kind {
            EntryKind::Folder => 0o500,
            _ => 0o400,
        };
        if let Some(mode) = entry.mode {
            let mode = Permissions::from_mode(mode & 0o777 | least);
            file.set_permissions(mode)
                .context("set permissions of", target)?;
        }
        let local = entry.local_mtime.map(|local| {
            let minutes = i64::from((self.offset)(local));
            local.and_utc().timestamp() - minutes * 60
        });
        if let Some(time) = entry.mtime.or(local).and_then(system_time) {
            let times = FileTimes::new().set_modified(time);
            file.set_times(times).context("set the time of", target)?;
        }
        Ok(())
    }
}

fn system_time(secs: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(secs.unsigned_abs());
    match secs < 0 {
        true => SystemTime::UNIX_EPOCH.checked_sub(distance),
        false => SystemTime::UNIX_EPOCH.checked_add(distance),
    }
}

fn make_folders(base: &Path, folder: &Path) -> Result<()> {
    if folder == base {
        return Ok(());
    }
    std::fs::create_dir_all(folder).context("create", folder)
}

fn check_room(zip: &ZipReader<File>, folder: &Path) -> Result<()> {
    let plain = zip.entries().iter().map(|entry| entry.len);
    let needed = plain.fold(SPARE_BYTES, u64::saturating_add);
    let stat = rustix::fs::statvfs(folder).context("look at", folder)?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    match needed > free {
        true => Err(SnapshotError::NoSpace {
            path: folder.to_owned(),
            needed_bytes: needed,
            free_bytes: free,
        }),
        false => Ok(()),
    }
}

/// Names what a folder holds: all files by path, length and bytes.
pub(super) fn fingerprint(folder: &Path) -> Result<blake3::Hash> {
    let mut lines = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(&path).context("list", &path)? {
            let path = entry.context("list", &path)?.path();
            let stat = path.symlink_metadata().context("look at", &path)?;
            if stat.is_dir() {
                folders.push(path);
            } else if stat.is_file() {
                let mut hasher = blake3::Hasher::new();
                let file = File::open(&path).context("open", &path)?;
                hasher.update_reader(file).context("read", &path)?;
                lines.push((path, hasher.finalize()));
            }
        }
    }
    lines.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut whole = blake3::Hasher::new();
    for (path, hash) in lines {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        whole.update(name.as_os_str().as_bytes()).update(&[0]);
        whole.update(hash.as_bytes());
    }
    Ok(whole.finalize())
}
