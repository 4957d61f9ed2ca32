//! The program under test: the `lifeboat` of the same build, as a child process, as a person would run it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::measure::{Took, run};

/// A repository and the program to use it with.
pub(crate) struct Lifeboat {
    repository: PathBuf,
}

impl Lifeboat {
    /// With a repository at this place, which the first backup creates.
    pub(crate) fn at(repository: PathBuf) -> Self {
        Self { repository }
    }

    /// One of its commands, which is not run yet.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
        command
            .env_clear()
            // Nobody's configuration counts.
            .current_dir("/")
            .arg("--repo")
            .arg(&self.repository)
            .args(["--json", name]);
        command
    }

    /// `backup` of one folder, without the zip.
    pub(crate) fn backup(&self, source: &Path) -> Took {
        run(self.command("backup").arg(source).arg("--no-zip"))
    }

    /// `restore` of a snapshot into a new folder.
    pub(crate) fn restore(&self, snapshot: &str, to: &Path) -> Took {
        run(self.command("restore").arg(snapshot).arg("--to").arg(to))
    }

    /// `verify`, of the structure or of every byte.
    pub(crate) fn verify(&self, read_data: bool) -> Took {
        run(self
            .command("verify")
            .args(read_data.then_some("--read-data")))
    }

    /// `export --zip` of the latest snapshot into a file.
    pub(crate) fn export(&self, zip: &Path) -> Took {
        run(self.command("export").arg("latest").arg("--zip").arg(zip))
    }

    /// A command that only looks, with these arguments, for people.
    pub(crate) fn asked(&self, args: &[&str]) -> Took {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
        command
            .env_clear()
            .current_dir("/")
            .arg("--repo")
            .arg(&self.repository);
        run(command.args(args))
    }

    /// Bytes that the repository has, without its cache, which can be made again from the rest.
    pub(crate) fn size(&self) -> u64 {
        super::size_of(&self.repository, "cache")
    }

    /// Bytes of the cache.
    pub(crate) fn cache_size(&self) -> u64 {
        super::size_of(&self.repository.join("cache"), "")
    }
}
