//! Secrets, fetched when they are needed and not before; and kept out of whatever is said of a failure.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use lifeboat_snapshot::HookEnd;

use crate::config::command::CommandLine;
use crate::config::notify::Secret;
use crate::failure::system_words;
use crate::hooks::process::{self, Job};
use crate::hooks::{facts, words};

/// Longest secret.
const LONGEST: usize = 4096;

/// The secret itself; a command for it may take so long.
///
/// # Errors
/// Why it cannot be had, in words without it.
pub(crate) fn fetch(secret: &Secret, time: Duration) -> Result<String, String> {
    let text = match secret {
        Secret::Plain(text) => return Ok(text.clone()),
        Secret::File(path) => of_file(path),
        Secret::Command { line, folder } => of_command(line, folder.as_deref(), time),
    }?;
    let line = text.lines().next().unwrap_or_default().trim();
    match (line.is_empty(), secret) {
        (false, _) => Ok(line.to_owned()),
        (true, Secret::File(path)) => Err(format!("{} is empty", path.display())),
        (true, _) => Err("the command for the secret said nothing".to_owned()),
    }
}

fn of_file(path: &Path) -> Result<String, String> {
    let unreadable =
        |error: &std::io::Error| format!("cannot read {}: {}", path.display(), system_words(error));
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut text = String::new();
    file.take(LONGEST as u64)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(&error))?;
    Ok(text)
}

fn of_command(
    command: &CommandLine,
    folder: Option<&Path>,
    time: Duration,
) -> Result<String, String> {
    let ended = process::run(&Job {
        command,
        folder,
        variables: facts::without_ours(),
        timeout: time,
        stop: &|| false,
        with_stderr: false,
        keep: LONGEST,
    });
    match ended.end {
        HookEnd::Exited(0) => {
            String::from_utf8(ended.output).map_err(|_| "the secret is no text".to_owned())
        }
        end => Err(format!("the command for the secret {}", words(&end))),
    }
}

/// The text without the secrets that somebody else may have put into it.
pub(crate) fn without(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() > 3) {
        text = text.replace(secret.as_str(), "(secret)");
    }
    text
}
