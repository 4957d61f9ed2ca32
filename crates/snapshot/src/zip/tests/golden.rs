//! The exact bytes of a small archive: a change here is a change of the format that older segment tables rely on.

use std::io::Cursor;

use super::super::{EntryHead, Segment, ZipWriter};
use super::MTIME;

/// A directory, a stored file, a deflated one with a name that is not ASCII, and a symlink.
fn tiny() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
    zip.directory(&EntryHead::new("d", 0o755, MTIME)).unwrap();
    zip.whole(&EntryHead::new("d/empty", 0o600, MTIME), &[])
        .unwrap();
    let mut entry = zip.file(&EntryHead::new("ä", 0o644, MTIME)).unwrap();
    // Stored blocks, lest a better compressor change these bytes.
    entry.segment(&Segment::deflate(b"ab", 6)).unwrap();
    entry.segment(&Segment::deflate(b"c", 6)).unwrap();
    entry.finish().unwrap();
    zip.symlink(&EntryHead::new("s", 0o777, MTIME), b"d/empty")
        .unwrap();
    zip.finish(b"hi").unwrap().0.into_inner()
}

#[test]
fn a_tiny_archive_has_these_bytes() {
    let hex: Vec<String> = tiny()
        .chunks(32)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    assert_eq!(hex, GOLDEN);
    assert_eq!(tiny(), tiny());
}

const GOLDEN: &[&str] = &[
    "504b03041400000000008318755d00000000000000000000000002000900642f",
    "5554050001260a016b504b03041400000000008318755d000000000000000000",
    "00000007000900642f656d7074795554050001260a016b504b03041400000808",
    "008318755dc24124350f0000000300000002001d00c3a420a2100028a0000000",
    "00000000000000000000005554050001260a016b000200fdff6162000100feff",
    "630300504b03041400000000008318755db2ca8aba0700000007000000010009",
    "00735554050001260a016b642f656d707479504b01022d031400000000008318",
    "755d000000000000000000000000020009000000000000001000ed4100000000",
    "642f5554050001260a016b504b01022d031400000000008318755d0000000000",
    "00000000000000070009000000000000000000808129000000642f656d707479",
    "5554050001260a016b504b01022d031400000808008318755dc24124350f0000",
    "0003000000020009000000000000000000a48157000000c3a45554050001260a",
    "016b504b01022d031400000000008318755db2ca8aba07000000070000000100",
    "09000000000000000000ffa1a3000000735554050001260a016b504b05060000",
    "000004000400e8000000d200000002006869",
];
