//! The end of a restore, after a crash or without: its steps are done or taken back, what must stay is marked, the journal
//! goes, and then the stages.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::error::InPlaceError;
use super::files::Real;
use super::journal::{Change, Journal, Step};
use super::vouch::Vouchers;
use super::{back, stage, steps};
use crate::error::{Result, SnapshotError};

/// Does what the journal says. Where that cannot be done it is taken back, and the journal goes in either case. Before it
/// goes, the stages are marked that must not be thrown away.
pub(super) fn finish(
    journal: &Journal,
    files: &[Real],
    leader: &Path,
    vouchers: &Vouchers,
) -> Result<()> {
    let stopped = match steps::carry_out(journal, files) {
        Ok(kept) => match keep(journal, &kept) {
            Ok(()) => return Journal::end(leader),
            Err(error) => return Err(stopped_at(leader.to_owned(), error)),
        },
        Err(stopped) => stopped,
    };
    let step = journal.steps.get(stopped.step);
    let place = step.and_then(|step| journal.places().nth(step.folder as usize));
    let path = match (step, place) {
        (Some(step), Some((live, _))) => step.path.below(&live),
        _ => leader.to_owned(),
    };
    let left = match back::take_back(journal, files) {
        Ok(left) => left,
        Err(_) => return Err(stopped_at(path, stopped.error)),
    };
    if let Err(error) = keep(journal, &left) {
        return Err(stopped_at(leader.to_owned(), error));
    }
    Journal::end(leader)?;
    Err(InPlaceError::RestoreStopped {
        path,
        taken_back: true,
        // What could not be tidied up is found by whoever comes next.
        kept: clear(journal, leader, vouchers).unwrap_or_default(),
        source: stopped.error,
    }
    .into())
}

fn stopped_at(path: PathBuf, source: std::io::Error) -> SnapshotError {
    InPlaceError::RestoreStopped {
        path,
        taken_back: false,
        kept: Vec::new(),
        source,
    }
    .into()
}

/// Marks the stages of these steps as not to be thrown away, and says in them what is what.
fn keep(journal: &Journal, steps: &[usize]) -> std::io::Result<()> {
    for ((live, stage), folder) in journal.places().zip(0..) {
        let mut lines = Vec::new();
        for number in steps {
            let step = journal.steps.get(*number);
            if let Some(step) = step.filter(|step| step.folder == folder) {
                lines.extend(line(*number, step, &live));
            }
        }
        if !lines.is_empty() {
            stage::keep(&stage, &lines)?;
        }
    }
    Ok(())
}

/// Where something is in the stage, and where it was.
fn line(number: usize, step: &Step, live: &Path) -> Vec<u8> {
    let path = step.path.below(live);
    let mut line = format!("{}/{number}", steps::OLD).into_bytes();
    if let Change::Put { staged, .. } = &step.change {
        line.extend_from_slice(b" or ");
        line.extend_from_slice(staged.below(Path::new("")).as_os_str().as_bytes());
    }
    line.extend_from_slice(b" was ");
    line.extend_from_slice(path.as_os_str().as_bytes());
    line.push(b'\n');
    line
}

/// Throws the stages of a finished journal away, the leader's last, but for those that are to be kept: their new places.
pub(super) fn clear(journal: &Journal, leader: &Path, vouchers: &Vouchers) -> Result<Vec<PathBuf>> {
    let mut laid_aside = Vec::new();
    let stages: BTreeSet<PathBuf> = journal.places().map(|(_, stage)| stage).collect();
    for stage in stages.iter().filter(|stage| *stage != leader) {
        laid_aside.extend(stage::discard(stage)?);
    }
    laid_aside.extend(stage::discard(leader)?);
    stages.iter().for_each(|stage| vouchers.forget(stage));
    Ok(laid_aside)
}
