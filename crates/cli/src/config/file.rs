//! Finding the file and reading it, and telling where in it a mistake is.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Config, trust, twins};
use crate::context::absolute;
use crate::failure::{Failure, system_words};
use crate::ui::words;
use crate::ui::words::quoted;

/// The name that is searched for.
pub(crate) const NAME: &str = "lifeboat.toml";

/// A larger file is no config, and reading it all would only show that later.
pub(crate) const MAX_LEN: u64 = 1 << 20;

/// From the working directory upwards. Where that is gone, there is nothing above it.
///
/// # Errors
/// Where the one that is found may be somebody else's: a config runs commands and says where data goes.
pub(super) fn search() -> Result<Option<PathBuf>, Failure> {
    let Ok(here) = std::env::current_dir() else {
        return Ok(None);
    };
    let mut files = here.ancestors().map(|folder| folder.join(NAME));
    let Some(file) = files.find(|file| file.is_file()) else {
        return Ok(None);
    };
    trusted(&file).map(|()| Some(file))
}

/// Refuses a file that may be somebody else's.
pub(super) fn trusted(file: &Path) -> Result<(), Failure> {
    match trust::distrust(file) {
        None => Ok(()),
        Some(why) => Err(
            Failure::usage(format!("will not use the config {}", file.display()))
                .because(why)
                .path(file)
                .hint(format!(
                    "if you trust it, name it: --config {}",
                    quoted(file)
                )),
        ),
    }
}

/// The config that the file is, with its paths made absolute.
pub(super) fn read(file: &Path) -> Result<Config, Failure> {
    let file = absolute(file);
    let text = text(&file)?;
    of_text(file, text)
}

/// All that the file says.
pub(super) fn text(file: &Path) -> Result<String, Failure> {
    read_text(file).map_err(|error| {
        Failure::usage(format!("cannot read the config {}", file.display()))
            .because(cause(&error))
            .path(file)
    })
}

/// The config that this file with this text is.
pub(super) fn of_text(file: PathBuf, text: String) -> Result<Config, Failure> {
    let folder = file.parent().unwrap_or(&file);
    let mistaken = |mistake: Mistake| mistake.into_failure(&file);
    let mut config = parse(&text).map_err(mistaken)?;
    twins::check(&text, folder).map_err(mistaken)?;
    config.anchor(folder);
    config.file = Some(file);
    config.text = text;
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
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) what: String,
}

impl Mistake {
    /// The one at this byte of the text.
    pub(super) fn at(text: &str, start: usize, what: String) -> Self {
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            what,
        }
    }

    /// In words.
    pub(super) fn into_failure(self, file: &Path) -> Failure {
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

/// The config that this text is.
pub(super) fn parse(text: &str) -> Result<Config, Mistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        Mistake::at(text, start, plain(error.message()))
    })
}

/// The parser's words, which name a number as the program keeps it.
fn plain(message: &str) -> String {
    const NAMES: [(&str, &str); 5] = [
        ("a nonzero u32", "a whole number of 1 or more"),
        ("a nonzero usize", "a whole number of 1 or more"),
        ("i64", "a whole number"),
        ("u64", "a whole number of 0 or more"),
        ("path string", "a path"),
    ];
    let (before, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    match NAMES.iter().find(|(name, _)| *name == expected) {
        Some((_, words)) => format!("{before}; {words} is needed"),
        None => message.to_owned(),
    }
}
