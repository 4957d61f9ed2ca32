//! Folders of files from a seed: many small ones, as a source tree has, and incompressible ones, as scanned PDFs are.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::rng::Rng;
use super::text::Words;

/// Files of one folder of the tree.
const PER_FOLDER: u64 = 100;

/// Bytes that the longest files of a tree have more than the shortest.
const SPREAD: u64 = 9000;

/// Makes a tree of small text files, 300 bytes to 9 KB.
pub(crate) fn tree(place: &Path, files: u64) {
    tree_of(place, files, SPREAD);
}

/// Makes a tree of text files of 300 bytes and at most `spread` more.
pub(crate) fn tree_of(place: &Path, files: u64, spread: u64) {
    let words = Words::new();
    for number in 0..files {
        let path = tree_file(place, number);
        if number % PER_FOLDER == 0 {
            let folder = path.parent().expect("a file stands in a folder");
            fs::create_dir_all(folder).expect("the tree can be written");
        }
        write_small(&words, &path, number, spread);
    }
}

/// Writes other content into `count` files of a tree that has `files`, and adds `new` files.
pub(crate) fn edit_tree(place: &Path, files: u64, count: u64, new: u64, seed: u64) {
    let words = Words::new();
    let mut rng = Rng::new(seed);
    for _ in 0..count {
        let path = tree_file(place, rng.below(files));
        write_small(&words, &path, rng.next(), SPREAD);
    }
    for number in 0..new {
        let path = tree_file(place, rng.below(files)).with_extension(format!("{seed}-{number}"));
        write_small(&words, &path, rng.next(), SPREAD);
    }
}

fn tree_file(place: &Path, number: u64) -> PathBuf {
    let folder = number / PER_FOLDER;
    place.join(format!(
        "part{:02}/folder{folder:04}/note{number:06}.txt",
        folder % 20
    ))
}

fn write_small(words: &Words, path: &Path, seed: u64, spread: u64) {
    let mut rng = Rng::new(seed);
    // Most are short.
    let len = 300 + rng.skewed(spread) as usize;
    fs::write(path, words.text(&mut rng, len)).expect("the tree can be written");
}

/// Makes `count` files of 50 to 650 KB, from number `first` on, that look like scanned documents: a little text, then
/// bytes that no compressor makes smaller.
pub(crate) fn scans(place: &Path, first: u64, count: u64) {
    pdfs(place, "scan", first..first + count, 50_000..650_000);
}

/// The same of 4 to 36 KB, as letters of a page or two are, which are compressed already.
pub(crate) fn letters(place: &Path, first: u64, count: u64) {
    pdfs(place, "letter", first..first + count, 4_000..36_000);
}

fn pdfs(place: &Path, name: &str, numbers: Range<u64>, bytes: Range<u64>) {
    fs::create_dir_all(place).expect("the folder can be written");
    let words = Words::new();
    for number in numbers {
        let mut rng = Rng::new(0x0bdf + number);
        let mut pdf = format!("%PDF-1.4\n% {}\n", words.text(&mut rng, 300)).into_bytes();
        let head = pdf.len();
        pdf.resize(head + rng.between(bytes.start, bytes.end) as usize, 0);
        rng.fill(&mut pdf[head..]);
        fs::write(place.join(format!("{name}-{number:05}.pdf")), pdf)
            .expect("the folder can be written");
    }
}

/// The tree of this many files, kept for later runs.
pub(crate) fn cached_tree(files: u64) -> PathBuf {
    let place = super::cache().join(format!("tree-{files}"));
    if !place.exists() {
        eprintln!("making {files} small files …");
        let building = place.with_extension("part");
        let _ = fs::remove_dir_all(&building);
        tree(&building, files);
        fs::rename(&building, &place).expect("the data set can be put in place");
    }
    place
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    super::measure::run(std::process::Command::new("cp").arg("-r").arg(from).arg(to));
}
