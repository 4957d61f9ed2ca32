//! `lifeboat cat`: the bytes of one file, as they were.
//!
//! Nothing but those bytes may reach stdout, and each chunk is checked before it does; a cut-off output is told by the
//! exit code alone.

use lifeboat_snapshot::SnapshotError;
use lifeboat_snapshot::path::{BadName, TreePath};

use crate::args::Pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::suggest;

/// Write a file of a snapshot to standard output
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
    /// The file, as ls shows it
    #[arg(value_name = "PATH")]
    path: std::ffi::OsString,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let path = tree_path(&args.path)?;
    let repository = context.repository()?;
    let snapshot = args.pick.find(&repository)?;
    if path.is_root() {
        let (path, snapshot) = ("/".to_owned(), snapshot.id);
        let error = SnapshotError::NotAFile {
            path,
            kind: "folder",
            snapshot,
        };
        return Err(error.into());
    }
    let tree = repository.tree(&snapshot)?;
    tree.entry(&path)?;
    let mut out = context.ui.raw();
    let read = tree.read(&path, &mut out);
    match out.end() {
        Some(failure) => Err(failure),
        None => Ok(read.map(|()| Exit::Done)?),
    }
}

/// A path inside a snapshot, as it was typed.
pub(super) fn tree_path(text: &std::ffi::OsStr) -> Result<TreePath, Failure> {
    use std::os::unix::ffi::OsStrExt;
    TreePath::parse(text.as_bytes()).map_err(|error: BadName| {
        Failure::usage(format!(
            "{} is no path in a snapshot",
            text.to_string_lossy()
        ))
        .because(error.to_string())
        .hint(format!(
            "paths are relative to the snapshot's root, as {} shows them",
            suggest::command("ls")
        ))
    })
}
