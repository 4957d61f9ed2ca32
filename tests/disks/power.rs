//! A real file system loses its power in the middle of a backup (rules R1 to R3, fault F-02).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::tree::{Look, differences, looks};
use crate::support::{Workbench, outside};

/// An ext4 file system in a file, whose power can be cut.
struct Ext4 {
    image: PathBuf,
    mounted: PathBuf,
}

impl Ext4 {
    /// Makes and mounts one; `None`, with a word, where this machine does not allow it.
    fn make(bench: &Workbench) -> Option<Self> {
        if !(outside::is_root() && outside::has("mkfs.ext4") && outside::has("python3")) {
            return None;
        }
        let (image, mounted) = (bench.path("disk.img"), bench.path("disk"));
        fs::create_dir(&mounted).unwrap();
        let file = fs::File::create(&image).unwrap();
        file.set_len(256 << 20).unwrap();
        let image_text = image.to_str().unwrap();
        if !outside::works("mkfs.ext4", &["-q", "-F", image_text]) {
            return None;
        }
        let disk = Self { image, mounted };
        disk.mount(0).then_some(disk)
    }

    /// Mounts it, each time with another way of keeping its journal.
    fn mount(&self, number: usize) -> bool {
        let mode = ["ordered", "writeback", "journal"][number % 3];
        let options = format!("loop,data={mode}");
        let image = self.image.to_str().unwrap();
        outside::works(
            "mount",
            &["-o", &options, image, self.mounted.to_str().unwrap()],
        )
    }

    /// Cuts the power: nothing that the disk has not got yet will ever get there.
    fn cut(&self) {
        let program = "import fcntl, os, struct, sys\n\
            fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        let mut python = Command::new("python3");
        let status = python.args(["-c", program]).arg(&self.mounted).status();
        assert!(status.unwrap().success());
    }

    fn unmount(&self) {
        assert!(outside::works("umount", &[self.mounted.to_str().unwrap()]));
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.mounted).status();
    }
}

/// A cutter that is ready before the work begins, so that the moment is that of the work and not of an interpreter.
struct Cutter(std::process::Child);

impl Cutter {
    fn ready(disk: &Ext4, after: Duration) -> Self {
        let program = "import fcntl, os, struct, sys, time\n\
            disk = os.open(sys.argv[1], os.O_RDONLY)\n\
            print('ready', flush=True); sys.stdin.readline(); time.sleep(float(sys.argv[2]))\n\
            fcntl.ioctl(disk, 0x8004587d, struct.pack('I', 2))";
        let mut child = Command::new("python3")
            .args(["-c", program])
            .arg(&disk.mounted)
            .arg(after.as_secs_f64().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        Self(child)
    }

    fn go(&mut self) {
        use std::io::Write;
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    fn end(mut self) {
        assert!(self.0.wait().unwrap().success());
    }
}

/// Random numbers, the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

pub(super) type Looks = BTreeMap<PathBuf, Look>;

/// Backs up the data until the power is cut, or is done before; gives the snapshot if it was acknowledged.
fn backed_up(bench: &Workbench, repository: &Path) -> Option<String> {
    let repository = repository.to_str().unwrap();
    let args = [
        "--repo",
        repository,
        "backup",
        "data",
        "--no-zip",
        "--json",
        "--threads",
        "2",
    ];
    let answer = bench.lifeboat(&args);
    assert!(!answer.stderr().contains("panicked"), "{answer}");
    (answer.code() == Some(0)).then(|| answer.summary()["snapshot"].as_str().unwrap().to_owned())
}

/// Whether the snapshot gives back what it took.
fn assert_restores(bench: &Workbench, repository: &Path, id: &str, expected: &Looks) {
    let target = bench.path("restored");
    let restore = [
        "--repo",
        repository.to_str().unwrap(),
        "restore",
        id,
        "--to",
        "restored",
    ];
    bench.lifeboat(&restore).exits(0);
    assert_eq!(differences(expected, &looks(&target)), [""; 0], "{id}");
    fs::remove_dir_all(target).unwrap();
}

/// Changes a little of everything.
fn change(bench: &Workbench, round: usize, dice: &mut Dice) {
    bench.write("papers/two.txt", format!("state {round}"));
    let noise: Vec<u8> = (0..dice.below(60_000))
        .map(|_| dice.below(256) as u8)
        .collect();
    bench.write(format!("files/{}.bin", dice.below(8)), noise);
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute(
        "INSERT INTO t VALUES (randomblob(?1))",
        [dice.below(20_000) as i64],
    )
    .unwrap();
}

/// `LIFEBOAT_CUTS=200 cargo test -p lifeboat --test suite -- --ignored --nocapture power_is_cut`
#[test]
#[ignore = "minutes; see docs/testing.md"]
fn f02_the_power_is_cut_at_random_moments_of_real_backups() {
    let bench = Workbench::with_files();
    let Some(disk) = Ext4::make(&bench) else {
        return;
    };
    let cuts = std::env::var("LIFEBOAT_CUTS").map_or(200, |cuts| cuts.parse().unwrap());
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES ('one')")
        .unwrap();
    drop(app);
    let repository = disk.mounted.join("repository");
    let mut dice = Dice(7);
    let mut known: Vec<(String, Looks)> = Vec::new();
    let (mut longest, mut in_the_middle) = (Duration::from_millis(400), 0);
    for round in 0..cuts {
        change(&bench, round, &mut dice);
        let micros = u64::try_from(longest.as_micros()).unwrap() + 20_000;
        let mut cutter = Cutter::ready(&disk, Duration::from_micros(dice.below(micros)));
        let expected = looks(&bench.data());
        cutter.go();
        let began = Instant::now();
        match backed_up(&bench, &repository) {
            Some(id) => {
                longest = began.elapsed();
                known.push((id, expected));
            }
            None => in_the_middle += 1,
        }
        cutter.end();
        disk.unmount();
        assert!(disk.mount(round + 1), "it cannot be mounted again");
        let place = repository.to_str().unwrap();
        if !known.is_empty() {
            bench
                .lifeboat(&["--repo", place, "verify", "--read-data"])
                .exits(0);
        }
        let some = dice.below(known.len().max(1) as u64) as usize;
        for (id, expected) in known.iter().skip(some).take(1).chain(known.last()) {
            assert_restores(&bench, &repository, id, expected);
        }
        // Without any help.
        let expected = looks(&bench.data());
        let id = backed_up(&bench, &repository).expect("the next backup works");
        known.push((id, expected));
        // A power cut between two backups takes nothing either.
        if round % 5 == 0 {
            disk.cut();
            disk.unmount();
            assert!(disk.mount(round));
        }
        if known.len() > 400 {
            break;
        }
    }
    for (id, expected) in &known {
        assert_restores(&bench, &repository, id, expected);
    }
    println!(
        "{cuts} power cuts, {in_the_middle} of them in the middle of a backup; all {} acknowledged snapshots are whole",
        known.len()
    );
    assert!(
        in_the_middle > cuts / 10,
        "most came too late to tell anything"
    );
}
