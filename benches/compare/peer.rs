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
            .env("VYKAR_CONFIG", place.join("vykar.yaml"))
            .stdin(Stdio::null());
        if self.kind == Kind::Vykar {
            command.arg("--config").arg(place.join("vykar.yaml"));
        }
        command
    }

    /// Stores the state of the source under a name.
    pub(crate) fn store(&self, place: &Path, source: &Path, name: &str) -> Took {
        let mut command = self.command(place);
        let name = name.replace(' ', "-");
        match self.kind {
            Kind::Lifeboat => command.args(["backup", "--json", "--no-zip"]).arg(source),
            Kind::Restic | Kind::Rustic | Kind::Vykar => command.arg("backup").arg(source),
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
            Kind::Zpaq => command.arg("add").arg(journal(place)).arg(source),
            Kind::Zip => command
                .current_dir(source)
                .args(["-6", "-q", "-r"])
                .arg(archive(place, &name))
                .arg("."),
            Kind::SevenZip => command
                .args(["a", "-mx=1"])
                .arg(archive(place, &name).with_extension("7z"))
                .arg(source),
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
            Kind::Vykar => command.args(["restore", "latest"]).arg(to),
            Kind::Zpaq => command
                .arg("extract")
                .arg(journal(place))
                .arg("-to")
                .arg(to),
            // Unpacking is another program's.
            Kind::Zip | Kind::SevenZip | Kind::PythonZip => return None,
        };
        Some(run(&mut command))
    }

    /// Gives up all but the newest, `heavy`, and frees what only the others needed; `older` are their names.
    pub(crate) fn forget(&self, place: &Path, older: &[String]) -> Option<Took> {
        let command = || self.command(place);
        let keep_one = ["--keep-last", "1"];
        let (first, second) = match self.kind {
            Kind::Lifeboat => {
                let mut forget = command();
                forget.arg("forget").args(keep_one);
                let mut collect = command();
                collect.arg("gc");
                (forget, Some(collect))
            }
            Kind::Restic | Kind::Rustic => {
                let mut forget = command();
                forget.args(["forget", "--prune"]).args(keep_one);
                (forget, None)
            }
            Kind::Borg | Kind::Vykar => {
                let mut prune = command();
                prune.arg("prune");
                if self.kind == Kind::Borg {
                    prune.args(keep_one);
                }
                let mut compact = command();
                compact.arg("compact");
                (prune, Some(compact))
            }
            Kind::Bupstash => {
                let names: Vec<_> = older.iter().map(|name| format!("name={name}")).collect();
                let mut remove = command();
                remove
                    .args(["rm", "-q", "--allow-many"])
                    .arg(names.join(" or "));
                let mut collect = command();
                collect.args(["gc", "-q"]);
                (remove, Some(collect))
            }
            Kind::Conserve => {
                let ids: Vec<_> = (0..older.len())
                    .map(|number| format!("b{number:04}"))
                    .collect();
                let mut delete = command();
                delete
                    .args(["delete", "--no-progress", "--backup", &ids.join(",")])
                    .arg(repository(place));
                (delete, None)
            }
            Kind::Zpaq | Kind::Zip | Kind::SevenZip | Kind::PythonZip => return None,
        };
        let took = std::iter::once(first).chain(second);
        took.map(|mut command| run(&mut command)).reduce(Took::and)
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
            Kind::Vykar => command.args(["check", "--verify-data"]),
            Kind::Zpaq => command.arg("extract").arg(journal(place)).arg("-test"),
            Kind::Bupstash | Kind::Zip | Kind::SevenZip | Kind::PythonZip => return None,
        };
        Some(run(&mut command))
    }

    /// Bytes of the repository; caches that can be made again are not counted for anybody.
    pub(crate) fn size(&self, place: &Path) -> u64 {
        match self.kind {
            Kind::Zpaq | Kind::Zip | Kind::SevenZip | Kind::PythonZip => size_of(place, "home"),
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

/// The one archive that grows.
fn journal(place: &Path) -> PathBuf {
    place.join("all.zpaq")
}
