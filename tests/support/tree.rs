//! Two folders compared in everything that a restore promises: names, kinds, bytes, modes, owners, times, extended
//! attributes, link targets, device numbers, and which names are one file.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How an entry looks, in the fields that are restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, i64),
    /// Of a file its bytes, of a link its target.
    bytes: Vec<u8>,
    /// Of a device its number.
    device: u64,
    /// Extended attributes, access lists among them.
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The first name of the same file.
    linked_to: Option<PathBuf>,
}

/// Every entry below a folder, and the folder itself under the empty path.
pub(crate) fn looks(folder: &Path) -> BTreeMap<PathBuf, Look> {
    let mut paths = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.symlink_metadata().unwrap().is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        }
        paths.push(path);
    }
    paths.sort();
    let mut first_names: HashMap<(u64, u64), PathBuf> = HashMap::new();
    let mut looks = BTreeMap::new();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap().to_owned();
        let mut look = look(&path);
        let stat = path.symlink_metadata().unwrap();
        if stat.is_file() && stat.nlink() > 1 {
            let first = first_names.entry((stat.dev(), stat.ino()));
            look.linked_to = Some(first.or_insert_with(|| name.clone()).clone());
        }
        looks.insert(name, look);
    }
    looks
}

fn look(path: &Path) -> Look {
    let stat = path.symlink_metadata().unwrap();
    let kind = stat.file_type();
    let (kind, bytes) = if kind.is_dir() {
        ("folder", Vec::new())
    } else if kind.is_symlink() {
        let target = fs::read_link(path).unwrap();
        ("link", target.as_os_str().as_bytes().to_vec())
    } else if kind.is_file() {
        ("file", fs::read(path).unwrap())
    } else if kind.is_fifo() {
        ("fifo", Vec::new())
    } else if kind.is_socket() {
        ("socket", Vec::new())
    } else if kind.is_char_device() {
        ("character device", Vec::new())
    } else {
        ("block device", Vec::new())
    };
    Look {
        kind,
        mode: stat.mode() & 0o7777,
        owner: (stat.uid(), stat.gid()),
        mtime: (stat.mtime(), stat.mtime_nsec()),
        bytes,
        device: stat.rdev(),
        xattrs: xattrs(path),
        linked_to: None,
    }
}

/// The extended attributes of an entry itself; none where its file system has none.
fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut buffer = vec![0; 65536];
    let len = rustix::fs::llistxattr(path, buffer.as_mut_slice()).unwrap_or(0);
    let names = buffer[..len].split(|byte| *byte == 0).map(<[u8]>::to_vec);
    let names: Vec<Vec<u8>> = names.filter(|name| !name.is_empty()).collect();
    let value = |name: Vec<u8>| {
        let len = rustix::fs::lgetxattr(path, name.as_slice(), buffer.as_mut_slice()).unwrap();
        (name, buffer[..len].to_vec())
    };
    names.into_iter().map(value).collect()
}

/// What differs, entry by entry and field by field.
pub(crate) fn differences(
    expected: &BTreeMap<PathBuf, Look>,
    found: &BTreeMap<PathBuf, Look>,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (path, expected) in expected {
        match found.get(path) {
            None => differences.push(format!("{path:?} is missing")),
            Some(found) => {
                let fields = differing_fields(expected, found).into_iter();
                differences.extend(fields.map(|field| format!("{field} of {path:?}")));
            }
        }
    }
    let added = found.keys().filter(|path| !expected.contains_key(*path));
    differences.extend(added.map(|path| format!("{path:?} was not there before")));
    differences
}

fn differing_fields(a: &Look, b: &Look) -> Vec<&'static str> {
    let fields = [
        ("kind", a.kind != b.kind),
        ("mode", a.mode != b.mode),
        ("owner", a.owner != b.owner),
        ("mtime", a.mtime != b.mtime),
        ("bytes", a.bytes != b.bytes),
        ("device", a.device != b.device),
        ("attributes", a.xattrs != b.xattrs),
        ("hard link", a.linked_to != b.linked_to),
    ];
    let differing = fields.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(field, _)| field).collect()
}

/// A restored folder is as the one that was backed up.
#[track_caller]
pub(crate) fn assert_same(expected: &Path, found: &Path) {
    let differences = differences(&looks(expected), &looks(found));
    assert_eq!(differences, [""; 0]);
}

/// The names in a folder, in order.
pub(crate) fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().display().to_string());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
