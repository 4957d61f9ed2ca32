//! Programs and privileges that only some machines have. A test that does without one says so, and which.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Whether a program is there; says so where it is not.
pub(crate) fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect::<Vec<PathBuf>>())
        .unwrap_or_default()
        .iter()
        .any(|folder| folder.join(program).is_file());
    if !found {
        without(program);
    }
    found
}

/// Whether the tests run as root; says so where they do not.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        without("root");
    }
    root
}

/// Whether a command runs and ends well; says so where it does not.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    let status = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let works = status.is_ok_and(|status| status.success());
    if !works {
        without(&format!("{program} {}", args.join(" ")));
    }
    works
}

/// Says what a test does without.
pub(crate) fn without(what: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Past the harness, which hides what a test that passes prints.
    let _ = writeln!(std::io::stderr(), "{test} did without {what}");
}
