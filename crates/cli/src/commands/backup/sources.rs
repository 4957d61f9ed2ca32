//! What is backed up: the paths that were typed, else the sources of the config.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lifeboat_snapshot::path::real;

use crate::config::Config;
use crate::context::{absolute, all_real_soon};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::suggest;

/// The sources, as they go into snapshots: those that were named, else all of the config.
pub(in crate::commands) fn choose(
    typed: &[PathBuf],
    config: &Config,
) -> Result<Vec<Vec<PathBuf>>, Failure> {
    let sources: Vec<PathBuf> = match typed.is_empty() {
        true => config.source_paths(),
        false => typed.iter().map(|path| named(path, config)).collect(),
    };
    if sources.is_empty() {
        return Err(nothing(config));
    }
    Ok(config.groups(&once(sources)))
}

/// Each place once, under the first of its names.
fn once(sources: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let real = all_real_soon(&sources);
    let each = sources.into_iter().zip(real);
    each.filter_map(|(source, real)| seen.insert(real).then_some(source))
        .collect()
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
    failure.hint(format!(
        "name a folder, as in: {}",
        suggest::command("backup /srv/data")
    ))
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
    fn a_source_that_was_named_twice_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::create_dir(folder.path().join("data-2")).unwrap();
        std::os::unix::fs::symlink(&data, folder.path().join("link")).unwrap();
        let chosen = |names: &[&str]| {
            let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
            choose(&paths, &Config::default())
        };
        let twice = chosen(&["data", "data-2", "./data/", "link", "data/../data"]);
        assert_eq!(
            twice.unwrap(),
            [[data.clone(), folder.path().join("data-2")]]
        );
    }

    #[test]
    fn a_zip_folder_inside_a_source_is_fine_and_the_source_itself_is_not() {
        let sources = [PathBuf::from("/srv/data")];
        assert!(check_zip_folder(Path::new("/srv/data/zips"), &sources).is_ok());
        let failure = check_zip_folder(Path::new("/srv/data"), &sources).unwrap_err();
        assert_eq!(failure.exit(), Exit::Target);
    }
}
