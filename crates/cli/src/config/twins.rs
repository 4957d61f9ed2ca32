//! Two sources of the same path: one of them would be left out without a word, with its own excludes and its own schedule.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::file::Mistake;

/// Of a config, where the paths of its sources stand.
#[derive(Deserialize)]
struct Paths {
    #[serde(default, rename = "source")]
    sources: BTreeMap<String, Place>,
}

#[derive(Deserialize)]
struct Place {
    path: Spanned<PathBuf>,
}

/// Looks at the paths as they are written; where links lead is another matter, and may change.
///
/// # Errors
/// Where two are the same.
pub(super) fn check(text: &str, folder: &Path) -> Result<(), Mistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // What is wrong otherwise was told before.
    let Ok(paths) = toml::from_str::<Paths>(text) else {
        return Ok(());
    };
    let mut places: Vec<(usize, &String, PathBuf)> = Vec::new();
    for (name, place) in &paths.sources {
        let start = place.path.span().start;
        places.push((start, name, plain(&folder.join(place.path.get_ref()))));
    }
    places.sort();
    let mut seen: BTreeMap<&Path, &String> = BTreeMap::new();
    for (start, name, path) in &places {
        if let Some(first) = seen.insert(path, name) {
            let what = format!("the path of [source.{name}] is that of [source.{first}] already");
            return Err(Mistake::at(text, *start, what));
        }
    }
    Ok(())
}

/// Without what changes nothing.
fn plain(path: &Path) -> PathBuf {
    let parts = path.components();
    parts.filter(|part| *part != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sources_of_one_path_are_a_mistake_with_a_line_and_a_column() {
        let two = |one: &str, other: &str| {
            let text = format!("[source.b]\npath = \"{one}\"\n[source.a]\npath = \"{other}\"\n");
            check(&text, Path::new("/srv"))
        };
        for (one, other) in [
            ("data", "data"),
            ("./data/", "data"),
            ("data", "/srv/./data"),
        ] {
            let mistake = two(one, other).unwrap_err();
            assert_eq!((mistake.line, mistake.column), (4, 8), "{one} {other}");
            let what = "the path of [source.a] is that of [source.b] already";
            assert_eq!(mistake.what, what);
        }
        assert_eq!(two("data", "data2"), Ok(()));
        assert_eq!(check("source = 3", Path::new("/")), Ok(()));
    }
}
