//! Taking lost chunks again from the live sources.
//!
//! Files that lack something are read again where they stood and cut as backups cut; the session stores those pieces whose
//! id is missing, and no others. Where entries of a folder are lost the whole source is read again, which brings back the
//! descriptions of what has not changed. Whatever else stands there by now is of no account: the id decides.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lifeboat_store::Session;

use super::{Lost, LostKind, Retaken};
use crate::capture::{Backup, again};
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::Monitor;
use crate::repository::Repository;
use crate::sqlite::{CaptureOptions, Check};

impl Repository {
    /// Reads again what may hold something that is lost; gives what did.
    pub(super) fn take_again(
        &self,
        session: &Session<'_>,
        capture: &Backup,
        lost: &[Lost],
        monitor: &dyn Monitor,
    ) -> Result<Vec<Retaken>> {
        let mut retaken = Vec::new();
        let mut note = |path: &Path, read: &mut dyn FnMut() -> Result<()>| -> Result<()> {
            let before = session.totals();
            match read() {
                Err(error) if is_final(&error) => return Err(error),
                // A source that is gone, or cannot be read, gives nothing.
                Ok(()) | Err(_) => {}
            }
            let after = session.totals();
            if after.new_chunks > before.new_chunks {
                retaken.push(Retaken {
                    path: path.to_owned(),
                    chunks: after.new_chunks - before.new_chunks,
                    bytes: after.new_bytes - before.new_bytes,
                });
            }
            Ok(())
        };
        let folders: BTreeSet<&PathBuf> = of_kind(lost, |kind| kind == LostKind::Folder).collect();
        // The outermost are enough.
        let is_inside = |path: &Path| {
            let mut above = path.ancestors().skip(1);
            above.any(|above| folders.contains(&above.to_owned()))
        };
        for folder in folders.iter().filter(|folder| !is_inside(folder)) {
            note(folder, &mut || {
                again::folder(self, session, capture, folder, monitor)
            })?;
        }
        let is_content = |kind| matches!(kind, LostKind::File | LostKind::Database);
        let files: BTreeSet<&PathBuf> = of_kind(lost, is_content).collect();
        for file in files {
            if monitor.cancelled() {
                return Err(SnapshotError::cancelled());
            }
            monitor.item(file);
            note(file, &mut || read_file(session, capture, file, monitor))?;
        }
        Ok(retaken)
    }
}

fn of_kind(lost: &[Lost], is_it: impl Fn(LostKind) -> bool) -> impl Iterator<Item = &PathBuf> {
    let lost = lost.iter().filter(move |lost| is_it(lost.kind));
    lost.map(|lost| &lost.path)
}

/// Reads a file, or the database in its place, into the session.
fn read_file(
    session: &Session<'_>,
    capture: &Backup,
    path: &Path,
    monitor: &dyn Monitor,
) -> Result<()> {
    let seen = path.symlink_metadata().of_source(path)?;
    if !seen.is_file() {
        return Ok(());
    }
    if again::file(session, path, &seen, monitor)? {
        return Ok(());
    }
    let options = CaptureOptions {
        busy_timeout: capture.busy_timeout,
        check: Check::None,
        row_count_budget: Duration::ZERO,
        scratch: capture.scratch.clone(),
        stop: Arc::default(),
        ..CaptureOptions::default()
    };
    again::database(session, path, &options, monitor)
}

/// Whether it concerns the repair itself and not the one source.
fn is_final(error: &SnapshotError) -> bool {
    matches!(error, SnapshotError::Store(_))
}
