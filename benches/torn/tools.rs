//! The tools that take snapshots, each used as its manual says, with all of its defaults.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A tool with its own place for snapshots.
pub(crate) struct Tool {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: String,
    place: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Cp,
    Restic,
    Borg,
    Lifeboat,
}

/// A snapshot as its tool knows it.
pub(crate) struct Taken {
    id: String,
    /// Whether the tool said that something was amiss.
    pub(crate) warned: bool,
}

impl Tool {
    /// Those of the four that this machine has, each with a place in this folder.
    pub(crate) fn installed(folder: &Path) -> Vec<Self> {
        let all = [
            ("cp -r", Kind::Cp),
            ("restic", Kind::Restic),
            ("borg", Kind::Borg),
            ("lifeboat", Kind::Lifeboat),
        ];
        let mut tools = Vec::new();
        for (name, kind) in all {
            match version(kind) {
                Some(version) => tools.push(Self {
                    name,
                    version,
                    place: folder.join(name.replace(' ', "")),
                    kind,
                }),
                None => eprintln!("did without {name}: not installed"),
            }
        }
        tools.iter().for_each(Self::prepare);
        tools
    }

    fn prepare(&self) {
        std::fs::create_dir_all(&self.place).expect("the scratch folder can be written");
        match self.kind {
            Kind::Cp | Kind::Lifeboat => {}
            Kind::Restic => drop(succeed(self.command().arg("init"))),
            Kind::Borg => drop(succeed(self.command().args(["init", "-e", "none"]))),
        }
    }

    /// The tool, with its place made known to it and nobody's configuration.
    fn command(&self) -> Command {
        let mut command = Command::new(program(self.kind));
        command
            .env("RESTIC_REPOSITORY", &self.place)
            .env("RESTIC_PASSWORD", "bench")
            .env("RESTIC_CACHE_DIR", self.place.with_extension("cache"))
            .env("BORG_REPO", &self.place)
            .env("BORG_BASE_DIR", self.place.with_extension("base"))
            .env("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes")
            .env("LIFEBOAT_REPO", &self.place)
            .stdin(Stdio::null());
        command
    }

    /// Takes snapshot `number` of the folder.
    pub(crate) fn take(&self, folder: &Path, number: usize) -> Taken {
        let mut command = self.command();
        let id = number.to_string();
        match self.kind {
            Kind::Cp => command.arg("-r").arg(folder).arg(self.place.join(&id)),
            Kind::Restic => command.args(["backup", "--json"]).arg(folder),
            Kind::Borg => command
                .current_dir(folder)
                .args(["create", &format!("::{id}"), "."]),
            Kind::Lifeboat => command
                .args(["backup", "--json", "--no-zip"])
                .arg(folder)
                .current_dir("/"),
        };
        let output = command.output().expect("the tool can be started");
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            eprintln!(
                "  {} said: {}",
                self.name,
                words.trim().replace('\n', " | ")
            );
        }
        Taken {
            id: id_in(self.kind, &output).unwrap_or(id),
            warned: !output.status.success(),
        }
    }

    /// Restores a snapshot into a new folder and gives the place where the shop's folder now is, if there is one.
    pub(crate) fn restore(&self, taken: &Taken, folder: &Path, to: &Path) -> Option<PathBuf> {
        std::fs::create_dir_all(to).expect("the scratch folder can be written");
        let target = to.join("restored");
        let mut command = self.command();
        match self.kind {
            Kind::Cp => command
                .arg("-r")
                .arg(self.place.join(&taken.id))
                .arg(&target),
            Kind::Restic => command
                .args(["restore", &taken.id, "--target"])
                .arg(&target),
            Kind::Borg => {
                std::fs::create_dir_all(&target).expect("the scratch folder can be written");
                command
                    .current_dir(&target)
                    .args(["extract", &format!("::{}", taken.id)])
            }
            Kind::Lifeboat => command
                .args(["restore", &taken.id, "--to"])
                .arg(&target)
                .current_dir("/"),
        };
        let output = command.output().expect("the tool can be started");
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            eprintln!("  {} cannot restore: {}", self.name, words.trim());
            return None;
        }
        match self.kind {
            // It restores below the whole path of the source.
            Kind::Restic => Some(target.join(folder.strip_prefix("/").ok()?)),
            _ => Some(target),
        }
    }
}

fn program(kind: Kind) -> &'static str {
    match kind {
        Kind::Cp => "cp",
        Kind::Restic => "restic",
        Kind::Borg => "borg",
        Kind::Lifeboat => env!("CARGO_BIN_EXE_lifeboat"),
    }
}

/// The word of its answer that is a version.
fn version(kind: Kind) -> Option<String> {
    let ask = match kind {
        Kind::Restic => "version",
        _ => "--version",
    };
    let output = Command::new(program(kind)).arg(ask).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.lines().next()?.split(' ');
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    words.find(is_version).map(str::to_owned)
}

/// The id of a new snapshot, of those tools that choose one.
fn id_in(kind: Kind, output: &Output) -> Option<String> {
    let field = match kind {
        Kind::Cp | Kind::Borg => return None,
        Kind::Restic => "snapshot_id",
        Kind::Lifeboat => "snapshot",
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let last: serde_json::Value = serde_json::from_str(text.lines().last()?).ok()?;
    Some(last.get(field)?.as_str()?.to_owned())
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("the tool can be started");
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}
