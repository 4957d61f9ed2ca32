//! The programs, each asked as its manual says and with its defaults.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::measure::{Took, run};
use crate::support::size_of;

/// A program that this machine has.
pub(crate) struct Peer {
    kind: Kind,
    version: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lifeboat,
    Restic,
    Rustic,
    Borg,
    Bupstash,
    Conserve,
    Zip,
    PythonZip,
}

const ALL: [Kind; 8] = [
    Kind::Lifeboat,
    Kind::Restic,
    Kind::Rustic,
    Kind::Borg,
    Kind::Bupstash,
    Kind::Conserve,
    Kind::Zip,
    Kind::PythonZip,
];

impl Kind {
    const fn program(self) -> &'static str {
        match self {
            Self::Lifeboat => env!("CARGO_BIN_EXE_lifeboat"),
            Self::Restic => "restic",
            Self::Rustic => "rustic",
            Self::Borg => "borg",
            Self::Bupstash => "bupstash",
            Self::Conserve => "conserve",
            Self::Zip => "zip",
            Self::PythonZip => "python3",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Lifeboat => "lifeboat",
            Self::Zip => "zip -6",
            Self::PythonZip => "Python zipfile",
            other => other.program(),
        }
    }

    fn version(self) -> Option<String> {
        let arg = match self {
            Self::Restic => "version",
            Self::Zip => "-v",
            _ => "--version",
        };
        let output = Command::new(self.program()).arg(arg).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let line = match self {
            // Its first line is the copyright.
            Self::Zip => lines.get(1),
            _ => lines.first(),
        };
        Some(line.unwrap_or(&"").chars().take(60).collect())
    }
}

impl Peer {
    /// All that are found, lifeboat first.
    pub(crate) fn installed() -> Vec<Self> {
        let found = ALL.into_iter().filter_map(|kind| match kind.version() {
            Some(version) => Some(Self { kind, version }),
            None => {
                eprintln!("did without {}: not installed", kind.name());
                None
            }
        });
        found.collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.kind.name()
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Makes the repository where the program wants that.
    pub(crate) fn prepare(&self, place: &Path) {
        match self.kind {
            Kind::Lifeboat | Kind::Zip | Kind::PythonZip => {}
            Kind::Restic | Kind::Rustic => drop(run(self.command(place).arg("init"))),
            Kind::Borg => drop(run(self.command(place).args(["init", "-e", "none"]))),
            Kind::Conserve => drop(run(self.command(place).arg("init").arg(repository(place)))),
            Kind::Bupstash => {
                drop(run(self
                    .command(place)
                    .args(["new-key", "-o"])
                    .arg(key(place))));
                drop(run(self.command(place).arg("init")));
            }
        }
    }

    /// The program with its repository made known to it, nobody's configuration, and caches on disk beside it.
    fn command(&self, place: &Path) -> Command {
        let mut command = Command::new(self.kind.program());
        let repository = repository(place);
        let home = place.join("home");
        std::fs::create_dir_all(&home).expect("the scratch folder can be written");
        command
            .current_dir("/")
            .env("HOME", &home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("LIFEBOAT_REPO", &repository)
            .env("RESTIC_REPOSITORY", &repository)
            .env("RESTIC_PASSWORD", "bench")
            .env("RUSTIC_REPOSITORY", &repository)
            .env("RUSTIC_PASSWORD", "bench")
            .env("BORG_REPO", &repository)
            .env("BORG_BASE_DIR", &home)
            .env("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes")
            .env("BUPSTASH_REPOSITORY", &repository)
            .env("BUPSTASH_KEY", key(place))
            .stdin(Stdio::null());
        command
    }

    /// Stores the state of the source under a name.
    pub(crate) fn store(&self, place: &Path, source: &Path, name: &str) -> Took {
        let mut command = self.command(place);
        let name = name.replace(' ', "-");
        match self.kind {
            Kind::Lifeboat => command.args(["backup", "--json", "--no-zip"]).arg(source),
            Kind::Restic | Kind::Rustic => command.arg("backup").arg(source),
            Kind::Borg => command
                .current_dir(source)
                .args(["create", &format!("::{name}"), "."]),
            Kind::Bupstash => command
                .args(["put", "-q", &format!("name={name}")])
                .arg(source),
            Kind::Conserve => command
                .args(["backup", "--no-progress"])
                .arg(repository(place))
                .arg(source),
            Kind::Zip => command
                .current_dir(source)
                .args(["-6", "-q", "-r"])
                .arg(archive(place, &name))
                .arg("."),
            Kind::PythonZip => command
                .args(["-m", "zipfile", "-c"])
                .arg(archive(place, &name))
                .arg(source),
        };
        run(&mut command)
    }

    /// Restores what was stored last, under `name`.
    pub(crate) fn restore(
        &self,
        place: &Path,
        source: &Path,
        to: &Path,
        name: &str,
    ) -> Option<Took> {
        let mut command = self.command(place);
        match self.kind {
            Kind::Lifeboat => command.args(["restore", "latest", "--to"]).arg(to),
            Kind::Restic => command.args(["restore", "latest", "--target"]).arg(to),
            Kind::Rustic => command
                .arg("restore")
                .arg(format!("latest:{}", source.display()))
                .arg(to),
            Kind::Borg => {
                std::fs::create_dir_all(to).expect("the scratch folder can be written");
                command
                    .current_dir(to)
                    .args(["extract", &format!("::{name}")])
            }
            Kind::Bupstash => {
                std::fs::create_dir_all(to).expect("the scratch folder can be written");
                command
                    .args(["restore", "-q", "--into"])
                    .arg(to)
                    .arg(format!("name={name}"))
            }
            Kind::Conserve => command
                .args(["restore", "--no-progress"])
                .arg(repository(place))
                .arg(to),
            // Unpacking is another program's.
            Kind::Zip | Kind::PythonZip => return None,
        };
        Some(run(&mut command))
    }

    /// Reads every stored byte, where the program can.
    pub(crate) fn verify(&self, place: &Path) -> Option<Took> {
        let mut command = self.command(place);
        match self.kind {
            Kind::Lifeboat => command.args(["verify", "--read-data"]),
            Kind::Restic | Kind::Rustic => command.args(["check", "--read-data"]),
            Kind::Borg => command.args(["check", "--verify-data"]),
            Kind::Conserve => command
                .args(["validate", "--no-progress"])
                .arg(repository(place)),
            Kind::Bupstash | Kind::Zip | Kind::PythonZip => return None,
        };
        Some(run(&mut command))
    }

    /// Bytes of the repository; caches that can be made again are not counted for anybody.
    pub(crate) fn size(&self, place: &Path) -> u64 {
        match self.kind {
            Kind::Zip | Kind::PythonZip => size_of(place, "home"),
            _ => size_of(&repository(place), "cache"),
        }
    }
}

fn repository(place: &Path) -> PathBuf {
    place.join("repository")
}

fn key(place: &Path) -> PathBuf {
    place.join("key")
}

fn archive(place: &Path, name: &str) -> PathBuf {
    place.join(format!("{name}.zip"))
}
