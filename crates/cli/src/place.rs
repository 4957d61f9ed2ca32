//! Where the repository is: `--repo`, else `LIFEBOAT_REPO`, else the config, else the user's data folder.
//!
//! Whoever is told that there is no repository needs to know who said it was there, so the place remembers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::store::StoreError;
use lifeboat_snapshot::{Repository, SnapshotError};

use crate::config::Config;
use crate::context::absolute;
use crate::failure::Failure;

/// Names the repository, unless `--repo` does.
const VARIABLE: &str = "LIFEBOAT_REPO";

/// A place, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    origin: Origin,
    /// Whether another working directory makes it another place.
    is_relative: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Flag,
    Variable,
    Config(PathBuf),
    Default,
}

impl Place {
    /// The place as named from the outside in; the config is read only where nothing else names it.
    pub(crate) fn find(
        flag: Option<&Path>,
        config: impl FnOnce() -> Result<Config, Failure>,
    ) -> Result<Self, Failure> {
        let variable = |name| std::env::var_os(name);
        let (path, origin) = match (flag, filled(variable(VARIABLE))) {
            (Some(path), _) => (path.to_owned(), Origin::Flag),
            (None, Some(path)) => (path.into(), Origin::Variable),
            (None, None) => match config()? {
                Config {
                    repo: Some(path),
                    file,
                    ..
                } => (path, Origin::Config(file.unwrap_or_default())),
                _ => (
                    default(variable("XDG_DATA_HOME"), std::env::home_dir())?,
                    Origin::Default,
                ),
            },
        };
        Ok(Self {
            is_relative: path.is_relative(),
            path: absolute(&path),
            origin,
        })
    }

    /// What to know of a place that is used for the first time: a variable stays set where the working directory does not.
    pub(crate) fn caution(&self) -> Option<String> {
        let is_trap = self.is_relative && self.origin == Origin::Variable;
        is_trap.then(|| {
            format!("{VARIABLE} is relative to the folder one is in: from another one it names another place")
        })
    }

    /// Whether there is nothing that a repository could be or that would be in its way.
    pub(crate) fn is_vacant(&self) -> bool {
        matches!(
            Repository::open(&self.path),
            Err(SnapshotError::Store(StoreError::NoRepository { .. }))
        )
    }

    /// The repository there.
    pub(crate) fn open(&self) -> Result<Repository, Failure> {
        Repository::open(&self.path).map_err(|error| self.explain(error))
    }

    /// Says who named the place, if there is nothing at it.
    fn explain(&self, error: SnapshotError) -> Failure {
        let is_missing = matches!(error, SnapshotError::Store(StoreError::NoRepository { .. }));
        match is_missing {
            true => Failure::from(error).because(self.origin()),
            false => error.into(),
        }
    }

    /// Who named it, in a word or two.
    pub(crate) fn named_by(&self) -> String {
        match &self.origin {
            Origin::Flag => "--repo".to_owned(),
            Origin::Variable => VARIABLE.to_owned(),
            Origin::Config(file) => file.display().to_string(),
            Origin::Default => "by default".to_owned(),
        }
    }

    /// Who named it.
    pub(crate) fn origin(&self) -> String {
        match &self.origin {
            Origin::Flag => "--repo names this place, and nothing is there".to_owned(),
            Origin::Variable if self.is_relative => format!(
                "{VARIABLE} names this place relative to the folder one is in, and nothing is there"
            ),
            Origin::Variable => format!("{VARIABLE} names this place, and nothing is there"),
            Origin::Config(file) => {
                format!("{} names this place, and nothing is there", file.display())
            }
            Origin::Default => {
                "it is where repositories are by default, and no other place was named".to_owned()
            }
        }
    }
}

fn filled(value: Option<OsString>) -> Option<OsString> {
    value.filter(|value| !value.is_empty())
}

fn default(data: Option<OsString>, home: Option<PathBuf>) -> Result<PathBuf, Failure> {
    // A relative XDG path is to be ignored, says its specification.
    let data = filled(data)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = home.filter(|path| path.is_absolute());
    let data = data.or_else(|| Some(home?.join(".local/share")));
    let data = data.ok_or_else(|| {
        Failure::usage("no repository was named, and there is no home folder to have one in")
            .hint(format!("name a place with --repo or {VARIABLE}"))
    })?;
    Ok(data.join("lifeboat/default"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_in_the_data_folder() {
        let home = || Some(PathBuf::from("/home/ann"));
        let of = |data: Option<&str>, home| default(data.map(OsString::from), home).ok();
        assert_eq!(
            of(Some("/data"), home()),
            Some("/data/lifeboat/default".into())
        );
        let at_home = Some(PathBuf::from("/home/ann/.local/share/lifeboat/default"));
        assert_eq!(of(None, home()), at_home);
        assert_eq!(of(Some(""), home()), at_home);
        assert_eq!(of(Some("relative"), home()), at_home);
        assert_eq!(of(None, None), None);
    }

    #[test]
    fn a_missing_repository_tells_who_named_it() {
        let place = Place {
            path: "/r".into(),
            is_relative: false,
            origin: Origin::Config("/etc/lifeboat.toml".into()),
        };
        let error = StoreError::NoRepository { place: "/r".into() };
        let failure = place.explain(error.into());
        assert_eq!(failure.exit().code(), 10);
        assert!(
            failure.lines()[1]
                .1
                .starts_with("/etc/lifeboat.toml names this place")
        );
    }
}
