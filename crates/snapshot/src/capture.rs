//! Taking a snapshot: sources → chunks → manifest → record, in that order, so that whatever is interrupted is absent.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lifeboat_store::{Options, Session, SnapshotId};
use serde_bytes::ByteBuf;

use crate::content::put_meta;
use crate::entry::Entry;
use crate::error::{IoContext, Result};
use crate::manifest::{Manifest, Source};
use crate::monitor::{Monitor, Task};
use crate::record::{MAX_SEQUENCE, Snapshot};
use crate::repository::{Listing, Repository};

use assemble::Assembly;
use draft::{Draft, wrap};
#[cfg(feature = "testing")]
pub(crate) use exclude::Excludes;
use room::Room;
use roots::{excludes_of, look_at_sources, path_bytes};
use settings::Settings;
use tally::Tally;
use walk::{Walk, find_root};

pub use exclude::ExcludeRules;
pub use own::SourceRules;
pub use past::Past;
pub use plan::{Backup, BackupReport, CheckPolicy, CountQuery};
pub use preview::{BackupPreview, DatabasePreview, SourcePreview};
pub use tally::DatabaseReport;

pub(crate) mod again;
pub(crate) mod ahead;
mod assemble;
mod backup;
mod bytes;
mod companions;
mod database;
pub(crate) mod describe;
mod draft;
mod emptied;
pub(crate) mod exclude;
pub(crate) mod file;
mod foreseen;
mod gone;
mod inside;
mod linked;
mod own;
mod past;
mod plan;
pub(crate) mod preview;
mod queued;
mod relatives;
mod room;
mod roots;
mod scout;
mod settings;
mod settle;
mod sparse;
mod stream;
mod tally;
mod undone;
mod unsized_file;
pub(crate) mod walk;
pub(crate) mod xattrs;

/// Whether a snapshot is one of these sources on the plan's machine.
fn is_alike(snapshot: &Snapshot, plan: &Backup, names: &[ByteBuf]) -> bool {
    snapshot.host == plan.host && snapshot.sources == names
}

impl Repository {
    fn capture(&self, plan: &Backup, monitor: &dyn Monitor) -> Result<BackupReport> {
        let began = Instant::now();
        let sources = look_at_sources(&self.place(), plan)?;
        let session = self.store().begin(Options {
            level: plan.level,
            parity: plan.parity,
            ..Options::default()
        })?;
        match self.draft(&session, plan, &sources, monitor) {
            Ok(draft) if draft.is_unchanged && plan.skip_if_unchanged => {
                session.abandon()?;
                Ok(draft.report(None, began))
            }
            Ok(draft) => {
                session.flush()?;
                let sequence = self.next_sequence(&draft.seen)?;
                let snapshot = draft.snapshot(&session, sequence, plan, began);
                let (snapshot, record) = wrap(snapshot, session.totals())?;
                session.commit(&record)?;
                Ok(draft.report(Some(snapshot), began))
            }
            Err(error) => {
                // The error that ended the backup is the one to tell.
                let _ = session.abandon();
                Err(error)
            }
        }
    }

