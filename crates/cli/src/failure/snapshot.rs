//! What a failure of a backup, a restore or a look inside means for whoever runs the program.

use std::io;
use std::path::Path;

use lifeboat_snapshot::SnapshotError;
use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::zip::ZipError;

use super::{Failure, disk, store};
use crate::exit::Exit;
use crate::suggest;
use crate::ui::words;

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Store(error) => error.into(),
            SnapshotError::Sqlite(error) => error.into(),
            SnapshotError::InPlace(error) => error.into(),
            error => explained(Self::of(exit_of(&error), &error), &error),
        }
    }
}

fn exit_of(error: &SnapshotError) -> Exit {
    match error {
        SnapshotError::SourceMissing { .. } | SnapshotError::SourceVanished { .. } => {
            Exit::SourceBad
        }
        SnapshotError::SourceInRepository { .. }
        | SnapshotError::NoSource
        | SnapshotError::SnapshotUnknown { .. }
        | SnapshotError::NoneAdmitted { .. }
        | SnapshotError::SnapshotRemoved { .. }
        | SnapshotError::SnapshotAmbiguous { .. }
        | SnapshotError::SnapshotNameInvalid { .. }
        | SnapshotError::PathUnknown { .. }
        | SnapshotError::NotAFile { .. }
        | SnapshotError::NothingMatches { .. }
        | SnapshotError::TooMany { .. }
        | SnapshotError::BadPattern { .. }
        | SnapshotError::Pinned { .. }
        | SnapshotError::WouldForgetAll { .. }
        | SnapshotError::LastWhole { .. }
        | SnapshotError::ForgottenUnknown { .. } => Exit::Usage,
        SnapshotError::Refused { .. }
        | SnapshotError::TargetSwapped { .. }
        | SnapshotError::ArchiveRefused { .. } => Exit::Untrusted,
        SnapshotError::NewestUnknown { source, .. } | SnapshotError::Unreadable { source, .. } => {
            store::exit_of(source)
        }
        SnapshotError::TargetNotEmpty { .. }
        | SnapshotError::TargetUnusable { .. }
        | SnapshotError::PlaceInRepository { .. }
        | SnapshotError::NamesCollide { .. } => Exit::Target,
        SnapshotError::NoSpace { .. } | SnapshotError::NoFiles { .. } => Exit::NoSpace,
        SnapshotError::Zip { source, .. } => zip(source),
        SnapshotError::Io { source, .. } => disk::exit_of(source),
        _ => Exit::Failed,
    }
}

fn zip(error: &ZipError) -> Exit {
    zip_io(error).map_or(Exit::Failed, disk::exit_of)
}

/// The file system's part in it, if it had one.
fn zip_io(error: &ZipError) -> Option<&io::Error> {
    match error {
        ZipError::Write(error) => Some(error),
        _ => None,
    }
}

