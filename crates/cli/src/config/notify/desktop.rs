//! A `[notify.desktop]`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::many::Named;
use crate::config::command::CommandLine;
use crate::notify::Topic;

/// A command that shows a message to whoever sits here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Desktop {
    name: Option<String>,
    on: Option<Vec<Topic>>,
    #[serde(default = "usual")]
    pub(crate) command: CommandLine,
    /// Where it is run: beside the config.
    #[serde(skip)]
    pub(crate) folder: Option<PathBuf>,
}

impl Desktop {
    pub(super) fn anchor(&mut self, folder: &Path) {
        self.folder = Some(folder.to_owned());
    }
}

/// What most desktops have.
fn usual() -> CommandLine {
    let words = [
        "notify-send",
        "--app-name=lifeboat",
        "--urgency=critical",
        "--",
        "{{title}}",
        "{{text}}",
    ];
    CommandLine::Direct(words.map(str::to_owned).to_vec())
}

impl Named for Desktop {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn on(&self) -> Option<&[Topic]> {
        self.on.as_deref()
    }
}
