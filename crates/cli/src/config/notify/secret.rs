//! Where a secret is: in a file, or in what a command says. Only an address may stand in the config itself.

use std::path::{Path, PathBuf};

use crate::config::command::CommandLine;

/// Where a secret is.
#[derive(Debug, Clone)]
pub(crate) enum Secret {
    /// In the first line of a file.
    File(PathBuf),
    /// In the first line that a command says.
    Command {
        line: CommandLine,
        /// Where it is run: beside the config.
        folder: Option<PathBuf>,
    },
    /// In the config.
    Plain(String),
}

impl Secret {
    /// The one that was named; `None` where none was.
    pub(super) fn one_of(
        what: &str,
        file: Option<PathBuf>,
        command: Option<CommandLine>,
        plain: Option<String>,
    ) -> Result<Option<Self>, String> {
        let named = [file.is_some(), command.is_some(), plain.is_some()];
        if named.into_iter().filter(|is_named| *is_named).count() > 1 {
            return Err(format!(
                "the {what} is named twice: one way to it is enough"
            ));
        }
        if command.as_ref().is_some_and(CommandLine::is_empty) {
            return Err(format!("{what}_command has no command"));
        }
        let file = file.map(Self::File);
        Ok(file
            .or(command.map(|line| Self::Command { line, folder: None }))
            .or(plain.map(Self::Plain)))
    }

    /// Where it is. Of an address in the config, only the host: what follows it is as good as a password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::File(path) => format!("(secret in {})", path.display()),
            Self::Command { .. } => "(secret from a command)".to_owned(),
            Self::Plain(url) => crate::notify::host(url),
        }
    }

    pub(super) fn anchor(&mut self, folder: &Path) {
        match self {
            Self::File(path) => *path = folder.join(&*path),
            Self::Command { folder: place, .. } => *place = Some(folder.to_owned()),
            Self::Plain(_) => {}
        }
    }
}
