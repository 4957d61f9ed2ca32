//! What hooks are told, as variables of their environment: facts of the run, and never a secret.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use lifeboat_snapshot::history::HookMoment;

use crate::failure::one_line;
use crate::recorded::Outcome;

/// Names the moment, and tells a program that runs inside a hook.
pub(crate) const EVENT: &str = "LIFEBOAT_EVENT";

/// What begins with this is ours.
const OWN: &[u8] = b"LIFEBOAT_";

/// More than this no variable holds.
const LONGEST: usize = 64 << 10;

/// Where the run takes place.
#[derive(Default)]
pub(crate) struct Scene {
    pub(crate) repository: PathBuf,
    pub(crate) config: Option<PathBuf>,
    pub(crate) host: String,
}

/// A variable, and its value; `None` takes one away.
type Variable = (OsString, Option<OsString>);

/// The variables of a hook. Of ours, it is given these and no others: there may be passwords among them.
pub(crate) fn variables(
    scene: &Scene,
    moment: HookMoment,
    sources: &[PathBuf],
    outcome: Option<&Outcome>,
) -> Vec<Variable> {
    let mut all = without_ours();
    let mut set = |name: &str, value: OsString| all.push((name.into(), Some(value)));
    set(EVENT, moment.word().into());
    set("LIFEBOAT_SOURCE", lines(sources));
    set(
        "LIFEBOAT_REPO",
        bounded(scene.repository.as_os_str().as_bytes()),
    );
    set("LIFEBOAT_HOST", bounded(scene.host.as_bytes()));
    if let Some(config) = &scene.config {
        set("LIFEBOAT_CONFIG", bounded(config.as_os_str().as_bytes()));
    }
    if let Some(outcome) = outcome {
        let snapshot = outcome
            .snapshot
            .map_or_else(String::new, |id| id.to_string());
        let error = one_line(outcome.error.as_deref().unwrap_or_default());
        set("LIFEBOAT_EXIT", outcome.exit.code().to_string().into());
        set("LIFEBOAT_RESULT", outcome.exit.word().into());
        set("LIFEBOAT_SNAPSHOT", snapshot.into());
        set("LIFEBOAT_BYTES", outcome.bytes.to_string().into());
        set("LIFEBOAT_ERROR", bounded(error.as_bytes()));
    }
    all
}

/// All of our own variables that this program was given, to be taken away.
pub(crate) fn without_ours() -> Vec<Variable> {
    let names = std::env::vars_os().map(|(name, _)| name);
    let ours = names.filter(|name| name.as_bytes().starts_with(OWN));
    ours.map(|name| (name, None)).collect()
}

/// Paths, a line each.
fn lines(paths: &[PathBuf]) -> OsString {
    let paths: Vec<&[u8]> = paths.iter().map(|path| bytes(path)).collect();
    bounded(&paths.join(&b'\n'))
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// No variable can hold a zero byte, nor be of any length.
fn bounded(value: &[u8]) -> OsString {
    let kept = value.iter().take(LONGEST).filter(|byte| **byte != 0);
    OsString::from_vec(kept.copied().collect())
}
