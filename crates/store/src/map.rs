//! The bytes of an index cache file: memory maps, one of the two places of the project with `unsafe` code, or plain memory.
//!
//! A mapped file that shrinks ends the process with SIGBUS, and one that changes breaks what the compiler may assume
//! of a slice. Both are ruled out by what is mapped: only files of the index cache, which lifeboat alone writes, under a
//! temporary name, once, and which are removed by name but never changed. Sources and packs are never mapped (F-25).
//!
//! A disk that goes away does the same. So what stands on a stick, or on another machine, is read instead, unless it is so
//! large that memory would suffer more: an error of reading is an error that can be told.
#![expect(
    unsafe_code,
    reason = "mapping a file is unsafe by nature; the header says why it is sound here"
)]

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::disk::Map;

/// Longer files are mapped wherever they are: two million chunks, some 128 GB of data.
const READ: u64 = 128 << 20;

/// Kinds of file systems that are on another machine, or on what is pulled out of this one: NFS, SMB, CIFS, 9p, AFS, Ceph,
/// FUSE, FAT, exFAT, NTFS.
const ELSEWHERE: [u64; 11] = [
    0x6969,
    0x517b,
    0xfe53_4d42,
    0xff53_4d42,
    0x0102_1997,
    0x5346_414f,
    0x00c3_6400,
    0x6573_5546,
    0x4d44,
    0x2011_bab0,
    0x7366_746e,
];

/// The bytes of a whole file. It must be of the index cache (see the module).
pub(crate) fn bytes_of(mut file: File) -> io::Result<Box<dyn Map>> {
    let len = file.metadata()?.len();
    if len <= READ && may_go_away(&file) {
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
        (&mut file).take(READ).read_to_end(&mut bytes)?;
        return Ok(Box::new(bytes));
    }
    // SAFETY: by the module's rule nobody changes or truncates the file while it is mapped.
    let map = unsafe { memmap2::Mmap::map(&file) }?;
    Ok(Box::new(Mapped { map, file }))
}

impl Map for Vec<u8> {}

/// A file in memory that is its own.
struct Mapped {
    map: memmap2::Mmap,
    file: File,
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

impl Map for Mapped {
    fn copy(&self, range: Range<usize>) -> Option<Vec<u8>> {
        if range.end > self.map.len() {
            return None;
        }
        let mut bytes = vec![0; range.len()];
        let read = self.file.read_exact_at(&mut bytes, range.start as u64);
        read.is_ok().then_some(bytes)
    }

    fn let_go(&self, range: Range<usize>) {
        if range.end > self.map.len() || range.is_empty() {
            return;
        }
        let advice = memmap2::UncheckedAdvice::DontNeed;
        // SAFETY: the map is of a file, shared and never written to, so a page that is dropped is read from the file again
        // and is what it was: whoever holds a reference to its bytes sees no change.
        let _ = unsafe {
            self.map
                .unchecked_advise_range(advice, range.start, range.len())
        };
    }
}

/// Whether the file's disk may be gone from one moment to the next.
fn may_go_away(file: &File) -> bool {
    let kind = rustix::fs::fstatfs(file).map(|stat| stat.f_type.cast_unsigned());
    if kind.is_ok_and(|kind| ELSEWHERE.contains(&kind)) {
        return true;
    }
    let device = file.metadata().map(|stat| stat.dev()).unwrap_or_default();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let link = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
    link.canonicalize().is_ok_and(|disk| is_removable(&disk))
}

/// Whether the system calls a disk, or the one that it is a partition of, removable, or has it behind USB.
fn is_removable(disk: &Path) -> bool {
    let is_usb = |part: &std::ffi::OsStr| part.to_string_lossy().starts_with("usb");
    let says_so = |folder: &Path| {
        let flag = std::fs::read_to_string(folder.join("removable"));
        flag.is_ok_and(|flag| flag.trim() == "1")
    };
    disk.iter().any(is_usb) || disk.ancestors().take(2).any(says_so)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_is_told_by_its_bus_or_its_flag() {
        let sys = tempfile::tempdir().unwrap();
        let disk = |path: &str, flag: &str| {
            let disk = sys.path().join(path);
            std::fs::create_dir_all(disk.join("part1")).unwrap();
            std::fs::write(disk.join("removable"), flag).unwrap();
            disk
        };
        let usb = disk("devices/pci0000:00/usb2/2-1/block/sdb", "0\n");
        let card = disk("devices/platform/mmc/block/mmcblk0", "1\n");
        let fixed = disk("devices/pci0000:00/nvme/nvme0n1", "0\n");
        for (disk, removable) in [(&usb, true), (&card, true), (&fixed, false)] {
            assert_eq!(is_removable(disk), removable, "{disk:?}");
            assert_eq!(is_removable(&disk.join("part1")), removable, "{disk:?}");
        }
    }

    /// The map of a file with these bytes, and the folder that it is in.
    fn of_file(bytes: &[u8]) -> (tempfile::TempDir, Box<dyn Map>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let map = bytes_of(File::open(&path).unwrap()).unwrap();
        (folder, map)
    }

    #[test]
    fn the_bytes_are_those_of_the_file() {
        let (_folder, map) = of_file(&[7; 10_000]);
        assert_eq!((*map).as_ref(), [7; 10_000]);
    }

    #[test]
    fn copies_are_of_the_same_bytes_and_of_none_that_are_not_there() {
        let written: Vec<u8> = (0..10_000_u32).map(|at| (at / 99) as u8).collect();
        let (_folder, map) = of_file(&written);
        for range in [0..10_000, 17..5000, 9999..10_000, 40..40] {
            assert_eq!(map.copy(range.clone()).as_deref(), written.get(range));
        }
        assert_eq!(map.copy(9_990..10_001), None);
    }

    #[test]
    fn bytes_that_were_let_go_are_read_again_as_they_were() {
        let written: Vec<u8> = (0..1_000_000_u32).map(|at| (at / 999) as u8).collect();
        let (_folder, map) = of_file(&written);
        for range in [
            0..1_000_000,
            5000..70_000,
            999_999..1_000_000,
            7..7,
            0..2_000_000,
        ] {
            let all = (*map).as_ref();
            assert!(all == written);
            map.let_go(range);
            assert!(all == written);
        }
    }
}
