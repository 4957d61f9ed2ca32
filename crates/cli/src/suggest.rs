//! Command lines that are suggested: each reaches the repository and the config that this run was given.
//!
//! Errors of the libraries become words far from what was typed, so what was typed is kept for the whole process.

use std::fmt::Display;
use std::path::Path;
use std::sync::OnceLock;

use crate::args::Globals;
use crate::context::absolute;
use crate::ui::words::quoted;

/// What only the command line of this run says, as it goes before the name of a command.
static GIVEN: OnceLock<String> = OnceLock::new();

/// From now on what is suggested reaches the same places.
pub(crate) fn like(globals: &Globals) {
    let given = given(globals.repo.as_deref(), globals.config.as_deref());
    // One command line is one process.
    let _ = GIVEN.set(given);
}

/// A command line of this program, ready to be typed.
pub(crate) fn command<T: Display>(rest: T) -> String {
    let given = GIVEN.get().map_or("", String::as_str);
    format!("lifeboat {given}{rest}")
}

fn given(repo: Option<&Path>, config: Option<&Path>) -> String {
    let flag = |name, path: Option<&Path>| {
        path.map_or_else(String::new, |path| {
            format!("{name} {} ", quoted(absolute(path)))
        })
    };
    flag("-r", repo) + &flag("--config", config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_typed_again_and_nothing_else() {
        assert_eq!(given(None, None), "");
        let both = given(Some(Path::new("/my data")), Some(Path::new("/etc/x.toml")));
        assert_eq!(both, "-r '/my data' --config /etc/x.toml ");
    }
}
