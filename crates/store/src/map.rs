//! Memory maps of the index cache: one of the two places of the project with `unsafe` code.
//!
//! A mapped file that shrinks ends the process with SIGBUS, and one that changes breaks what the compiler may assume
//! of a slice. Both are ruled out by what is mapped: only files of the index cache, which lifeboat alone writes, under a
//! temporary name, once, and which are removed by name but never changed. Sources and packs are never mapped (F-25).
#![expect(
    unsafe_code,
    reason = "mapping a file is unsafe by nature; the header says why it is sound here"
)]

use std::fs::File;
use std::io;

/// Maps a whole file for reading. The file must be of the index cache (see the module).
pub(crate) fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: by the module's rule nobody changes or truncates the file while it is mapped.
    unsafe { memmap2::Mmap::map(file) }
}