fn with_hint(failure: Failure, error: Option<&io::Error>) -> Failure {
    match error.and_then(disk::hint) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Sorts what the sentence says into what, cause, hint and facts.
fn explained(failure: Failure, error: &SnapshotError) -> Failure {
    match error {
        SnapshotError::SourceVanished { path, files_before } => vanished(path, *files_before),
        SnapshotError::SnapshotAmbiguous { candidates, .. } => ambiguous(failure, candidates),
        SnapshotError::TargetUnusable { path, reason } => {
            Failure::new(Exit::Target, format!("{} cannot be used", path.display()))
                .because(reason)
                .path(path)
                .hint("name another place")
        }
        SnapshotError::ArchiveRefused { path, reason } => {
            Failure::new(Exit::Untrusted, format!("cannot import {}", path.display()))
                .because(reason)
                .path(path)
                .hint("nothing of it was taken in")
        }
        SnapshotError::BadPattern { pattern, reason } => {
            Failure::usage(format!("the pattern '{pattern}' makes no sense")).because(reason)
        }
        SnapshotError::NoSpace {
            path,
            needed_bytes,
            free_bytes,
        } => no_space(path, *needed_bytes, *free_bytes),
        SnapshotError::NoneAdmitted { reason, .. } => failure.because(reason),
        SnapshotError::PathUnknown { snapshot, .. } | SnapshotError::NotAFile { snapshot, .. } => {
            let ls = suggest::command(format!("ls {}", snapshot.short()));
            failure.hint(format!("{ls} shows what it holds"))
        }
        SnapshotError::SourceMissing { path, .. } => failure.path(path),
        SnapshotError::TargetNotEmpty { path } => failure.path(path).hint(
            "name a folder that is empty or does not exist yet, or see --overwrite in lifeboat help restore",
        ),
        SnapshotError::NamesCollide { path, pairs } => failure
            .because(format!("the snapshot has {}", first_of(pairs, 10)))
            .path(path)
            .field("pairs", pairs.clone())
            .hint("name a folder on another file system, or restore a part with --path"),
        SnapshotError::TargetSwapped { path } | SnapshotError::NoFiles { path, .. } => {
            failure.path(path)
        }
        SnapshotError::Zip { path, source } => with_hint(failure, zip_io(source)).path(path),
        SnapshotError::Io { source, path, .. } => with_hint(failure, Some(source)).path(path),
        other => match way_on(other).or_else(|| advice(other).map(str::to_owned)) {
            Some(hint) => failure.hint(hint),
            None => failure,
        },
    }
}

/// The command that helps with errors of which the sentence says everything else.
fn way_on(error: &SnapshotError) -> Option<String> {
    let with = |command, before: &str, after: &str| {
        Some(format!("{before}{}{after}", suggest::command(command)))
    };
    match error {
        SnapshotError::NoSource => with("backup /srv/data", "name a folder, as in: ", ""),
        SnapshotError::SnapshotUnknown { .. } | SnapshotError::SnapshotRemoved { .. } => {
            with("list", "", " shows what there is")
        }
        SnapshotError::NewestUnknown { .. } => with(
            "list",
            "name a snapshot by its id: ",
            " shows those that can be read",
        ),
        SnapshotError::Pinned { .. } => with("unpin", "nothing was forgotten; ", " lets go of it"),
        SnapshotError::ForgottenUnknown { .. } => {
            with("list --forgotten", "", " shows what there is")
        }
        SnapshotError::Collected { .. } => with(
            "list --forgotten",
            "nothing was brought back; what else can be, ",
            " shows",
        ),
        SnapshotError::NothingMatches { .. } => with(
            "ls -R",
            "patterns are as in .gitignore; ",
            " shows what there is",
        ),
        _ => None,
    }
}

/// What else to do about them.
fn advice(error: &SnapshotError) -> Option<&'static str> {
    Some(match error {
        SnapshotError::PlaceInRepository { .. } => {
            "nothing was changed; use that repository, or name a place outside of it with --repo"
        }
        SnapshotError::SourceInRepository { .. } => {
            "a repository cannot hold itself: name another source, or another --repo"
        }
        SnapshotError::SnapshotNameInvalid { .. } => {
            "names are an id or its first 4 digits or more, latest, or latest~1 for the one before"
        }
        SnapshotError::WouldForgetAll { .. } => {
            "nothing was forgotten; if that is meant, say so with --force"
        }
        SnapshotError::LastWhole { .. } => {
            "nothing was forgotten; the others are incomplete. If that is meant, say so with --force"
        }
        SnapshotError::TooMany { .. } => "take them into several snapshots",
        SnapshotError::NoThread { .. } => {
            "let this user have more processes and threads (ulimit -u), or end some of them"
        }
        _ => return None,
    })
}

fn vanished(path: &Path, files_before: u64) -> Failure {
    let what = format!("the source {} is empty", path.display());
    let before = words::counted(files_before, "file", "files");
    Failure::new(Exit::SourceBad, what)
        .because(format!(
            "its last snapshot has {before}; a disk may not be mounted"
        ))
        .path(path)
        .hint("if it is meant to be empty, say so with --allow-empty")
}

fn no_space(path: &Path, needed: u64, free: u64) -> Failure {
    let (needed_words, free_words) = (words::size(needed), words::size(free));
    Failure::new(
        Exit::NoSpace,
        format!("there is too little room at {}", path.display()),
    )
    .because(format!(
        "{needed_words} are needed and {free_words} are free"
    ))
    .path(path)
    .field("needed_bytes", needed)
    .field("free_bytes", free)
    .hint("make room there, or choose another place")
}

fn ambiguous(failure: Failure, candidates: &[SnapshotId]) -> Failure {
    let ids: Vec<String> = candidates.iter().map(ToString::to_string).collect();
    let short: Vec<&str> = ids.iter().filter_map(|id| id.get(..12)).collect();
    failure
        .because(format!("it could be {}", first_of(&short, 5)))
        .field("candidates", ids)
        .hint("type more of its digits")
}

/// The first of many things.
fn first_of(things: &[impl AsRef<str>], most: usize) -> String {
    let shown: Vec<&str> = things.iter().take(most).map(AsRef::as_ref).collect();
    let more = if things.len() > most { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests;
