//! The programs: which of them this machine has, each with a repository of its own and nobody's configuration.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::measure::run;
use crate::support::size_of;

/// A program that this machine has.
pub(crate) struct Peer {
    pub(super) kind: Kind,
    version: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lifeboat,
    Restic,
    Rustic,
    Borg,
    Bupstash,
    Conserve,
    Vykar,
    Zpaq,
    Zip,
    SevenZip,
    PythonZip,
}

const ALL: [Kind; 11] = [
    Kind::Lifeboat,
    Kind::Restic,
    Kind::Rustic,
    Kind::Borg,
    Kind::Bupstash,
    Kind::Conserve,
    Kind::Vykar,
    Kind::Zpaq,
    Kind::Zip,
    Kind::SevenZip,
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
            Self::Vykar => "vykar",
            Self::Zpaq => "zpaq",
            Self::Zip => "zip",
            Self::SevenZip => "7z",
            Self::PythonZip => "python3",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Lifeboat => "lifeboat",
            Self::Zip => "zip -6",
            Self::SevenZip => "7z -mx=1",
            Self::PythonZip => "Python zipfile",
            other => other.program(),
        }
    }

    fn version(self) -> Option<String> {
        let arg = match self {
            Self::Restic => "version",
            Self::Zip => "-v",
            Self::SevenZip => "i",
            _ => "--version",
        };
        let output = Command::new(self.program()).arg(arg).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let line = match self {
            // Its first line is the copyright.
            Self::Zip => lines.get(1),
            _ => lines.iter().find(|line| !line.is_empty()),
        };
        Some(line.unwrap_or(&"").chars().take(60).collect())
    }
}

impl Peer {
    /// Those of the wanted ones that are found, lifeboat first.
    pub(crate) fn installed(is_wanted: impl Fn(&str) -> bool) -> Vec<Self> {
        let wanted = ALL
            .into_iter()
            .filter(|&kind| kind == Kind::Lifeboat || is_wanted(kind.program()));
        let found = wanted.filter_map(|kind| match kind.version() {
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
            Kind::Lifeboat | Kind::Zpaq | Kind::Zip | Kind::SevenZip | Kind::PythonZip => {}
            Kind::Vykar => {
                self.write_config(place);
                drop(run(self.command(place).arg("init")));
            }
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

    /// Not encrypted, as lifeboat's is not, and compressed as most of the others do.
    fn write_config(&self, place: &Path) {
        let config = format!(
            "repositories:\n  - label: bench\n    url: {:?}\ncache_dir: {:?}\nencryption:\n  mode: none\n\
             compression:\n  algorithm: zstd\n  zstd_level: 3\nretention:\n  keep_last: 1\nsources: []\n",
            repository(place),
            place.join("home/cache")
        );
        std::fs::write(place.join("vykar.yaml"), config)
            .expect("the scratch folder can be written");
    }

    /// The program with its repository made known to it, nobody's configuration, and caches on disk beside it.
    pub(super) fn command(&self, place: &Path) -> Command {
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
            .env("VYKAR_CONFIG", place.join("vykar.yaml"))
            .stdin(Stdio::null());
        if self.kind == Kind::Vykar {
            command.arg("--config").arg(place.join("vykar.yaml"));
        }
        command
    }

    /// Bytes of the repository; caches that can be made again are not counted for anybody.
    pub(crate) fn size(&self, place: &Path) -> u64 {
        match self.kind {
            Kind::Zpaq | Kind::Zip | Kind::SevenZip | Kind::PythonZip => size_of(place, "home"),
            _ => size_of(&repository(place), "cache"),
        }
    }
}

pub(super) fn repository(place: &Path) -> PathBuf {
    place.join("repository")
}

fn key(place: &Path) -> PathBuf {
    place.join("key")
}

pub(super) fn archive(place: &Path, name: &str) -> PathBuf {
    place.join(format!("{name}.zip"))
}

/// The one archive that grows.
pub(super) fn journal(place: &Path) -> PathBuf {
    place.join("all.zpaq")
}
