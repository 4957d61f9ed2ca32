//! What the reader takes, and what it refuses and why.

use std::io::Cursor;

use super::*;
use crate::zip::{EntryHead, SEGMENT_LEN, Segment, ZipWriter};

/// Three good entries, as this crate writes them.
fn good() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
    zip.directory(&EntryHead::new("d", 0o755, 7)).unwrap();
    let mut bytes = vec![b'x'; 300_000];
    bytes[777] = b'y';
    let head = EntryHead::new("d/file", 0o640, 1_700_000_000);
    let segments: Vec<_> = bytes
        .chunks(SEGMENT_LEN)
        .map(|plain| Segment::deflate(plain, 6))
        .collect();
    zip.whole(&head, &segments).unwrap();
    zip.symlink(&EntryHead::new("link", 0o777, 7), b"d/file")
        .unwrap();
    zip.finish(b"comment").unwrap().0.into_inner()
}

#[test]
fn what_the_writer_writes_is_read_back() {
    let bytes = good();
    let zip = ZipReader::open(bytes.as_slice(), &Limits::default()).unwrap();
    let kinds: Vec<_> = zip.entries().iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [EntryKind::Folder, EntryKind::File, EntryKind::Symlink]
    );
    let file = zip.find(b"d/file").unwrap();
    assert_eq!((file.mode, file.mtime), (Some(0o640), Some(1_700_000_000)));
    let plain = zip.bytes(file, 1 << 20).unwrap();
    assert_eq!((plain.len(), plain[776], plain[777]), (300_000, b'x', b'y'));
}
