//! What is in force for a source, and who says so: its own table, the top of the file, or nobody.

use serde_json::{Value, json};

use super::{Config, Retention, Settings, Source, When, Zip, ZipRules};
use crate::ui::{facts, words};

/// One setting as it is in force.
pub(crate) struct Told {
    /// Its key in the file, and its field in JSON.
    pub(crate) key: &'static str,
    /// For programs.
    pub(crate) value: Value,
    /// For people; empty where there is nothing to say.
    pub(crate) words: String,
    /// Who says so.
    pub(crate) from: String,
}

impl Config {
    /// What holds for a source; without one, for any path that is none.
    pub(crate) fn told(&self, source: Option<(&String, &Source)>) -> Vec<Told> {
        let settings = self.settings_of(source.map(|(_, source)| source));
        let mut told = self.told_of_excludes(source, &settings);
        let check = settings.check.word();
        let from = Said::of(source, |own| own.check.is_some(), self.check.is_some());
        told.push(Told::new(
            "check",
            json!(check),
            check.to_owned(),
            from.key(),
        ));
        let none = Zip::default();
        let from = Said::of(source, |own| own.zip != Zip::default(), self.zip != none);
        let (value, words) = (zip(&settings.zip), zip_words(&settings.zip));
        told.push(Told::new("zip", value, words, from.table("zip")));
        let is_at_top = self.retention != Retention::default();
        let from = Said::of(source, |own| own.retention.is_some(), is_at_top);
        let (value, words) = (settings.retention.facts(), settings.retention.words());
        told.push(Told::new(
            "retention",
            value,
            words,
            from.table("retention"),
        ));
        told.push(self.told_of_schedule(source, &settings));
        told.push(self.told_of_limit(source, &settings));
        told
    }

    fn told_of_schedule(&self, source: Option<(&String, &Source)>, settings: &Settings) -> Told {
        let is_at_top = self.schedule.is_some();
        let from = Said::of(source, |own| own.schedule.is_some(), is_at_top);
        let (value, words) = (settings.timing.facts(), settings.timing.words());
        Told::new("schedule", value, words, from.table("schedule"))
    }

    fn told_of_limit(&self, source: Option<(&String, &Source)>, settings: &Settings) -> Told {
        let from = Said::of(source, Source::has_limit, self.has_limit());
        let seconds = settings.time_limit.map(|limit| limit.as_secs());
        let words = seconds.map_or("never".to_owned(), words::span);
        let from = from.table("schedule");
        Told::new("time_limit_s", json!(seconds), words, from)
    }

    /// What the daemon does beside backups: the word for each chore, when, and who says so.
    pub(crate) fn told_of_upkeep(&self) -> Vec<Told> {
        let told = self.chores().into_iter().map(|(chore, timing)| {
            let from = match self.upkeep.says(&chore) {
                true => Said::Top,
                false => Said::Nobody,
            };
            let (key, from) = (chore.word(), from.table("upkeep"));
            Told::new(key, timing.facts(), timing.words(), from)
        });
        told.collect()
    }

    /// The commands around a backup of a source, or of any path: at what moment, which, and who says so.
    pub(crate) fn told_of_hooks(&self, source: Option<(&String, &Source)>) -> Vec<Told> {
        let own = source.and_then(|(_, source)| source.hooks.as_ref());
        let told = self.hooks.all(own).into_iter().map(|hook| {
            let is_own = own.is_some_and(|own| own.says(hook.moment));
            let from = match source {
                Some((name, _)) if is_own => Said::Source(name),
                _ => Said::Top,
            };
            let (command, seconds) = (hook.command.shown(), hook.timeout.as_secs());
            let required = if hook.required { ", required" } else { "" };
            let words = format!("{command} (in {}{required})", words::span(seconds));
            let value = json!({
                "command": command,
                "timeout_s": seconds,
                "required": hook.required,
            });
            Told::new(hook.moment.word(), value, words, from.table("hooks"))
        });
        told.collect()
    }

    /// Who is told of what. Where secrets are is told, and never what they are.
    pub(crate) fn told_of_channels(&self) -> Vec<(String, Told)> {
        let told = self.notify.channels().into_iter().map(|channel| {
            let (way, to) = (channel.way.word(), channel.way.shown());
            let on: Vec<&str> = channel.topics().iter().map(|topic| topic.word()).collect();
            let words = format!("{to}; {}", on.join(", "));
            let value = json!({"name": channel.name, "way": way, "to": to, "on": on});
            let from = format!("[notify.{way}]");
            (channel.name, Told::new("notify", value, words, from))
        });
        told.collect()
    }

    fn told_of_excludes(
        &self,
        source: Option<(&String, &Source)>,
        settings: &Settings,
    ) -> Vec<Told> {
        let said = |by_source, at_top| Said::of(source, by_source, at_top).key();
        let patterns = &settings.excludes;
        let larger = settings.exclude_larger_than;
        let flag = |key, flag: bool, from| {
            let words = if flag { "yes" } else { "no" };
            Told::new(key, json!(flag), words.to_owned(), from)
        };
        let from = said(|own| own.exclude.is_some(), self.exclude.is_some());
        let exclude = Told::new("exclude", json!(patterns), patterns.join(" "), from);
        let is_at_top = self.exclude_caches.is_some();
        let from = said(|own| own.exclude_caches.is_some(), is_at_top);
        let caches = flag("exclude_caches", settings.exclude_caches, from);
        let is_at_top = self.exclude_larger_than.is_some();
        let from = said(|own| own.exclude_larger_than.is_some(), is_at_top);
        let words = larger.map(words::size).unwrap_or_default();
        let larger = Told::new("exclude_larger_than", json!(larger), words, from);
        let is_at_top = self.one_file_system.is_some();
        let from = said(|own| own.one_file_system.is_some(), is_at_top);
        let system = flag("one_file_system", settings.one_file_system, from);
        vec![exclude, caches, larger, system]
    }
}

impl Told {
    const fn new(key: &'static str, value: Value, words: String, from: String) -> Self {
        Self {
            key,
            value,
            words,
            from,
        }
    }
}

/// Who says what a key is.
enum Said<'a> {
    Source(&'a str),
    Top,
    Nobody,
}

impl<'a> Said<'a> {
    fn of(
        source: Option<(&'a String, &Source)>,
        by_source: fn(&Source) -> bool,
        at_top: bool,
    ) -> Self {
        match source {
            Some((name, source)) if by_source(source) => Self::Source(name),
            _ if at_top => Self::Top,
            _ => Self::Nobody,
        }
    }

    /// Of a key that stands by itself.
    fn key(&self) -> String {
        match self {
            Self::Source(name) => format!("[source.{name}]"),
            Self::Top => "the top".to_owned(),
            Self::Nobody => "by default".to_owned(),
        }
    }

    /// Of a table.
    fn table(&self, table: &str) -> String {
        match self {
            Self::Source(name) => format!("[source.{name}.{table}]"),
            Self::Top => format!("[{table}]"),
            Self::Nobody => "by default".to_owned(),
        }
    }
}

fn zip(rules: &ZipRules) -> Value {
    json!({
        "when": rules.when.word(),
        "dir": rules.dir.as_deref().map(facts::shown),
        "keep": rules.keep(),
        "written": rules.when != When::Never,
    })
}

fn zip_words(rules: &ZipRules) -> String {
    let place = match &rules.dir {
        Some(dir) => format!("in {}", facts::shown(dir)),
        None => "in exports/ of the repository".to_owned(),
    };
    match rules.when {
        When::Never => "never".to_owned(),
        when => format!("{}, {place}, the newest {}", when.word(), rules.keep()),
    }
}
