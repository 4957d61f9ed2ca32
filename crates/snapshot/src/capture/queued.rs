//! Steps of a walk that are decided and wait for their turn, and the reading that some of them need before it.

use lifeboat_store::Session;
use rayon::prelude::*;

use super::file::{self, SMALL, Stored};
use super::settings::Settings;
use super::walk::Found;
use crate::entry::Entry;
use crate::error::Result;
use crate::folder::SharedBefore;
use crate::monitor::{Monitor, Warning, go_on};

/// A step that is decided, and the reading that it needs.
#[expect(
    clippy::large_enum_variant,
    reason = "most of a queue is the largest variant"
)]
pub(super) enum Queued<'s> {
    Enter {
        found: Found,
        entry_before: Option<Entry>,
        before: Option<SharedBefore<'s>>,
    },
    Leave,
    /// Told in its place, so that a second capture of a folder takes back what the first one told, and nothing else.
    Note(Warning),
    /// It has no bytes; what it was in the snapshot before is behind it.
    Entry(Entry, Option<Entry>),
    /// It was in the snapshot before and is not to be stored any more.
    Omitted,
    /// Left out on purpose, so many.
    Excluded(u64),
    /// A file whose bytes are as they were before, and all else in the entry too where it `is_same`.
    Unchanged {
        entry: Entry,
        is_same: bool,
    },
    Read {
        found: Found,
        before: Option<Entry>,
        result: Option<Result<Option<Stored>>>,
    },
    Database {
        found: Found,
        before: Option<Entry>,
    },
}

/// Reads the small files of a queue in parallel. Large ones are left to their turn, where all threads are for one of them.
pub(super) fn read_small(
    queue: &mut [Queued<'_>],
    session: &Session<'_>,
    monitor: &dyn Monitor,
    settings: &Settings<'_>,
) {
    let small: Vec<_> = queue
        .iter_mut()
        .filter_map(|queued| match queued {
            Queued::Read {
                found,
                before,
                result,
            } if found.stat.len() <= SMALL => Some((&*found, &*before, result)),
            _ => None,
        })
        .collect();
    small.into_par_iter().for_each(|(found, before, result)| {
        *result = Some(read(session, monitor, settings, found, before.as_ref()));
    });
}

/// Reads a file, if it is not to be captured as a database.
pub(super) fn read(
    session: &Session<'_>,
    monitor: &dyn Monitor,
    settings: &Settings<'_>,
    found: &Found,
    before: Option<&Entry>,
) -> Result<Option<Stored>> {
    go_on(monitor)?;
    monitor.item(&found.path);
    let near = before.and_then(|entry| entry.node.content());
    let as_database = settings.takes_databases(&found.path);
    file::store(
        session,
        monitor,
        &found.path,
        &found.stat,
        near,
        as_database,
    )
}
