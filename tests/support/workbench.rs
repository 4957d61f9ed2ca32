//! A temporary folder with everything a test needs: a home, data to back up, a place for the repository, and the program
//! to run in a fixed environment.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use lifeboat_snapshot::{
    Backup, BackupReport, Repository, Restore, Snapshot, Unwatched, WarningKind,
};
use tempfile::TempDir;

use super::Answer;

/// A temporary folder that vanishes with the value.
pub(crate) struct Workbench {
    folder: TempDir,
}

impl Workbench {
    /// With an empty home and an empty folder of data, and no repository yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lifeboat-")
            .tempdir()
            .unwrap();
        let bench = Self { folder };
        fs::create_dir(bench.path("home")).unwrap();
        fs::create_dir(bench.data()).unwrap();
        bench
    }

    /// With a few files of every plain sort in the data.
    pub(crate) fn with_files() -> Self {
        let bench = Self::new();
        bench.write("notes.txt", "remember");
        bench.write("papers/one.txt", "first");
        bench.write("papers/two.txt", "second");
        fs::create_dir(bench.data().join("empty")).unwrap();
        std::os::unix::fs::symlink("notes.txt", bench.data().join("link")).unwrap();
        bench
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is backed up.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Where the repository is or will be.
    pub(crate) fn place(&self) -> PathBuf {
        self.path("repository")
    }

    /// The files of a folder of the repository with their bytes; none where there is no such folder.
    pub(crate) fn files_in(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let Ok(listed) = fs::read_dir(self.place().join(folder)) else {
            return BTreeMap::new();
        };
        let paths = listed.map(|entry| entry.unwrap().path());
        paths
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    /// Writes a file of the data, with the folders above it.
    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.data().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Waits until all of the data is so old that a backup believes it has not changed when it looks the same: longer than
    /// the clock's tick that stamps files.
    pub(crate) fn age_data(&self) {
        let is_young = |path: &PathBuf| {
            let stat = self.data().join(path).symlink_metadata().unwrap();
            let changed = Duration::new(stat.ctime() as u64, stat.ctime_nsec() as u32);
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
            now.saturating_sub(changed) < Duration::from_millis(150)
        };
        for path in super::tree::looks(&self.data()).into_keys() {
            while is_young(&path) {
                std::thread::yield_now();
            }
        }
    }

    /// The program with these arguments, in an environment that is the same everywhere.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        self.command_by(&[env!("CARGO_BIN_EXE_lifeboat")], args)
    }

    /// The same, started by another program: `setpriv`, `strace` and their kin.
    pub(crate) fn command_by<A: AsRef<OsStr>>(
        &self,
        by: &[&str],
        args: impl IntoIterator<Item = A>,
    ) -> Command {
        let (program, before) = by.split_first().unwrap();
        let mut command = Command::new(program);
        command
            .args(before)
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("LIFEBOAT_REPO", self.place())
            .current_dir(self.folder())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn lifeboat(&self, args: &[&str]) -> Answer {
        Answer::of(&mut self.command(args))
    }

    /// Backs the data up by the program, without a zip, and gives the summary.
    pub(crate) fn backs_up(&self) -> serde_json::Value {
        self.lifeboat(&["backup", "data", "--no-zip", "--json"])
            .exits(0)
            .summary()
    }

    /// The repository, created where it is not.
    pub(crate) fn repository(&self) -> Repository {
        Repository::open_or_create(&self.place()).unwrap()
    }

    /// What a backup of the data by the library is asked for.
    pub(crate) fn plan(&self) -> Backup {
        Backup {
            sources: vec![self.data()],
            host: "bench".to_owned(),
            ..Backup::default()
        }
    }

    /// Backs the data up by the library.
    pub(crate) fn backup(&self) -> BackupReport {
        self.repository().backup(&self.plan(), &Unwatched).unwrap()
    }

    /// Restores a snapshot by the library to a folder of this name.
    pub(crate) fn restore(&self, snapshot: &Snapshot, name: &str) -> PathBuf {
        let target = self.path(name);
        let plan = Restore {
            target: target.clone(),
            setuid: true,
            special_files: true,
            ..Restore::default()
        };
        let report = self.repository().restore(snapshot, &plan, &Unwatched);
        // What the snapshot itself lacks is no fault of its restore.
        let mut warnings = report.unwrap().warnings;
        warnings.retain(|warning| warning.kind != WarningKind::Incomplete);
        assert_eq!(warnings, []);
        target
    }
}
