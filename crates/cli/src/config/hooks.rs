//! The `[hooks]` of the config: commands around a backup, at the top and of each source.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_snapshot::history::HookMoment;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Config;
use super::command::{CommandLine, Timeout};

/// How long a hook may take where nothing is said of it.
const DEFAULT: Timeout = Timeout(Duration::from_secs(300));

/// A `[hooks]`, at the top or of a source, each of whose keys then holds instead of that at the top.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Hooks {
    before: Option<Hook>,
    #[serde(deserialize_with = "later")]
    after: Option<Hook>,
    #[serde(deserialize_with = "later")]
    on_failure: Option<Hook>,
    #[serde(rename = "finally", deserialize_with = "later")]
    at_last: Option<Hook>,
    timeout: Option<Timeout>,
}

/// A hook: a command, or a table with one and what holds for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hook {
    run: CommandLine,
    timeout: Option<Timeout>,
    required: bool,
}

/// What is run at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) moment: HookMoment,
    pub(crate) command: CommandLine,
    pub(crate) timeout: Duration,
    /// Whether the backup is not made where this fails.
    pub(crate) required: bool,
}

/// The hooks that some sources have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookGroup {
    pub(crate) sources: Vec<PathBuf>,
    pub(crate) hooks: Vec<Planned>,
}

impl Hooks {
    fn at(&self, moment: HookMoment) -> Option<&Hook> {
        match moment {
            HookMoment::Before => self.before.as_ref(),
            HookMoment::After => self.after.as_ref(),
            HookMoment::OnFailure => self.on_failure.as_ref(),
            HookMoment::Finally => self.at_last.as_ref(),
        }
    }

    fn planned(&self, moment: HookMoment, own: Option<&Self>) -> Option<Planned> {
        let own_hook = own.and_then(|own| Some((own.at(moment)?, own.timeout.or(self.timeout))));
        let (hook, timeout) = own_hook.or_else(|| Some((self.at(moment)?, self.timeout)))?;
        let Timeout(timeout) = hook.timeout.or(timeout).unwrap_or(DEFAULT);
        (!hook.run.is_empty()).then(|| Planned {
            moment,
            command: hook.run.clone(),
            timeout,
            required: hook.required,
        })
    }

    /// Whether it says what is run then.
    pub(super) fn says(&self, moment: HookMoment) -> bool {
        self.at(moment).is_some()
    }

    pub(super) fn all(&self, own: Option<&Self>) -> Vec<Planned> {
        const ALL: [HookMoment; 4] = [
            HookMoment::Before,
            HookMoment::After,
            HookMoment::OnFailure,
            HookMoment::Finally,
        ];
        let planned = |moment| self.planned(moment, own);
        ALL.into_iter().filter_map(planned).collect()
    }
}

impl Config {
    /// The hooks around a backup of these sources: those that have the same ones share them.
    pub(crate) fn hooks_of(&self, sources: &[PathBuf]) -> Vec<HookGroup> {
        let mut groups: Vec<HookGroup> = Vec::new();
        for source in sources {
            let hooks = self.hooks.all(self.own_hooks(source));
            match groups.iter_mut().find(|group| group.hooks == hooks) {
                Some(group) => group.sources.push(source.clone()),
                None => groups.push(HookGroup {
                    sources: vec![source.clone()],
                    hooks,
                }),
            }
        }
        groups.retain(|group| !group.hooks.is_empty());
        groups
    }

    fn own_hooks(&self, path: &Path) -> Option<&Hooks> {
        self.source(path)?.1.hooks.as_ref()
    }
}

/// A hook that comes when it is too late to stop anything.
fn later<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hook>, D::Error> {
    match Hook::deserialize(deserializer)? {
        hook if hook.required => Err(de::Error::custom(
            "only the hook before can be required: the others run when it is too late",
        )),
        hook => Ok(Some(hook)),
    }
}

impl<'de> Deserialize<'de> for Hook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Written {
    const fn plain(run: CommandLine) -> Hook {
        Hook {
            run,
            timeout: None,
            required: false,
        }
    }
}

/// The table form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    run: CommandLine,
    timeout: Option<Timeout>,
    #[serde(default)]
    required: bool,
}

impl<'de> Visitor<'de> for Written {
    type Value = Hook;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a command: a list of words, a text for the shell, or a table with run and timeout",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Hook, E> {
        CommandLine::deserialize(de::value::StrDeserializer::new(text)).map(Self::plain)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Hook, A::Error> {
        CommandLine::deserialize(SeqAccessDeserializer::new(seq)).map(Self::plain)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Hook, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Hook {
            run: table.run,
            timeout: table.timeout,
            required: table.required,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use super::*;

    fn hooks(text: &str, source: &str) -> Vec<Planned> {
        let mut groups = parse(text).unwrap().hooks_of(&[source.into()]);
        groups.pop().map(|group| group.hooks).unwrap_or_default()
    }

    const TEXT: &str = r#"
[hooks]
before = ["systemctl", "stop", "clinic"]
finally = { run = "touch done", timeout = "10s" }
timeout = "1m"

[source.a]
path = "/a"
[source.a.hooks]
before = { run = "true", required = true }
finally = ""
on_failure = "false"
timeout = "2m"
"#;

    #[test]
    fn a_source_has_its_own_hooks_instead_of_those_at_the_top_key_by_key() {
        let top = hooks(TEXT, "/elsewhere");
        let moments: Vec<HookMoment> = top.iter().map(|hook| hook.moment).collect();
        assert_eq!(moments, [HookMoment::Before, HookMoment::Finally]);
        assert_eq!(top[0].timeout, Duration::from_secs(60));
        assert_eq!(top[1].timeout, Duration::from_secs(10));
        let own = hooks(TEXT, "/a");
        let moments: Vec<HookMoment> = own.iter().map(|hook| hook.moment).collect();
        assert_eq!(moments, [HookMoment::Before, HookMoment::OnFailure]);
        assert!(own[0].required && own[0].timeout == Duration::from_secs(120));
        assert!(hooks("", "/a").is_empty());
    }

    #[test]
    fn mistakes_in_hooks_have_a_line_and_a_reason() {
        for (text, line, why) in [
            ("[hooks]\nbefor = \"x\"", 2, "befor"),
            ("[hooks]\nbefore = 3", 2, "a command: a list of words"),
            ("[hooks]\n\nbefore = [1]", 3, "string"),
            ("[hooks]\nbefore = [\"\"]", 2, "no name"),
            ("[hooks]\nbefore = { run = \"x\", time = 3 }", 2, "time"),
            ("[hooks]\nbefore = { timeout = \"3s\" }", 2, "run"),
            ("[hooks]\ntimeout = \"0s\"", 2, "1s at least"),
            ("[hooks]\ntimeout = \"30d\"", 2, "a day at most"),
            (
                "[hooks]\nafter = { run = \"x\", required = true }",
                2,
                "too late",
            ),
            (
                "[source.a]\npath = \"a\"\n[source.a.hooks]\nafter = \"a\\u0000b\"",
                4,
                "zero byte",
            ),
        ] {
            let mistake = parse(text).unwrap_err();
            assert_eq!(mistake.line, line, "{text}: {}", mistake.what);
            assert!(mistake.what.contains(why), "{text}: {}", mistake.what);
        }
    }
}
