//! What every reader must find in our archives, with readers that are not ours.
//!
//! Contents are compared through Python's `zipfile`; `unzip`, `jar`, `bsdtar` and `7z` test the archive where they are
//! installed, and the crate `zip` is always there. A missing tool is named on stderr and skipped: the exact bytes of a
//! small archive are pinned as well.

mod broken;
mod golden;
mod large;
mod parts;
mod readers;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{EntryHead, Segment, ZipWriter};

/// 2026-11-21 03:04:06 UTC.
const MTIME: i64 = 1_795_230_246;

fn head(path: &str) -> EntryHead {
    EntryHead::new(path, 0o644, MTIME)
}

/// Bytes that do not repeat, the same in every run.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Bytes like those of a table of patients.
fn rows(len: usize) -> Vec<u8> {
    let row = |n: u32| {
        format!(
            "patient {n:06} visit {:08x} ok\0\0\0\0",
            n.wrapping_mul(40_503)
        )
    };
    (0..).flat_map(|n| row(n).into_bytes()).take(len).collect()
}

fn segments(plain: &[u8]) -> Vec<Segment> {
    plain
        .chunks(65_536)
        .map(|piece| Segment::deflate(piece, 6))
        .collect()
}

/// Inflates a row of segments.
fn inflate(deflated: &[&[u8]]) -> Vec<u8> {
    use std::io::Read as _;
    let mut stream = deflated.concat();
    stream.extend_from_slice(&super::segment::STREAM_END);
    let mut plain = Vec::new();
    flate2::read::DeflateDecoder::new(stream.as_slice())
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

fn create(path: &Path) -> ZipWriter<File> {
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path);
    ZipWriter::new(file.unwrap()).unwrap()
}

/// Runs a tool on an archive; `None` if it is not installed.
fn tool(name: &str, args: &[&str], zip: &Path) -> Option<Output> {
    output(name, Command::new(name).args(args).arg(zip))
}

/// Runs a tool that gets an archive through a pipe, and so goes by the headers before the data.
fn piped(name: &str, args: &[&str], zip: &Path) -> Option<Output> {
    let zip = File::open(zip).unwrap();
    let mut cat = Command::new("cat")
        .stdin(zip)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = cat.stdout.take().unwrap();
    let out = output(name, Command::new(name).args(args).stdin(pipe));
    cat.wait().unwrap();
    out
}

fn output(name: &str, command: &mut Command) -> Option<Output> {
    match command.output() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: {name} is not installed");
            None
        }
        ran => Some(ran.unwrap()),
    }
}

/// What a Python script prints about the archive `sys.argv[1]`, opened as `z`.
fn python(zip: &Path, script: &str) -> Option<String> {
    let script = format!("import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n{script}");
    let out = tool("python3", &["-c", &script], zip)?;
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{errors}");
    Some(String::from_utf8(out.stdout).unwrap())
}

/// Python compares all checksums and the local names with those of the directory.
fn python_tests(zip: &Path) {
    if let Some(bad) = python(zip, "print(z.testzip())") {
        assert_eq!(bad.trim(), "None");
    }
}

/// The crate compares checksums as it reads.
fn zip_crate_tests(zip: &Path) {
    let mut archive = ::zip::ZipArchive::new(File::open(zip).unwrap()).unwrap();
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).unwrap();
        std::io::copy(&mut entry, &mut std::io::sink()).unwrap();
    }
}

/// Every other reader that is installed takes the archive without a word of complaint.
fn all_readers_test(zip: &Path) {
    python_tests(zip);
    zip_crate_tests(zip);
    let said = |name: &str, out: Option<Output>| {
        if let Some(out) = out {
            let said = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success(), "{name}: {said}");
            assert_eq!(said, "", "{name}");
        }
    };
    said("unzip", tool("unzip", &["-tqq"], zip));
    said("jar", tool("jar", &["tf"], zip));
    said("7z", tool("7z", &["t", "-bso0"], zip));
    for args in [&["-tf"][..], &["-xOf"]] {
        said("bsdtar", tool("bsdtar", args, zip));
    }
    said("jar", piped("jar", &["t"], zip));
    said("bsdtar", piped("bsdtar", &["-tf", "-"], zip));
}
