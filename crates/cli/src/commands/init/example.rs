//! The config to begin with: `lifeboat help config` with everything as a comment but what is in force. So the two cannot fall
//! apart.

use std::path::{Path, PathBuf};

use crate::commands::help::CONFIG;
use crate::failure::Failure;

/// What the source in the help is called.
const NAME: &str = "clinic";

const HEAD: &str = "\
# The config of lifeboat. What begins with a # is not in force: it shows what can be said. Take the # away where you want it.
# lifeboat config check tells whether all is well, lifeboat config show what is in force.

";

/// A config for this repository and these sources.
pub(super) fn text(repository: &Path, sources: &[PathBuf]) -> Result<String, Failure> {
    let mut names = Vec::new();
    for source in sources {
        let name = name(source, &names);
        names.push(name);
    }
    let mut named = names.iter().zip(sources);
    let Some((first, path)) = named.next() else {
        return Err(Failure::usage("a config needs a source"));
    };
    let mut text = HEAD.to_owned();
    // Its first lines say in general what every line says in particular.
    for line in CONFIG.lines().skip_while(|line| !line.is_empty()).skip(1) {
        let line = line.replace(&format!("source.{NAME}"), &format!("source.{first}"));
        if line.starts_with("repo =") {
            text.push_str(&format!("repo = {}", quoted(repository)?));
        } else if line.starts_with(&format!("[source.{first}]")) {
            text.push_str(&line);
        } else if line.starts_with("path =") {
            text.push_str(&format!("path = {}", quoted(path)?));
        } else if !line.is_empty() {
            text.push('#');
            text.push_str(&line);
        }
        text.push('\n');
    }
    for (name, path) in named {
        text.push_str(&format!("\n[source.{name}]\npath = {}\n", quoted(path)?));
    }
    Ok(text)
}

/// The path as the file has it.
fn quoted(path: &Path) -> Result<String, Failure> {
    match path.to_str() {
        Some(text) => Ok(toml::Value::String(text.to_owned()).to_string()),
        None => Err(
            Failure::usage(format!("a config cannot name {}", path.display()))
                .because("its name is not UTF-8 text")
                .path(path),
        ),
    }
}

/// The last part of the path, of letters that need no quotes; with a number where others have it.
fn name(path: &Path, others: &[String]) -> String {
    let last = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => c,
        _ => '-',
    };
    let name: String = last.chars().map(plain).collect();
    let name = match name.trim_matches('-') {
        "" => "data",
        name => name,
    };
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    let free = candidates.find(|candidate| !others.contains(candidate));
    free.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lifeboat.toml");
        std::fs::write(&file, text).unwrap();
        match Config::load(Some(&file)) {
            Ok(config) => config,
            Err(failure) => panic!("{:?}\n{text}", failure.lines()),
        }
    }

    fn sources() -> Vec<PathBuf> {
        ["/srv/clinic \"data\"", "/mnt/data", "/data", "/"]
            .map(PathBuf::from)
            .into()
    }

    #[test]
    fn what_is_written_is_a_config_with_these_sources_and_nothing_else_in_force() {
        let text = text(Path::new("/backup"), &sources()).unwrap();
        let config = config(&text);
        let names: Vec<&String> = config.sources.keys().collect();
        assert_eq!(names, ["clinic--data", "data", "data-2", "data-3"]);
        assert_eq!(config.sources["clinic--data"].path, sources()[0]);
        assert_eq!(config.repo.as_deref(), Some(Path::new("/backup")));
        assert!(!config.has_retention() && !config.has_schedule());
    }

    #[test]
    fn without_its_comment_signs_it_is_a_config_too() {
        let text = text(Path::new("/backup"), &sources()).unwrap();
        let bare = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        let lines: Vec<String> = text.lines().map(bare).collect();
        let config = config(&lines.join("\n"));
        assert!(config.has_retention() && config.has_schedule());
    }
}
