//! What every command is given: where to speak, and where the repository is.
//!
//! Everything is looked up when it is asked for: shell completions must work beside a broken config.

use std::cell::OnceCell;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_snapshot::Repository;
use lifeboat_snapshot::path::{of_bytes, real};

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
    /// What the config says where the daemon gives that.
    given: OnceCell<Option<String>>,
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
            given: OnceCell::new(),
        }
    }

    /// The config, empty where there is none.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let config = self.load()?;
        if let Some(file) = &config.file {
            self.ui
                .detail(format!("using the config {}", file.display()));
        }
        Ok(config)
    }

    /// Where the repository is or will be.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        let place = Place::find(self.globals.repo.as_deref(), || self.load())?;
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
        let place = Place::find(self.globals.repo.as_deref(), || self.load()).ok()?;
        Some((self.load().ok()?, place.path))
    }

    /// Where the repository is by this config.
    pub(crate) fn place_by(&self, config: Config) -> Result<Place, Failure> {
        Place::find(self.globals.repo.as_deref(), || Ok(config))
    }

    /// Whether somebody named the config.
    pub(crate) fn names_config(&self) -> bool {
        Config::is_named(self.globals.config.as_deref())
    }

    fn load(&self) -> Result<Config, Failure> {
        let named = self.globals.config.as_deref();
        let text = match self.given.get() {
            Some(text) => text,
            None => {
                let given = self.globals.attended.given_config().transpose()?;
                self.given.get_or_init(|| given)
            }
        };
        match (text, named) {
            (Some(text), Some(file)) => Config::of_text(file, text.clone()),
            _ => Config::load(named),
        }
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
    let path = |bytes: &[u8]| of_bytes(bytes).to_owned();
    stored.iter().map(|bytes| path(bytes.as_ref())).collect()
}

/// The name of this machine.
pub(crate) fn this_host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// The real path, where it comes soon: a disk that does not answer is not waited for.
pub(crate) fn real_soon(path: &Path) -> PathBuf {
    let found = all_real_soon(&[path.to_owned()]).pop();
    found.unwrap_or_else(|| path.to_owned())
}

/// The same of several, in their order.
pub(crate) fn all_real_soon(paths: &[PathBuf]) -> Vec<PathBuf> {
    const SOON: Duration = Duration::from_secs(5);
    let ask = |path: &PathBuf| {
        let (sender, found) = channel();
        let path = path.clone();
        let look = move || drop(sender.send(real(&path)));
        // Where there can be no more threads, it is told as it is.
        let _ = thread::Builder::new().spawn(look);
        found
    };
    let asked: Vec<_> = paths.iter().map(ask).collect();
    let until = Instant::now() + SOON;
    let left = || until.saturating_duration_since(Instant::now());
    let found = asked.iter().map(|found| found.recv_timeout(left()).ok());
    let found = found.zip(paths);
    found
        .map(|(found, path)| found.unwrap_or_else(|| path.clone()))
        .collect()
}

/// The real path of what exists, and the rest of it behind.
/// The real path, as far as there is something: of what is gone, the path below the real one of what is left.
pub(crate) fn followed(path: &Path) -> PathBuf {
    let path = absolute(path);
    follow(&path).unwrap_or(path)
}

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
