//! The end of a restore, after a crash or without: its steps are done or taken back, what must stay is marked, the journal
//! goes, and then the stages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::Real;
use super::journal::Journal;
use super::{back, stage, steps};
use crate::error::{Result, SnapshotError};

/// Does what the journal says. Where that cannot be done it is taken back, and the journal goes in either case. Before it
/// goes, the stages are marked that must not be thrown away.
pub(super) fn finish(journal: &Journal, files: &[Real], leader: &Path) -> Result<()> {
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
    Err(SnapshotError::RestoreStopped {
        path,
        taken_back: true,
        // What could not be tidied up is found by whoever comes next.
        kept: clear(journal, leader).unwrap_or_default(),
        source: stopped.error,
    })
}

fn stopped_at(path: PathBuf, source: std::io::Error) -> SnapshotError {
    SnapshotError::RestoreStopped {
        path,
        taken_back: false,
        kept: Vec::new(),
        source,
    }
}

/// Marks the stages of these steps as not to be thrown away.
fn keep(journal: &Journal, steps: &[usize]) -> std::io::Result<()> {
    let steps = steps.iter().filter_map(|step| journal.steps.get(*step));
    let numbers: BTreeSet<u32> = steps.map(|step| step.folder).collect();
    let stages = journal.places().zip(0..);
    let mut stages = stages.filter(|(_, number)| numbers.contains(number));
    stages.try_for_each(|((_, stage), _)| stage::keep(&stage))
}

/// Throws the stages of a finished journal away, the leader's last, but for those that are to be kept: their new places.
pub(super) fn clear(journal: &Journal, leader: &Path) -> Result<Vec<PathBuf>> {
    let mut laid_aside = Vec::new();
    let stages: BTreeSet<PathBuf> = journal.places().map(|(_, stage)| stage).collect();
    for stage in stages.iter().filter(|stage| *stage != leader) {
        laid_aside.extend(stage::discard(stage)?);
    }
    laid_aside.extend(stage::discard(leader)?);
    Ok(laid_aside)
}
