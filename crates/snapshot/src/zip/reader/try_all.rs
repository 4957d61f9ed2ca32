//! The entry for fuzzing: any bytes, read to the end.

use std::io::{self, Read as _};

use super::{Limits, ZipReader};

/// Reads everything that these bytes give as an archive, within limits that a fuzzer has patience for.
///
/// Whatever they are, it ends, with little memory.
pub fn try_all(bytes: &[u8]) {
    let limits = Limits {
        entries: 10_000,
        directory_bytes: 1 << 20,
        plain_bytes: 16 << 20,
        ratio: 200,
    };
    let Ok(zip) = ZipReader::open(bytes, &limits) else {
        return;
    };
    for entry in zip.entries() {
        let read = io::copy(&mut zip.read(entry), &mut io::sink());
        assert!(read.is_err() || read.is_ok_and(|len| len == entry.len));
        let mut some = [0; 7];
        let _ = zip.read(entry).read(&mut some);
    }
}
