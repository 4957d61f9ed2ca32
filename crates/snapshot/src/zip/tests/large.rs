//! Archives past the limits of the 32-bit format.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::super::record::{Directory, Kind, Method, Record};
use super::super::time::Modified;
use super::super::{EntryHead, Run, Segment, ZipWriter};
use super::{all_readers_test, create, head, noise, python, tool};

#[test]
fn more_than_65535_entries() {
    for count in [65_534, 65_535, 65_536, 70_000] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("count.zip");
        let mut zip = create(&path);
        for n in 0..count {
            zip.whole(&EntryHead::new(format!("{n}"), 0o644, 0), &[])
                .unwrap();
        }
        assert_eq!(zip.finish(b"").unwrap().1.entries, count);
        let script = "print(len(z.namelist()), z.namelist()[-1])";
        if let Some(found) = python(&path, script) {
            assert_eq!(found.trim(), format!("{count} {}", count - 1));
        }
        if let Some(out) = tool("unzip", &["-tqq"], &path) {
            assert!(out.status.success() && out.stderr.is_empty());
        }
    }
}

/// `0xFFFF_FFFF` means "see the 64-bit field", so the number itself has to be in that field.
#[test]
fn numbers_equal_to_the_sentinel_are_written_in_64_bits() {
    let lens = |plain_len, deflated_len, offset| {
        let record = Record {
            name: "n".to_owned(),
            kind: Kind::File,
            mode: 0o644,
            modified: Modified::new(0, 0),
            method: Method::Deflated,
            run: Run {
                deflated_len,
                plain_len,
                crc: 0,
            },
            offset,
            reserved: true,
            streamed: false,
        };
        (
            record.local_header().len() - 60,
            record.central_header().len() - 56,
        )
    };
    let sentinel = u64::from(u32::MAX);
    // The local header is as long in every case, since its place was reserved.
    assert_eq!(lens(0, 0, 0), (0, 0));
    assert_eq!(lens(sentinel - 1, sentinel - 1, sentinel - 1), (0, 0));
    assert_eq!(lens(sentinel, 0, 0), (0, 12));
    assert_eq!(lens(0, sentinel, 0), (0, 12));
    assert_eq!(lens(0, 0, sentinel), (0, 12));
    assert_eq!(lens(sentinel, sentinel, sentinel), (0, 28));
    let end = |entries, offset, len| {
        let directory = Directory {
            entries,
            offset,
            len,
        };
        directory.end(b"").len()
    };
    assert_eq!(end(65_534, sentinel - 1, sentinel - 1), 22);
    for (entries, offset, len) in [(65_535, 0, 0), (0, sentinel, 0), (0, 0, sentinel)] {
        assert_eq!(end(entries, offset, len), 22 + 56 + 20);
    }
}

/// A file of one segment, `count` times; its plain length.
fn repeated(zip: &mut ZipWriter<File>, head: &EntryHead, plain: &[u8], count: u64) -> u64 {
    let segment = Segment::deflate(plain, 6);
    let mut entry = zip.file(head).unwrap();
    for _ in 0..count {
        entry.segment(&segment).unwrap();
    }
    entry.finish().unwrap().run.plain_len
}

/// Plain size past 4 GiB, compressed size below.
#[test]
fn an_entry_above_4_gib() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.zip");
    let mut zip = create(&path);
    let len = repeated(&mut zip, &head("large"), &[0; 65_536], 65_600);
    assert!(len > 1 << 32);
    let mut known = head("known");
    known.at_most = Some(len);
    assert_eq!(repeated(&mut zip, &known, &[0; 65_536], 65_600), len);
    zip.whole(&head("after"), &[Segment::deflate(b"end", 6)])
        .unwrap();
    zip.finish(b"").unwrap();
    let script = "
print([(i.filename, i.file_size, hex(i.CRC)) for i in z.infolist()])
print(z.read('after'))
print(len(z.open('large').read(1 << 20)))";
    if let Some(found) = python(&path, script) {
        assert!(found.starts_with(&format!("[('large', {len}, ")), "{found}");
        assert!(found.contains(&format!("('known', {len}, ")), "{found}");
        assert!(found.contains("b'end'\n1048576"), "{found}");
    }
}

/// Every byte of it inflated by every reader; both sizes and an offset past 4 GiB.
#[test]
#[ignore = "a minute or two, and 4.3 GB in the temporary directory"]
fn every_reader_takes_entries_above_4_gib() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.zip");
    let mut zip = create(&path);
    repeated(&mut zip, &head("zeros"), &[0; 65_536], 65_600);
    repeated(&mut zip, &head("noise"), &noise(65_536, 1), 65_600);
    repeated(&mut zip, &head("after"), b"after", 100);
    assert!(zip.finish(b"").unwrap().1.len > 1 << 32);
    all_readers_test(&path);
}

/// A file in which a write of just so many bytes becomes a hole.
struct Sparse(File);

impl Sparse {
    const HOLE: usize = 16 << 20;
}

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() != Self::HOLE {
            return self.0.write(bytes);
        }
        let end = self.0.seek(SeekFrom::Current(Self::HOLE as i64))?;
        self.0.set_len(end).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// Compressed size and offsets past 4 GiB, with a hole in the file in place of compressed bytes.
#[test]
fn offsets_above_4_gib() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sparse.zip");
    let mut zip = ZipWriter::new(Sparse(File::create(&path).unwrap())).unwrap();
    let hole = Segment::carried(vec![0; Sparse::HOLE], 1 << 25, 0);
    let count = (1 << 32) / Sparse::HOLE as u64 + 1;
    let mut entry = zip.file(&head("hole")).unwrap();
    for _ in 0..count {
        entry.segment(&hole).unwrap();
    }
    entry.finish().unwrap();
    let after = zip.whole(&head("after"), &[Segment::deflate(b"end", 6)]);
    assert!(after.unwrap().data_offset > 1 << 32);
    let (_, totals) = zip.finish(b"note").unwrap();
    assert_eq!(totals.plain_len, (count << 25) + 3);
    let script = "
i = z.getinfo('hole')
print(i.file_size, i.compress_size, z.read('after'), z.comment)";
    if let Some(found) = python(&path, script) {
        let sizes = format!("{} {}", count << 25, count * Sparse::HOLE as u64 + 2);
        assert_eq!(found.trim(), format!("{sizes} b'end' b'note'"));
    }
    // The hole holds no deflate, so the listing is all that can be asked of it.
    for (name, args) in [
        ("bsdtar", &["-tvf"][..]),
        ("jar", &["tf"]),
        ("7z", &["l", "-bso0"]),
    ] {
        if let Some(out) = tool(name, args, &path) {
            assert!(out.status.success(), "{name}: {out:?}");
        }
    }
}