    /// What is known of the room for more.
    fn room<'p>(&self, place: &'p Path) -> Room<'p> {
        let free_bytes = self.store().free_bytes().ok().flatten();
        Room { place, free_bytes }
    }

    /// Everything up to the record.
    fn draft(
        &self,
        session: &Session<'_>,
        plan: &Backup,
        sources: &[PathBuf],
        monitor: &dyn Monitor,
    ) -> Result<Draft> {
        let now = self.clock().now();
        // Read after the session was registered: what is seen now may not be deleted until it ends (I2).
        let listing = self.snapshots()?;
        let past = plan.past.as_ref();
        let as_given = || sources.iter().map(|path| path_bytes(path)).collect();
        let names: Vec<ByteBuf> = past.map_or_else(as_given, Past::names);
        let is_alike = |other: &&Snapshot| is_alike(other, plan, &names);
        let own_parent = || listing.snapshots.iter().rfind(is_alike);
        let parent = past.map_or_else(own_parent, |past| past.parent(&listing, is_alike));
        let parent = parent.cloned();
        monitor.begin(Task::Capture, parent.as_ref().map(|parent| parent.bytes));
        // A parent whose manifest is damaged is no parent: everything is read anew.
        let before = parent
            .as_ref()
            .and_then(|parent| self.manifest(parent).ok());
        let settings = Settings::new(plan, before.as_ref(), now);
        let roots = before.iter().flat_map(|before| &before.sources);
        let roots = roots.map(|source| source.root.clone()).collect();
        let mut tally = Tally::default();
        tally.warn_of_plan(self.store().verify_plan(), monitor);
        let alike = listing.snapshots.iter().rev().filter(is_alike);
        let place = self.place();
        if let Some(doubt) = self.room(&place).check(plan, sources, alike, monitor)? {
            tally.warn(monitor, doubt);
        }
        let manifest =
            self.capture_sources(session, &settings, sources, roots, &mut tally, monitor)?;
        past.map_or(Ok(()), Past::check_unpacked)?;
        let near = parent.as_ref().map(|parent| &parent.manifest);
        let has_same_flags = before
            .as_ref()
            .is_some_and(|before| before.flags == manifest.flags);
        let is_unchanged =
            has_same_flags && !tally.differs && settings.are_same(&manifest.databases);
        Ok(Draft {
            is_unchanged,
            manifest: put_meta(session, &manifest.encode()?, near)?,
            seen: listing,
            time_ms: past.map_or(settings.now_ms, |past| past.time_ms),
            sources: names,
            parent,
            tally,
        })
    }

    fn capture_sources(
        &self,
        session: &Session<'_>,
        settings: &Settings<'_>,
        sources: &[PathBuf],
        before: Vec<Entry>,
        tally: &mut Tally,
        monitor: &dyn Monitor,
    ) -> Result<Manifest> {
        let mut before = before.into_iter();
        let mut stored = Vec::new();
        for (number, path) in (0..).zip(sources) {
            tally.source = number;
            let before = before.next();
            let files_before = tally.files;
            let mut root = self.capture_source(session, settings, path, before, tally, monitor)?;
            if tally.files == files_before && !settings.plan.allow_empty {
                self.check_emptied(settings.plan, path)?;
            }
            let past = settings.plan.past.as_ref();
            past.iter().for_each(|past| past.settle_root(&mut root));
            stored.push(Source {
                path: path_bytes(past.map_or(path, |past| &past.source)),
                files: tally.files - files_before,
                root,
            });
        }
        let taken = tally.databases.iter().map(|report| &report.database);
        tally.gone = settings.gone(sources, taken.map(|one| (one.source, &one.path)));
        let databases = tally.databases.iter().map(|report| report.database.clone());
        Ok(Manifest {
            sources: stored,
            databases: databases.collect(),
            flags: std::mem::take(&mut tally.flags),
        })
    }

    fn capture_source(
        &self,
        session: &Session<'_>,
        settings: &Settings<'_>,
        path: &Path,
        before: Option<Entry>,
        tally: &mut Tally,
        monitor: &dyn Monitor,
    ) -> Result<Entry> {
        let stat = std::fs::symlink_metadata(path).of_source(path)?;
        let plan = settings.plan.of_source(tally.source);
        let settings = &Settings {
            plan: &plan,
            ..settings.clone()
        };
        let excludes = excludes_of(&self.place(), settings.plan, path, &stat)?;
        let walk = Walk::new(&excludes, find_root(path, stat)?);
        let assembly = Assembly::new(session, monitor, settings, &excludes, tally, before);
        // A single file that cannot be read leaves nothing of its source.
        let root = scout::ahead(walk, |steps| assembly.run(steps))?;
        root.ok_or_else(|| std::io::Error::other("it could not be read"))
            .of_source(path)
    }

    /// The number behind those of all snapshots, the ones included that others have committed since `seen` was read.
    fn next_sequence(&self, seen: &Listing) -> Result<u64> {
        let known: HashSet<SnapshotId> = seen.ids().collect();
        let sequences = seen.snapshots.iter().map(|snapshot| snapshot.sequence);
        let mut newest = sequences.max().unwrap_or(0);
        // One that cannot be read now may be read tomorrow, and must not be the newest then: each may have raised the number.
        let mut unread = seen.damaged.len();
        for id in self.store().records()? {
            if known.contains(&id) {
                continue;
            }
            match self.snapshot(id) {
                Ok(other) => newest = newest.max(other.sequence),
                Err(_) => unread += 1,
            }
        }
        // One that is brought back takes its old place, which must be nobody else's.
        let forgotten = self.forgotten()?;
        unread += forgotten.damaged.len();
        let sequences = forgotten.items.iter().map(|item| item.snapshot.sequence);
        let newest = newest.max(sequences.max().unwrap_or(0));
        // Where no number is left, the last one is shared: the order is then that of the names.
        Ok(newest.saturating_add(1 + unread as u64).min(MAX_SEQUENCE))
    }
}
