//! Every system call of the program failing in turn (on the program as it is): no false success, no panic, and
//! nothing lost that was there.

use std::fs;

use lifeboat_store::random::noise;

use super::power::Looks;
use crate::support::tree::{differences, looks};
use crate::support::{Answer, Workbench, outside, struck};

/// Calls, and how each may fail.
const FAULTS: [(&str, &[&str]); 16] = [
    ("write", &["ENOSPC", "EIO"]),
    ("pwrite64", &["ENOSPC", "EDQUOT"]),
    ("fsync", &["EIO", "ENOSPC"]),
    ("fdatasync", &["EIO"]),
    ("syncfs", &["EIO"]),
    ("renameat2", &["EIO", "EACCES"]),
    ("rename", &["EIO"]),
    ("openat", &["EACCES", "EMFILE"]),
    ("mkdir", &["ENOSPC"]),
    ("unlink", &["EIO"]),
    ("getdents64", &["EIO"]),
    ("pread64", &["EIO", "EINTR"]),
    ("read", &["EIO", "EINTR"]),
    ("flock", &["ENOLCK"]),
    ("fchmod", &["EIO"]),
    ("utimensat", &["EIO"]),
];

/// A backup that another program made.
const OLD: &str = "backup_2024-05-01_10-00-00";

/// A zip that another repository made.
const ZIP: &str = "other.zip";

/// Commands that write, each on a copy of a repository with two snapshots.
const VERBS: [(&str, &[&str]); 10] = [
    ("init", &["init", "--repo", "fresh"]),
    ("import", &["import", OLD]),
    ("unpack", &["import", ZIP, "--threads", "1"]),
    ("repair", &["repair", "--apply", "--threads", "1"]),
    ("backup", &["backup", "data", "--no-zip", "--threads", "1"]),
    ("export", &["export", "latest"]),
    (
        "restore",
        &["restore", "latest", "--to", "restored", "--threads", "1"],
    ),
    ("forget", &["forget", "latest~1"]),
    ("gc", &["gc"]),
    ("verify", &["verify", "--read-data", "--threads", "1"]),
];

/// What the repository held before.
struct Before {
    bench: Workbench,
    /// The newest snapshot, and the data of it; the data has changed since.
    newest: (String, Looks),
}

