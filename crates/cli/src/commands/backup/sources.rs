//! What is backed up: the paths that were typed, else the sources of the config.

use std::path::{Path, PathBuf};

use lifeboat_snapshot::path::real;

use crate::config::Config;
use crate::context::absolute;
use crate::exit::Exit;
use crate::failure::Failure;

/// The sources, as they go into snapshots: those that were named, else all of the config.
pub(in crate::commands) fn choose(
    typed: &[PathBuf],
    config: &Config,
) -> Result<Vec<Vec<PathBuf>>, Failure> {
    let sources: Vec<PathBuf> = match typed.is_empty() {
        true => config.source_paths(),
        false => typed.iter().map(|path| named(path, config)).collect(),
    };
    match sources.is_empty() {
        true => Err(nothing(config)),
        false => Ok(config.groups(&sources)),
    }
}

/// What is there under this path; else the source of the config that is called so.
fn named(typed: &Path, config: &Config) -> PathBuf {
    let name = typed.to_str().filter(|_| typed.symlink_metadata().is_err());
    let source = name.and_then(|name| config.sources.get(name));
    source.map_or_else(|| absolute(typed), |source| source.path.clone())
}

fn nothing(config: &Config) -> Failure {
    let failure = Failure::usage("there is nothing to back up: no path was named");
    let failure = match &config.file {
        Some(file) => failure.because(format!(
            "the config {} has no [source.NAME] either",
            file.display()
        )),
        None => failure.because("there is no lifeboat.toml from here upwards that names sources"),
    };
    failure.hint("name a folder, as in: lifeboat backup /srv/data")
}

/// Zips in the very folder that is backed up would be in the next backup, and in the one after that twice.
pub(super) fn check_zip_folder(folder: &Path, sources: &[PathBuf]) -> Result<(), Failure> {
    let is_source = sources.iter().any(|source| real(source) == real(folder));
    if !is_source {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Target,
        format!("zips cannot go into {}", folder.display()),
    )
    .because("it is what is backed up, and every backup would hold the zips of all before")
    .hint("name a folder inside it, which is then left out, or one elsewhere"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_back_up_is_a_mistake_with_a_hint() {
        let failure = choose(&[], &Config::default()).err().unwrap();
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(failure.lines().len(), 3);
    }

    #[test]
    fn a_zip_folder_inside_a_source_is_fine_and_the_source_itself_is_not() {
        let sources = [PathBuf::from("/srv/data")];
        assert!(check_zip_folder(Path::new("/srv/data/zips"), &sources).is_ok());
        let failure = check_zip_folder(Path::new("/srv/data"), &sources).unwrap_err();
        assert_eq!(failure.exit(), Exit::Target);
    }
}
