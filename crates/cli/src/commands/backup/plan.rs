//! From what was typed and what the config says to the library's plan of one snapshot.

use std::path::{Path, PathBuf};

use chrono::Local;
use lifeboat_snapshot::retention::Policy;
use lifeboat_snapshot::{Backup, SourceRules, ZipTarget};

use super::{Args, prune, sources};
use crate::config::{Config, Settings, When, ZipRules};
use crate::context::{absolute, this_host};
use crate::failure::Failure;

/// What the config says of sources that go into one snapshot, without a zip.
pub(in crate::commands) fn configured(group: &[PathBuf], config: &Config) -> Backup {
    let mut exclude_folders = config.zip_dirs();
    // No source may be left out as the place of another one's zips.
    exclude_folders.retain(|folder| sources::check_zip_folder(folder, group).is_ok());
    let own = group.iter().map(|path| rules(config.settings(path)));
    Backup {
        sources: group.to_vec(),
        own: own.enumerate().collect(),
        exclude_folders,
        host: this_host(),
        offset_minutes: Local::now().offset().local_minus_utc() / 60,
        parity: config.parity(),
        check_room: true,
        ..Backup::default()
    }
}

/// What holds for one source.
fn rules(settings: Settings) -> SourceRules {
    SourceRules {
        excludes: settings.excludes,
        exclude_caches: settings.exclude_caches,
        exclude_larger_than: settings.exclude_larger_than,
        one_file_system: settings.one_file_system,
        counts: settings.counts,
        check: settings.check.into(),
    }
}

impl Args {
    /// The plan for sources that go into one snapshot.
    pub(super) fn plan(&self, group: &[PathBuf], config: &Config) -> Result<Backup, Failure> {
        let first = group.first().map(PathBuf::as_path);
        let whole = config.settings(first.unwrap_or(Path::new("")));
        let zip = self.zip_target(&whole.zip);
        let mut plan = configured(group, config);
        if let Some(ZipTarget::Folder(folder)) = &zip {
            sources::check_zip_folder(folder, group)?;
            plan.exclude_folders.push(folder.clone());
        }
        plan.own.values_mut().for_each(|own| self.overrule(own));
        Ok(Backup {
            no_database: self.no_database.clone(),
            tags: self.tags.clone(),
            description: self.description.clone().unwrap_or_default(),
            busy_timeout: self.busy_timeout,
            threads: self.threads,
            check_room: !self.no_space_check,
            allow_empty: self.allow_empty,
            skip_if_unchanged: self.skip_if_unchanged,
            parity: self.parity.unwrap_or(plan.parity),
            zip,
            // Who names the place has asked for this very zip.
            zip_daily: whole.zip.when == When::Daily && self.zip_dir.is_none(),
            zip_keep: Some(whole.zip.keep()),
            ..plan
        })
    }

    /// What was typed holds for every source.
    fn overrule(&self, own: &mut SourceRules) {
        own.excludes.extend_from_slice(&self.excludes);
        own.exclude_caches |= self.exclude_caches;
        own.exclude_larger_than = self.exclude_larger_than.or(own.exclude_larger_than);
        own.one_file_system |= self.one_file_system;
        own.check = self.check.map_or(own.check, Into::into);
    }

    /// What is to stay of the snapshots of these sources, where that is to be seen to.
    pub(super) fn retention(
        &self,
        group: &[PathBuf],
        config: &Config,
    ) -> Result<Option<Policy>, Failure> {
        let retention = config.retention_of(group);
        let policy = retention.policy();
        if !self.prune && !retention.prune {
            return Ok(None);
        }
        match policy.is_empty() {
            false => Ok(Some(policy)),
            true => Err(prune::without_rules()),
        }
    }

    fn zip_target(&self, rules: &ZipRules) -> Option<ZipTarget> {
        if let Some(folder) = &self.zip_dir {
            return Some(ZipTarget::Folder(absolute(folder)));
        }
        if self.no_zip || rules.when == When::Never {
            return None;
        }
        let folder = rules.dir.clone();
        Some(folder.map_or(ZipTarget::Repository, ZipTarget::Folder))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    fn typed(words: &[&str]) -> Args {
        Typed::parse_from(["backup"].iter().chain(words)).args
    }

    #[test]
    fn the_zip_goes_where_it_is_sent() {
        let mut rules = Config::default().settings(Path::new("/srv")).zip;
        let target = |words: &[&str], rules: &ZipRules| typed(words).zip_target(rules);
        let folder = |path: &str| Some(ZipTarget::Folder(path.into()));
        assert_eq!(target(&[], &rules), Some(ZipTarget::Repository));
        rules.dir = Some("/media/usb".into());
        assert_eq!(target(&[], &rules), folder("/media/usb"));
        assert_eq!(target(&["--zip-dir", "/z"], &rules), folder("/z"));
        assert_eq!(target(&["--no-zip"], &rules), None);
        rules.when = When::Never;
        assert_eq!(target(&[], &rules), None);
        assert_eq!(target(&["--zip-dir", "/z"], &rules), folder("/z"));
    }

    #[test]
    fn what_was_typed_is_planned() {
        let args = typed(&[
            "/srv",
            "--tag",
            "a",
            "--exclude",
            "*.tmp",
            "--check",
            "full",
            "--busy-timeout",
            "2m",
        ]);
        let plan = args.plan(&["/srv".into()], &Config::default());
        let plan = plan.ok().unwrap();
        assert_eq!(plan.sources, [Path::new("/srv")]);
        assert_eq!(plan.tags, ["a"]);
        assert_eq!(plan.own[&0].excludes, ["*.tmp"]);
        assert_eq!(plan.own[&0].check, lifeboat_snapshot::CheckPolicy::Full);
        assert_eq!(plan.busy_timeout, Duration::from_secs(120));
    }
}