impl Before {
    fn make() -> Self {
        let bench = Workbench::with_files();
        let app = rusqlite::Connection::open(bench.data().join("app.db")).unwrap();
        app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(50000))")
            .unwrap();
        drop(app);
        bench.backs_up();
        bench.write("notes.txt", "second");
        let newest = bench.backs_up()["snapshot"].as_str().unwrap().to_owned();
        let held = looks(&bench.data());
        bench.write("papers/two.txt", "third");
        bench.write("new.bin", noise(300_000, 0));
        let other = ["-r", "other", "backup", "data", "--zip-dir", "zips"];
        fs::create_dir(bench.path("zips")).unwrap();
        bench.lifeboat(&other).exits(0);
        let zip = fs::read_dir(bench.path("zips")).unwrap().next().unwrap();
        fs::rename(zip.unwrap().path(), bench.path(ZIP)).unwrap();
        let old = bench.path(OLD);
        fs::create_dir(&old).unwrap();
        fs::write(old.join("notes.txt"), "from before").unwrap();
        let manifest = r#"{"created_at": "2024-05-01T10:00:00", "version": "1.0"}"#;
        fs::write(old.join("backup_manifest.json"), manifest).unwrap();
        fs::rename(bench.place(), bench.path("whole")).unwrap();
        let newest = (newest, held);
        Self { bench, newest }
    }

    /// Puts everything back as it was.
    fn again(&self, verb: &str) {
        for name in ["repository", "restored", "again", "fresh"] {
            let _ = fs::remove_dir_all(self.bench.path(name));
        }
        let copied = outside::works("cp", &["-a", &self.path("whole"), &self.path("repository")]);
        assert!(copied);
        if verb == "repair" {
            self.damage();
        }
    }

    /// What a repair can mend: a pack by its parity, a record by its copy.
    fn damage(&self) {
        for folder in ["packs", "snapshots"] {
            let files = fs::read_dir(self.bench.place().join(folder)).unwrap();
            let files = files.map(|file| file.unwrap().path());
            let largest = files.max_by_key(|file| fs::metadata(file).unwrap().len());
            let mut bytes = fs::read(largest.as_ref().unwrap()).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(largest.unwrap(), bytes).unwrap();
        }
    }

    /// The same command, or what comes after it, without a fault.
    fn finish(&self, verb: &str, args: &[&str]) -> Option<String> {
        let next = match verb {
            "init" => &["backup", "data", "--no-zip", "--repo", "fresh"],
            "import" | "unpack" | "repair" => args,
            _ => return None,
        };
        let answer = self.bench.lifeboat(next);
        let is_done = matches!(answer.code(), Some(0 | 5));
        (!is_done).then(|| format!("not done again: {answer}"))
    }

    fn path(&self, name: &str) -> String {
        self.bench.path(name).to_str().unwrap().to_owned()
    }

    /// Runs a command of which the nth call fails; tells whether it did.
    fn run(&self, args: &[&str], call: &str, errno: &str, nth: usize) -> (Answer, bool) {
        struck::at(&self.bench, args, (call, &format!("error={errno}")), nth)
    }

    /// What is wrong after such a run, if anything is.
    fn judge(&self, verb: &str, answer: &Answer) -> Option<String> {
        if answer.stderr().contains("panicked") || answer.code() == Some(101) {
            return Some(format!("a panic: {answer}"));
        }
        let (newest, held) = &self.newest;
        let verified = self.bench.lifeboat(&["verify", "--read-data"]);
        if verified.code() != Some(0) {
            return Some(format!("not whole: {verified}"));
        }
        if self
            .bench
            .lifeboat(&["restore", newest, "--to", "again"])
            .code()
            != Some(0)
            || !differences(held, &looks(&self.bench.path("again"))).is_empty()
        {
            return Some("an earlier snapshot is lost".to_owned());
        }
        let _ = fs::remove_dir_all(self.bench.path("again"));
        let restored = ["restore", "latest", "--to", "again"];
        let expected = match (verb, answer.code()) {
            ("backup", Some(0)) => looks(&self.bench.data()),
            ("restore", Some(0)) => {
                let found = looks(&self.bench.path("restored"));
                if !differences(held, &found).is_empty() {
                    return Some("restored something else".to_owned());
                }
                held.clone()
            }
            _ => {
                let next = self.bench.lifeboat(&["backup", "data", "--no-zip"]);
                return (next.code() != Some(0)).then(|| format!("no next backup: {next}"));
            }
        };
        let done = self.bench.lifeboat(&restored);
        let same = differences(&expected, &looks(&self.bench.path("again"))).is_empty();
        (done.code() != Some(0) || !same).then(|| format!("a false success: {answer}"))
    }
}

/// `LIFEBOAT_VERBS=backup,gc cargo test -p lifeboat --test suite -- --ignored --nocapture system_call_fails`
#[test]
#[ignore = "an hour or more; see docs/testing.md"]
fn f05_f08_every_system_call_fails_in_turn() {
    if !outside::has("strace") {
        return;
    }
    let before = Before::make();
    let only = std::env::var("LIFEBOAT_VERBS").unwrap_or_default();
    for (verb, args) in VERBS {
        if !(only.is_empty() || only.split(',').any(|only| only == verb)) {
            continue;
        }
        let mut struck = 0;
        for (call, errno) in FAULTS
            .iter()
            .flat_map(|(call, errnos)| errnos.iter().map(move |errno| (call, errno)))
        {
            for nth in 1.. {
                before.again(verb);
                let (answer, was_struck) = before.run(args, call, errno, nth);
                let failed = before.finish(verb, args);
                if let Some(what) = failed.or_else(|| before.judge(verb, &answer)) {
                    panic!("{verb}: {call} number {nth} fails with {errno}: {what}");
                }
                if !was_struck {
                    break;
                }
                struck += 1;
            }
        }
        println!("{verb}: {struck} system calls failed in turn");
    }
}
