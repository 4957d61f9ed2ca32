//! What every command is given: where to speak, and where the repository is.
//!
//! Everything is looked up when it is asked for: shell completions must work beside a broken config.

use std::path::{Component, Path, PathBuf};

use lifeboat_snapshot::Repository;

use crate::args::Globals;
use crate::config::{Config, NAME};
use crate::failure::Failure;
use crate::notify::Notices;
use crate::place::Place;
use crate::progress::Watch;
use crate::ui::{Shape, Ui};

/// The surroundings of a command.
pub(crate) struct Context {
    pub(crate) ui: Ui,
    /// What is seen in passing and may be worth telling somebody.
    pub(crate) notices: Notices,
    globals: Globals,
}

impl Context {
    /// For a command that answers in this shape.
    pub(crate) fn new(globals: Globals, shape: Shape) -> Self {
        let ui = Ui::new(&globals, shape);
        let notices = Notices::default();
        Self {
            ui,
            notices,
            globals,
        }
    }

    /// The config, empty where there is none.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let config = Config::load(self.globals.config.as_deref())?;
        if let Some(file) = &config.file {
            self.ui
                .detail(format!("using the config {}", file.display()));
        }
        Ok(config)
    }

    /// Where the repository is or will be.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        let place = Place::find(self.globals.repo.as_deref(), || {
            Config::load(self.globals.config.as_deref())
        })?;
        self.ui
            .detail(format!("using the repository {}", place.path.display()));
        Ok(place)
    }

    /// Where a config is to be written: where the command line says, else here.
    pub(crate) fn config_to_be(&self) -> PathBuf {
        let named = self.globals.config.clone();
        absolute(&named.unwrap_or_else(|| PathBuf::from(NAME)))
    }

    /// Where the repository will be of a config that is not written yet; one above it counts, unless the command line names
    /// that very file.
    pub(crate) fn place_before_config(&self) -> Result<Place, Failure> {
        Place::find(self.globals.repo.as_deref(), || match self.globals.config {
            Some(_) => Ok(Config::default()),
            None => Config::load(None),
        })
    }

    /// The config and where the repository is, without a word; `None` where one of them cannot be told.
    pub(crate) fn quietly(&self) -> Option<(Config, PathBuf)> {
        let load = || Config::load(self.globals.config.as_deref());
        let place = Place::find(self.globals.repo.as_deref(), load).ok()?;
        Some((load().ok()?, place.path))
    }

    /// The repository, which must be there.
    pub(crate) fn repository(&self) -> Result<Repository, Failure> {
        self.place()?.open()
    }

    /// Watches long work from now on.
    pub(crate) fn watch(&self) -> Watch<'_> {
        Watch::new(&self.ui)
    }
}

/// The whole path, for messages. `..` is followed as far as there is something to follow; where the working directory is
/// gone, the path stays what was typed.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let climbs = path.components().any(|part| part == Component::ParentDir);
    if climbs && let Some(real) = follow(&path) {
        real
    } else {
        path
    }
}

/// Paths as snapshots keep them.
pub(crate) fn paths(stored: &[impl AsRef<[u8]>]) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let path = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
    stored.iter().map(|bytes| path(bytes.as_ref())).collect()
}

/// The name of this machine.
pub(crate) fn this_host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// The real path; of what does not exist, the path itself.
pub(crate) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The real path of what exists, and the rest of it behind.
fn follow(path: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|existing| {
        let rest = path.strip_prefix(existing).ok()?;
        Some(existing.canonicalize().ok()?.join(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_in_full_and_without_detours() {
        assert_eq!(absolute(Path::new("/usr/../etc")), Path::new("/etc"));
        assert_eq!(
            absolute(Path::new("/usr/../no/such")),
            Path::new("/no/such")
        );
        assert_eq!(absolute(Path::new("/no/such")), Path::new("/no/such"));
        assert!(absolute(Path::new("x")).is_absolute());
    }
}
