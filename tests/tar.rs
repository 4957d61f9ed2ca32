//! The tar of a snapshot, unpacked by programs that know nothing of lifeboat: all that a snapshot knows is in it (feature
//! Z5).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::{Answer, Workbench, evil, outside, tree};

/// Everything that the old header has no room for.
fn odd() -> Workbench {
    let bench = Workbench::with_files();
    let long = format!("{}/{}", "folder".repeat(20), "file".repeat(50));
    bench.write(&long, "deep");
    bench.write(OsStr::from_bytes(b"caf\xe9.txt"), "not UTF-8");
    bench.write("empty.bin", "");
    bench.write("block.bin", vec![7; 1024]);
    bench.write("large.bin", vec![9; 3_000_001]);
    symlink("x".repeat(180), bench.data().join("far")).unwrap();
    fs::hard_link(
        bench.data().join("notes.txt"),
        bench.data().join("same.txt"),
    )
    .unwrap();
    let fifo = bench.data().join("pipe");
    Answer::of(Command::new("mkfifo").arg(&fifo)).exits(0);
    fs::set_permissions(
        bench.data().join("block.bin"),
        fs::Permissions::from_mode(0o4751),
    )
    .unwrap();
    let times = [
        (
            "block.bin",
            SystemTime::UNIX_EPOCH - Duration::new(1_000_000, 250_000_000),
        ),
        (
            "empty.bin",
            SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789),
        ),
    ];
    for (name, time) in times {
        let file = fs::File::options()
            .write(true)
            .open(bench.data().join(name))
            .unwrap();
        file.set_modified(time).unwrap();
    }
    bench.backs_up();
    bench
}

#[test]
fn a_tar_unpacks_to_what_was_backed_up() {
    if !outside::works("tar", &["--version"]) {
        return;
    }
    let bench = odd();
    let answer = bench
        .lifeboat(&["export", "latest", "--tar", "all.tar", "--json"])
        .exits(0);
    let len = bench.path("all.tar").metadata().unwrap().len();
    assert_eq!(answer.summary()["tar"]["bytes"], len);
    fs::create_dir(bench.path("unpacked")).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--xattrs", "-xpf"])
        .arg(bench.path("all.tar"))
        .arg("-C")
        .arg(bench.path("unpacked"));
    // It remarks on the time before 1970, and sets it.
    Answer::of(&mut tar).exits(0);
    tree::assert_same(&bench.data(), &bench.path("unpacked"));
    bench
        .lifeboat(&["export", "latest", "--tar", "all.tar"])
        .exits(8);
}

#[test]
fn a_tar_has_attributes_and_access_lists() {
    if !outside::works("tar", &["--xattrs", "--version"]) {
        return;
    }
    let bench = Workbench::with_files();
    let data = bench.data();
    let set = [
        evil::set(&data.join("notes.txt"), "user.plain", b"text"),
        evil::set(&data.join("notes.txt"), "user.binary", b"\0\xff\n\0="),
        evil::set(&data.join("papers"), "user.of-a-folder", b"yes"),
        evil::set(
            &data.join("papers/one.txt"),
            "system.posix_acl_access",
            &evil::access_list(),
        ),
        evil::set(
            &data.join("empty"),
            "system.posix_acl_default",
            &evil::access_list(),
        ),
    ];
    if !set.iter().all(|set| *set) {
        return;
    }
    bench.backs_up();
    bench
        .lifeboat(&["export", "latest", "--tar", "all.tar"])
        .exits(0);
    fs::create_dir(bench.path("unpacked")).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--xattrs", "--xattrs-include=*", "-xpf"])
        .arg(bench.path("all.tar"))
        .arg("-C")
        .arg(bench.path("unpacked"));
    Answer::of(&mut tar).exits(0);
    tree::assert_same(&data, &bench.path("unpacked"));
}

#[test]
fn a_tar_on_stdout_is_the_one_in_a_file() {
    let bench = odd();
    bench
        .lifeboat(&["export", "latest", "--tar", "all.tar"])
        .exits(0);
    let streamed = bench
        .lifeboat(&["export", "latest", "--tar", "-"])
        .exits(0)
        .quietly();
    assert!(streamed.bytes() == fs::read(bench.path("all.tar")).unwrap());
}

#[test]
fn python_reads_the_tar_with_its_long_names_and_times() {
    let script = "
import sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    times = {member.name: member.mtime for member in archive}
    names = archive.getnames()
    assert any(len(name) > 300 for name in names), names
    assert times['./empty.bin' if './empty.bin' in times else 'empty.bin'] == 1700000000.123456789, times
    assert archive.getmember('same.txt').islnk() or archive.getmember('notes.txt').islnk()
    assert archive.getmember('pipe').isfifo()
    assert archive.extractfile('large.bin').read() == bytes([9]) * 3000001
";
    if !outside::works("python3", &["-c", "import tarfile"]) {
        return;
    }
    let bench = odd();
    bench
        .lifeboat(&["export", "latest", "--tar", "all.tar"])
        .exits(0);
    Answer::of(
        Command::new("python3")
            .args(["-c", script])
            .arg(bench.path("all.tar")),
    )
    .exits(0);
}
