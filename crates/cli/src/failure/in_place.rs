//! What a failure of a restore over live data means for whoever stands before it in a hurry.

use std::path::{Path, PathBuf};

use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{Holder, InPlaceError, SnapshotError};

use super::{Failure, disk};
use crate::exit::Exit;
use crate::suggest;

impl From<InPlaceError> for Failure {
    fn from(error: InPlaceError) -> Self {
        match error {
            InPlaceError::WrittenBack {
                written,
                safety,
                source,
            } => written_back(&written, safety, *source),
            error => explained(Self::of(exit_of(&error), &error), &error),
        }
    }
}

fn exit_of(error: &InPlaceError) -> Exit {
    match error {
        InPlaceError::TargetHeld { .. } | InPlaceError::InUse { .. } => Exit::Held,
        InPlaceError::ChangedMeanwhile { .. } => Exit::SourceBusy,
        InPlaceError::Unfinished { .. } => Exit::SourceBad,
        InPlaceError::NotSaved { .. }
        | InPlaceError::NotOnline { .. }
        | InPlaceError::JournalUnusable { .. }
        | InPlaceError::LeaderMissing { .. } => Exit::Target,
        InPlaceError::RestoreStopped { source, .. } => disk::exit_of(source),
        InPlaceError::NothingToUndo => Exit::Usage,
        InPlaceError::RestoredWrong { .. } => Exit::Damage,
        _ => Exit::Failed,
    }
}

/// Sorts what its sentence says into what, cause, hint and facts.
fn explained(failure: Failure, error: &InPlaceError) -> Failure {
    match error {
        InPlaceError::TargetHeld { path } => failure.path(path).hint("wait for it to end"),
        InPlaceError::InUse { path, holders } => in_use(path, holders),
        InPlaceError::NotSaved { path, reason } => {
            let what = format!("{} cannot be saved before it is replaced", path.display());
            Failure::new(Exit::Target, what)
                .because(reason)
                .path(path)
                .hint("nothing was changed; restore with --to another folder, and move things by hand")
        }
        InPlaceError::NotOnline { path, reason } => failure.because(reason).path(path).hint(
            "nothing was changed; stop the programs that use it, and restore without --online",
        ),
        InPlaceError::ChangedMeanwhile { path } => failure
            .path(path)
            .because("a program is writing to it")
            .hint("nothing was changed; stop that program, and try again"),
        InPlaceError::JournalUnusable { path, reason } => unusable(path, reason),
        InPlaceError::Unfinished { path } => failure.path(path).hint(
            "before a program starts, finish it: back up that folder, or run the same restore again",
        ),
        InPlaceError::LeaderMissing { path, leader } => failure.path(path).hint(format!(
            "nothing was changed; mount the disk of {}, and run the same command again",
            leader.display()
        )),
        InPlaceError::RestoreStopped {
            path,
            taken_back,
            kept,
            ..
        } => stopped(failure.path(path), *taken_back, kept),
        InPlaceError::RestoredWrong { path, reason } => Failure::new(
            Exit::Damage,
            format!("{} is not fit to be put in place", path.display()),
        )
        .because(reason)
        .path(path)
        .hint("nothing was changed; try an older snapshot"),
        InPlaceError::NothingToUndo => failure
            .hint("lifeboat restore --in-place saves what it replaces; nothing did that here yet"),
        _ => failure,
    }
}

fn unusable(journal: &Path, reason: &str) -> Failure {
    let what = "the restore that a crash has stopped cannot be finished";
    Failure::new(Exit::Target, what)
        .because(format!("{} {reason}", journal.display()))
        .path(journal)
        .hint(format!(
            "its safety snapshot holds everything: {} shows it, tagged before-restore",
            suggest::command("list")
        ))
}

fn stopped(failure: Failure, taken_back: bool, kept: &[PathBuf]) -> Failure {
    let shown: Vec<String> = kept.iter().map(|kept| kept.display().to_string()).collect();
    let hint = match (taken_back, shown.is_empty()) {
        (true, true) => "everything is as before; mend the cause, and try again".to_owned(),
        (true, false) => format!(
            "it is as before, but for what programs made meanwhile: see {}; mend the cause, and try again",
            shown.join(", ")
        ),
        (false, _) => {
            "some of it is new and some is old: mend the cause, and run the same command again"
                .to_owned()
        }
    };
    let failure = failure.field("taken_back", taken_back).hint(hint);
    match shown.is_empty() {
        true => failure,
        false => failure.field("kept", shown),
    }
}

/// Tells what happened in its own words, and that something was changed before: most of those words end in the opposite.
fn written_back(written: &[PathBuf], safety: Option<SnapshotId>, source: SnapshotError) -> Failure {
    let inner = Failure::from(source);
    let exit = inner.exit();
    let shown: Vec<String> = written
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let already = match shown.as_slice() {
        [one] => format!("{one} was"),
        _ => format!("{} databases were", shown.len()),
    };
    let name = safety.map_or_else(|| "tagged before-restore".to_owned(), |id| id.short());
    inner
        .instead(
            exit,
            format!("the restore is not complete: {already} written back already"),
        )
        .field("written_back", shown)
        .field("safety_snapshot", safety.map(|id| id.to_string()))
        .hint(format!(
            "run the same command again, or go back with {}: snapshot {name} holds everything as it was",
            suggest::command("undo --online")
        ))
}

/// Names the programs: whoever reads this has to stop them.
fn in_use(path: &Path, holders: &[Holder]) -> Failure {
    let mut programs: Vec<String> = holders.iter().map(ToString::to_string).collect();
    programs.dedup();
    let pids: Vec<u32> = holders.iter().filter_map(|holder| holder.pid).collect();
    Failure::new(Exit::Held, format!("{} is in use", path.display()))
        .because(format!("{} has it open", programs.join(", ")))
        .path(path)
        .field("pids", pids)
        .field("programs", programs)
        .hint("nothing was changed; stop the program first")
}
