//! Whether each source is there, is being backed up, and not only onto its own disk.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use lifeboat_snapshot::path::of_bytes;
use lifeboat_snapshot::{History, Newest, Repository, Run, SourceKey};

use super::finding::Finding;
use crate::commands::status::{has_failed, next::Next, wanted};
use crate::config::Config;
use crate::context::this_host;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::suggest;
use crate::ui::words::quoted;
use crate::ui::{facts, words};

/// What is known of the sources of this machine.
pub(super) struct Sources<'r> {
    pub(super) repository: &'r Repository,
    pub(super) config: &'r Config,
    pub(super) history: &'r History,
    pub(super) next: &'r Next,
    pub(super) now: DateTime<Utc>,
}

impl Sources<'_> {
    /// Those of the config, else those of the snapshots of this machine, with what is wrong with them.
    pub(super) fn look(&self) -> Result<(Vec<PathBuf>, Vec<Finding>), Failure> {
        let listing = self.repository.snapshots()?;
        let newest = self.repository.newest(&listing, &wanted(self.config));
        let host = this_host();
        let mut findings = Vec::new();
        let mut there = Vec::new();
        for (key, newest) in newest.iter().filter(|(key, _)| key.0 == host) {
            let path = of_bytes(&key.1);
            match path.metadata() {
                Ok(stat) => {
                    findings.extend(self.same_disk(path, stat.dev()));
                    there.push(path.to_owned());
                }
                Err(_) => findings.push(missing(path)),
            }
            findings.extend(self.age(key, path, newest.as_ref()));
        }
        if newest.is_empty() {
            findings.push(
                Finding::bad("no-source", Exit::NoneYet, "nothing is backed up")
                    .mend(suggest::command("backup /srv/data")),
            );
        }
        findings.extend(self.schedule());
        Ok((there, findings))
    }

    fn same_disk(&self, path: &Path, device: u64) -> Option<Finding> {
        let place = self.repository.place();
        let is_same = place.metadata().is_ok_and(|stat| stat.dev() == device);
        is_same.then(|| {
            let (path, place) = (facts::shown(path), facts::shown(&place));
            Finding::advice(
                "same-disk",
                format!("{path} and its repository {place} are on one disk, and are lost with it"),
            )
            .mend("send the zips to another disk: [zip] dir = \"/media/usb\" in lifeboat.toml")
        })
    }

    /// Whether the newest snapshot is young and whole, and the last run went well.
    fn age(&self, key: &SourceKey, path: &Path, newest: Option<&Newest>) -> Option<Finding> {
        let shown = facts::shown(path);
        let backup = suggest::command(format!("backup {}", quoted(path)));
        let Some(newest) = newest else {
            let what = format!("{shown} was never backed up");
            return Some(Finding::bad("no-snapshot", Exit::NoneYet, what).mend(backup));
        };
        let limit = self.config.warn_after(path);
        let age = self.now.signed_duration_since(newest.snapshot.time());
        let run = self.history.last_failure(&key.0, &key.1);
        let error = run.and_then(|run| run.error.as_deref());
        let why = error.map_or_else(String::new, |error| format!(": {error}"));
        let told = words::age(newest.snapshot.time(), self.now);
        if age < chrono::TimeDelta::seconds(-300) {
            let what = format!("the last snapshot of {shown} is from the future ({told})");
            return Some(Finding::warning("clock", what).mend("set the clock, and look with date"));
        }
        let (kind, what) = if age.to_std().is_ok_and(|age| age > limit) {
            let what = format!("the last snapshot of {shown} was taken {told}{why}");
            ("stale", what)
        } else if run.is_some_and(has_failed) {
            ("failed", format!("the last backup of {shown} failed{why}"))
        } else if !newest.has_everything() {
            let what = format!("the last snapshot of {shown} is not whole");
            ("incomplete", what)
        } else {
            return lacking(run, &shown, backup);
        };
        Some(Finding::bad(kind, Exit::Stale, what).mend(backup))
    }

    /// Whether anything keeps to the schedule.
    fn schedule(&self) -> Option<Finding> {
        if self.next.is_attended != Some(false) {
            return None;
        }
        let mend = suggest::command("daemon install --user");
        Some(match self.next.is_due() {
            true => Finding::bad(
                "schedule",
                Exit::Stale,
                "the schedule of the config does not run: a backup is due, and there is no daemon",
            )
            .mend(mend),
            false => Finding::advice(
                "no-daemon",
                "no daemon keeps to the schedule of the config; fine where cron or a timer runs the backups",
            )
            .mend(mend),
        })
    }
}

/// What went wrong beside a snapshot that has everything.
fn lacking(run: Option<&Run>, shown: &str, backup: String) -> Option<Finding> {
    let error = run.filter(|run| run.snapshot.is_some())?.error.as_ref()?;
    let what = format!("the last backup of {shown} did not do all that was asked: {error}");
    Some(Finding::warning("lacking", what).mend(backup))
}

fn missing(path: &Path) -> Finding {
    let what = format!("the source {} does not exist", facts::shown(path));
    Finding::bad("source-missing", Exit::SourceBad, what)
        .mend("mount its disk, or take it out of the config; its snapshots stay as they are")
}
