//! Every test file is declared, and every test that `docs/testing.md` names exists: a test that nobody runs and a promise
//! that nobody tests look the same as good ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The top of the checkout.
fn top() -> PathBuf {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
    cli.join("../..").canonicalize().unwrap()
}

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.insert(path);
            }
        }
    }
    files
}

/// The files that a file declares, all levels down.
fn declared(file: &Path, below: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::from([file.to_owned()]);
    for line in fs::read_to_string(file).unwrap().lines() {
        let line = line.trim_start_matches("pub(crate) ");
        let name = line
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(';'));
        if let Some(name) = name {
            let inner = below.join(name);
            files.extend(declared(&inner.with_extension("rs"), &inner));
        }
    }
    files
}

/// The files that a manifest declares: this binary, and examples.
fn targets(manifest: &Path) -> BTreeSet<PathBuf> {
    let text = fs::read_to_string(manifest).unwrap();
    let paths = text.lines().filter_map(|line| line.strip_prefix("path = "));
    let paths = paths.map(|path| manifest.with_file_name(path.trim_matches('"')));
    paths.filter_map(|path| path.canonicalize().ok()).collect()
}

#[test]
fn no_test_file_is_forgotten() {
    let tests = top().join("tests");
    let mut declared = declared(&tests.join("main.rs"), &tests);
    for package in ["store", "snapshot", "cli"] {
        let targets = targets(&top().join("crates").join(package).join("Cargo.toml"));
        declared.extend(
            targets
                .into_iter()
                .filter(|target| target.starts_with(&tests)),
        );
    }
    assert_eq!(rust_files(&tests), declared);
}

/// The names of all tests of the workspace.
fn test_names() -> BTreeSet<String> {
    let folders = [top().join("tests"), top().join("crates")];
    let mut names = BTreeSet::new();
    for file in folders.iter().flat_map(|folder| rust_files(folder)) {
        let text = fs::read_to_string(file).unwrap();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            is_test |= line == "#[test]";
            if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
                names.extend(rest.split('(').next().map(str::to_owned));
                is_test = false;
            }
        }
    }
    names
}

/// The words between backquotes in a table row of the document.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_docs_name_exists() {
    let document = fs::read_to_string(top().join("docs/testing.md")).unwrap();
    let tests = test_names();
    let rows = document.lines().filter(|line| {
        line.starts_with("| F-") || line.starts_with("| R") || line.starts_with("| bad ")
    });
    let named: BTreeSet<&str> = rows.flat_map(quoted).collect();
    assert!(named.len() > 50, "the table was not understood: {named:?}");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !tests.contains(**name))
        .collect();
    assert_eq!(missing, [&""; 0], "named in docs/testing.md, and no test");
}
