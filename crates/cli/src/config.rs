//! `lifeboat.toml`: where it is, and what it says.
//!
//! Optional everywhere, and strict: a key that nobody knows is a mistake with a line and a column, because a typo in
//! `exclude` must not be found out at the restore. Relative paths in it are relative to the file, wherever one stands.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::store::Share;
use lifeboat_snapshot::{CheckPolicy, CountQuery};
use serde::Deserialize;

use crate::context::{absolute, real};
use crate::failure::{Failure, quoted, system_words};
use crate::ui::words;

pub(crate) use parity::parse as parse_parity;
use retention::{Retention, Span};

/// The name that is searched for.
const NAME: &str = "lifeboat.toml";

/// Names the file, unless `--config` does.
const VARIABLE: &str = "LIFEBOAT_CONFIG";

/// A larger file is no config, and reading it all would only show that later.
const MAX_LEN: u64 = 1 << 20;

/// What the file says. Each table is a struct of its own below.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The file itself, for messages.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
    pub(crate) repo: Option<PathBuf>,
    exclude: Vec<String>,
    exclude_caches: bool,
    exclude_larger_than: Option<size::Size>,
    one_file_system: bool,
    check: Check,
    parity: parity::Parity,
    counts: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(rename = "source")]
    pub(crate) sources: BTreeMap<String, Source>,
    pub(crate) zip: Zip,
    pub(crate) retention: Retention,
    schedule: Option<Schedule>,
}

/// A `[source.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    exclude: Option<Vec<String>>,
    exclude_caches: Option<bool>,
    exclude_larger_than: Option<size::Size>,
    one_file_system: Option<bool>,
    check: Option<Check>,
    retention: Option<Retention>,
}

/// When SQLite's own check is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Check {
    /// Never
    None,
    /// At first sight, after a change of the schema, and once a day
    #[default]
    Auto,
    /// The quick check, at each backup
    Quick,
    /// The full integrity check, at each backup
    Full,
}

/// The `[zip]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Zip {
    pub(crate) when: When,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) keep: Keep,
}

/// How many zips of the same sources are left at their place.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Keep(NonZeroU32);

impl Default for Keep {
    fn default() -> Self {
        const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();
        Self(TEN)
    }
}

impl Keep {
    /// The number.
    pub(crate) fn get(self) -> usize {
        self.0.get() as usize
    }
}

/// When a backup writes a zip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    #[default]
    Always,
    Daily,
    Never,
}

/// The `[schedule]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "not in force yet; read so that a mistake shows today"
)]
struct Schedule {
    every: Option<Span>,
}

impl From<Check> for CheckPolicy {
    fn from(check: Check) -> Self {
        match check {
            Check::None => Self::None,
            Check::Auto => Self::Auto,
            Check::Quick => Self::Quick,
            Check::Full => Self::Full,
        }
    }
}

/// What holds for a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) excludes: Vec<String>,
    pub(crate) exclude_caches: bool,
    pub(crate) exclude_larger_than: Option<u64>,
    pub(crate) one_file_system: bool,
    pub(crate) check: Check,
    pub(crate) retention: Retention,
}

