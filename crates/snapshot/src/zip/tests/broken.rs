//! What is refused, and what becomes of an archive after a failure.

use std::io::{self, Cursor, Seek, SeekFrom, Write};

use super::super::{EntryHead, Segment, ZipError, ZipWriter};
use super::{head, rows, segments};

fn memory() -> ZipWriter<Cursor<Vec<u8>>> {
    ZipWriter::new(Cursor::new(Vec::new())).unwrap()
}

#[test]
fn a_refused_name_costs_nothing_but_the_entry() {
    let mut zip = memory();
    let data = [Segment::deflate(b"x", 6)];
    zip.whole(&head("a"), &data).unwrap();
    let empty = zip.whole(&head(""), &data);
    assert!(matches!(empty, Err(ZipError::EmptyName)));
    let long = zip.whole(&EntryHead::new(vec![0xff; 30_000], 0, 0), &data);
    assert!(matches!(
        long,
        Err(ZipError::NameTooLong { len: 90_000, .. })
    ));
    let again = zip.symlink(&head("a"), b"x");
    assert!(matches!(again, Err(ZipError::DuplicateName { name }) if name == "a"));
    zip.whole(&EntryHead::new(vec![b'n'; 65_535], 0, 0), &data)
        .unwrap();
    let (zip, totals) = zip.finish(&[b'c'; 65_535]).unwrap();
    assert_eq!(totals.entries, 2);
    assert_eq!(totals.len, zip.into_inner().len() as u64);
    let comment = memory().finish(&[0; 65_536]);
    assert!(matches!(
        comment,
        Err(ZipError::CommentTooLong { len: 65_536 })
    ));
}

#[test]
fn an_archive_begins_where_its_file_begins() {
    let mut out = Cursor::new(vec![1, 2, 3]);
    out.set_position(3);
    let error = ZipWriter::new(out).unwrap_err();
    assert!(matches!(error, ZipError::NotAtStart { position: 3 }));
    assert_eq!(
        error.to_string(),
        "a zip must begin at the start of its file, not at byte 3"
    );
}

#[test]
fn a_dropped_entry_makes_the_archive_unusable() {
    let mut zip = memory();
    let mut entry = zip.file(&head("half")).unwrap();
    entry.segment(&Segment::deflate(b"x", 6)).unwrap();
    drop(entry);
    assert!(matches!(zip.directory(&head("d")), Err(ZipError::Unusable)));
    assert!(matches!(zip.finish(b""), Err(ZipError::Unusable)));
}

#[test]
fn a_file_that_outgrows_its_promise_is_noticed_at_once() {
    let mut zip = memory();
    let mut promised = head("f");
    promised.at_most = Some(10);
    let mut entry = zip.file(&promised).unwrap();
    // More than announced, but the header still has room for it.
    entry.segment(&Segment::deflate(&rows(5000), 6)).unwrap();
    let rest = u64::from(u32::MAX) - 5000;
    let error = entry
        .segment(&Segment::carried(Vec::new(), rest, 0))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "f: passes 4 GiB, although announced with at most 10 bytes"
    );
}

/// A disk of so many bytes.
struct Full(Cursor<Vec<u8>>, u64);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.position() + bytes.len() as u64 > self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_full_disk_at_any_byte_is_an_error_to_the_end() {
    let build = |room| {
        let mut zip = ZipWriter::new(Full(Cursor::new(Vec::new()), room))?;
        let parts = segments(&rows(3000));
        let _ = zip.directory(&head("d"));
        let _ = zip.whole(&head("d/whole"), &parts);
        if let Ok(mut entry) = zip.file(&head("d/entry")) {
            let _ = entry.segment(&parts[0]);
            let _ = entry.finish();
        }
        let _ = zip.symlink(&head("s"), b"d/entry");
        zip.finish(b"").map(|(_, totals)| totals.len)
    };
    let len = build(u64::MAX).unwrap();
    for room in 0..len {
        let failed = build(room).unwrap_err();
        assert!(matches!(failed, ZipError::Write(_) | ZipError::Unusable));
    }
    assert_eq!(build(len).unwrap(), len);
}