impl Config {
    /// The config that `--config`, `LIFEBOAT_CONFIG` or a folder above the working directory names; else an empty one.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, Failure> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let named = named.map(Path::to_owned).or(variable.map(PathBuf::from));
        match named.or_else(search) {
            Some(file) => read(&file),
            None => Ok(Self::default()),
        }
    }

    /// The paths of all sources, in the order of their names.
    pub(crate) fn source_paths(&self) -> Vec<PathBuf> {
        self.sources
            .values()
            .map(|source| source.path.clone())
            .collect()
    }

    /// What holds for a path: the settings of the source that it is, or those at the top.
    pub(crate) fn settings(&self, path: &Path) -> Settings {
        let path = real(path);
        let source = self
            .sources
            .values()
            .find(|source| real(&source.path) == path);
        let excludes = source.and_then(|source| source.exclude.as_ref());
        let larger = source.and_then(|source| source.exclude_larger_than);
        let flag = |of: fn(&Source) -> Option<bool>| source.and_then(of);
        Settings {
            exclude_caches: flag(|source| source.exclude_caches).unwrap_or(self.exclude_caches),
            exclude_larger_than: larger.or(self.exclude_larger_than).map(|size| size.0),
            one_file_system: flag(|source| source.one_file_system).unwrap_or(self.one_file_system),
            excludes: excludes.unwrap_or(&self.exclude).clone(),
            check: source.and_then(|source| source.check).unwrap_or(self.check),
            retention: source
                .and_then(|source| source.retention.clone())
                .unwrap_or_else(|| self.retention.clone()),
        }
    }

    /// How much parity is written.
    pub(crate) fn parity(&self) -> Share {
        self.parity.0
    }

    /// The facts to read from databases.
    pub(crate) fn count_queries(&self) -> Vec<CountQuery> {
        let of = |(database, queries): (&String, &BTreeMap<String, String>)| {
            let query = |(name, query): (&String, &String)| CountQuery {
                database: PathBuf::from(database),
                name: name.clone(),
                query: query.clone(),
            };
            queries.iter().map(query).collect::<Vec<_>>()
        };
        self.counts.iter().flat_map(of).collect()
    }

    /// Keys that are understood and have no effect yet.
    pub(crate) fn not_in_force(&self) -> Vec<&'static str> {
        let keys = [("[schedule]", self.schedule.is_some())];
        keys.into_iter()
            .filter_map(|(key, is_there)| is_there.then_some(key))
            .collect()
    }

    /// Relative paths become relative to the folder of the file.
    fn anchor(&mut self, folder: &Path) {
        let sources = self.sources.values_mut().map(|source| &mut source.path);
        for path in sources.chain(&mut self.repo).chain(&mut self.zip.dir) {
            *path = folder.join(&*path);
        }
    }
}

/// From the working directory upwards. Where that is gone, there is nothing above it.
fn search() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let files = here.ancestors().map(|folder| folder.join(NAME));
    files.into_iter().find(|file| file.is_file())
}

fn read(file: &Path) -> Result<Config, Failure> {
    let file = absolute(file);
    let unreadable = |error: &std::io::Error| {
        Failure::usage(format!("cannot read the config {}", file.display()))
            .because(cause(error))
            .path(&file)
    };
    let text = read_text(&file).map_err(|error| unreadable(&error))?;
    let mut config = parse(&text).map_err(|mistake| mistake.into_failure(&file))?;
    config.anchor(file.parent().unwrap_or(&file));
    config.file = Some(file);
    Ok(config)
}

/// No more than a config may have, whatever the file says of its length: devices say nothing.
fn read_text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let len = File::open(file)?
        .take(MAX_LEN + 1)
        .read_to_string(&mut text)?;
    if len as u64 > MAX_LEN {
        let reason = format!("it is no config: it has more than {}", words::size(MAX_LEN));
        return Err(std::io::Error::other(reason));
    }
    Ok(text)
}

fn cause(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => system_words(error),
    }
}

/// What is wrong with a config, and where.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    line: usize,
    column: usize,
    what: String,
}

impl Mistake {
    fn into_failure(self, file: &Path) -> Failure {
        let Self { line, column, what } = self;
        Failure::usage(format!("cannot use the config {}", file.display()))
            .because(format!("line {line}, column {column}: {what}"))
            .path(file)
            .field("line", line)
            .field("column", column)
            .hint(format!(
                "mend {}; lifeboat help config shows every key",
                quoted(file)
            ))
    }
}

fn parse(text: &str) -> Result<Config, Mistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Mistake {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            what: error.message().to_owned(),
        }
    })
}

mod parity;
pub(crate) mod retention;
mod size;
#[cfg(test)]
mod tests;
