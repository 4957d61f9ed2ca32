//! Targets that cannot be used, disks that are full, and settings that make no sense.

use std::fs;
use std::path::Path;

use super::{backed_up, count, noise};
use crate::support::answer::shown;
use crate::support::small::Small;
use crate::support::{Answer, Workbench, outside, tree};

#[test]
fn bad_43_a_target_that_is_not_empty_or_in_the_repository() {
    let bench = backed_up();
    let before = tree::looks(&bench.data());
    let inside = shown(&bench.place().join("new"));
    for target in ["data", "/", "data/notes.txt", &inside] {
        bench
            .lifeboat(&["restore", "latest", "--to", target])
            .exits(8)
            .complains(&[]);
    }
    bench
        .lifeboat(&["restore", "latest", "--to", "data"])
        .exits(8)
        .complains(&["not empty", &shown(&bench.data())]);
    assert_eq!(
        tree::differences(&before, &tree::looks(&bench.data())),
        [""; 0]
    );
    assert!(!bench.place().join("new").exists());
}

#[test]
fn bad_44_f05_no_space_for_a_backup_leaves_the_repository_as_it_was() {
    let bench = Workbench::with_files();
    let Some(_small) = Small::mount(bench.place(), "3m") else {
        return;
    };
    bench.backs_up();
    bench.write("large.bin", noise(20_000_000, 0));
    bench
        .lifeboat(&["backup", "data", "--no-zip"])
        .exits(28)
        .complains(&["space"]);
    assert_eq!(count(&bench), 1);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    assert_eq!(
        fs::read(bench.path("restored/notes.txt")).unwrap(),
        b"remember"
    );
    fs::remove_file(bench.data().join("large.bin")).unwrap();
    bench.write("small.txt", "fits");
    bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
}

#[test]
fn bad_44_f50_no_space_for_a_restore_is_told_before_anything_is_written() {
    let bench = Workbench::new();
    bench.write("large.bin", noise(8_000_000, 0));
    bench.backs_up();
    let Some(small) = Small::mount(bench.path("small"), "3m") else {
        return;
    };
    let target = shown(&small.0.join("new"));
    bench
        .lifeboat(&["restore", "latest", "--to", &target])
        .exits(28)
        .complains(&[&target]);
    assert!(!Path::new(&target).exists());
}

#[test]
fn bad_52_an_export_that_exists_or_has_no_folder() {
    let bench = backed_up();
    fs::write(bench.path("there.zip"), "somebody's only copy").unwrap();
    for file in ["there.zip", "nowhere/new.zip"] {
        bench
            .lifeboat(&["export", "latest", "--zip", file])
            .exits(8)
            .complains(&[]);
    }
    assert_eq!(
        fs::read(bench.path("there.zip")).unwrap(),
        b"somebody's only copy"
    );
}

#[test]
fn bad_56_a_config_with_mistakes_names_line_and_column() {
    let bench = backed_up();
    for (text, word) in [
        ("repos = 1\n", "repos"),
        ("[zip]\nwhen = 3\n", "column 8"),
        ("[zip\n", "line 1"),
    ] {
        fs::write(bench.path("lifeboat.toml"), text).unwrap();
        let answer = bench
            .lifeboat(&["backup", "data"])
            .exits(2)
            .complains(&["lifeboat.toml", word]);
        assert!(answer.stderr().contains("line"), "{answer}");
    }
}

#[test]
fn bad_56_a_config_of_the_wrong_sort_is_refused_at_once() {
    let bench = backed_up();
    let refused = |text: &[u8], word: &str| {
        fs::write(bench.path("lifeboat.toml"), text).unwrap();
        for args in [&["backup", "data"][..], &["config", "check"], &["doctor"]] {
            let answer = bench.lifeboat(args).exits(2);
            let said = answer.text() + &answer.stderr();
            assert!(said.contains(word), "{args:?}: {said}");
        }
    };
    refused(b"repo = \"a\"\nrepo = \"b\"\n", "line 2");
    refused(b"\xef\xbb\xbf[zip]\nkeep = 0\n", "line 2");
    refused(
        b"[source.a]\npath = \"data\"\n[source.a]\npath = \"b\"\n",
        "line 3",
    );
    refused(b"repo = \"\xff\"\n", "UTF-8");
    refused(b"[retention]\nlast = 0\n", "line 2");
    refused(b"[retention]\ndaily = -3\n", "line 2");
    // A gibibyte of nothing.
    let large = fs::File::create(bench.path("lifeboat.toml")).unwrap();
    large.set_len(1 << 30).unwrap();
    bench
        .lifeboat(&["backup", "data"])
        .exits(2)
        .complains(&["1.0 MiB"]);
    fs::remove_file(bench.path("lifeboat.toml")).unwrap();
    // A link to itself is no file to be found; one that is named is refused.
    std::os::unix::fs::symlink("loop.toml", bench.path("loop.toml")).unwrap();
    bench
        .lifeboat(&["backup", "data", "--config", "loop.toml"])
        .exits(2)
        .complains(&["loop.toml"]);
    // With the mark that some editors write, a good one is good.
    let good = b"\xef\xbb\xbf[source.a]\r\npath = \"data\"\r\n";
    fs::write(bench.path("lifeboat.toml"), good).unwrap();
    bench.lifeboat(&["backup", "--no-zip"]).exits(0);
}

#[test]
fn bad_57_variables_that_are_no_text_and_no_folder_for_temporary_files() {
    use std::os::unix::ffi::OsStrExt;
    let bench = backed_up();
    let odd = std::ffi::OsStr::from_bytes(b"/nowhere/\xff\xfe");
    let with = |name: &str, args: &[&str]| Answer::of(bench.command(args).env(name, odd));
    with("LIFEBOAT_CONFIG", &["backup", "data"])
        .exits(2)
        .complains(&[]);
    with("LIFEBOAT_REPO", &["list"]).exits(10).complains(&[]);
    for name in ["TMPDIR", "HOME", "XDG_DATA_HOME", "LANG", "NO_COLOR"] {
        with(name, &["backup", "data"]).exits(0);
        with(name, &["doctor"]);
        with(name, &["verify", "--read-data"]).exits(0);
    }
    // A repository is made at a name of any bytes.
    let mut command = bench.command(["backup", "data", "--no-zip"]);
    let place = bench
        .folder()
        .join(std::ffi::OsStr::from_bytes(b"repo-\xff"));
    Answer::of(command.env("LIFEBOAT_REPO", &place)).exits(0);
    assert!(place.is_dir());
}

#[test]
fn bad_44_a_first_backup_that_cannot_fit_is_refused_before_it_is_begun() {
    let bench = Workbench::with_files();
    let Some(_small) = Small::mount(bench.place(), "3m") else {
        return;
    };
    bench.lifeboat(&["init"]).exits(0);
    bench.write("large.bin", noise(80_000_000, 0));
    let answer = bench
        .lifeboat(&["backup", "data", "--no-zip", "--json"])
        .exits(28)
        .events();
    let error = answer
        .iter()
        .find(|event| event["event"] == "error")
        .unwrap();
    assert!(
        error["needed_bytes"].as_u64().unwrap() >= 80_000_000,
        "{error}"
    );
    assert!(error["free_bytes"].as_u64().unwrap() <= 3 << 20, "{error}");
    assert_eq!(packs(&bench), 0);
    bench
        .lifeboat(&["backup", "data", "--no-zip", "--no-space-check"])
        .exits(28);
    // What is nearly empty fits, and what may fit is tried.
    fs::remove_file(bench.data().join("large.bin")).unwrap();
    bench.write("zeros.bin", vec![0; 20_000_000]);
    bench
        .lifeboat(&["backup", "data", "--no-zip"])
        .exits(0)
        .says_aside(&["may not fit", "are free at"]);
}

/// Files in the folder of packs.
fn packs(bench: &Workbench) -> usize {
    let packs = bench.place().join("packs");
    tree::looks(&packs)
        .into_keys()
        .filter(|path| packs.join(path).is_file())
        .count()
}

#[test]
fn bad_57_no_home_and_a_working_folder_that_is_gone() {
    let bench = backed_up();
    let mut command = bench.command(["list"]);
    Answer::of(command.env_remove("HOME")).exits(0);
    let gone = bench.path("gone");
    fs::create_dir(&gone).unwrap();
    let program = env!("CARGO_BIN_EXE_lifeboat");
    let script = "cd \"$1\" && rmdir \"$1\" && exec \"$2\" list";
    let sh = ["sh", "-c", script, "sh", gone.to_str().unwrap(), program];
    Answer::of(&mut bench.command_by(&sh, [""; 0])).exits(0);
}

#[test]
fn bad_11_f76_a_repository_on_a_medium_that_cannot_be_written() {
    let bench = backed_up();
    let place = shown(&bench.place());
    if !(outside::is_root() && outside::works("mount", &["--bind", &place, &place])) {
        return;
    }
    let _mounted = Small(bench.place());
    if !outside::works("mount", &["-o", "remount,ro,bind", &place]) {
        return;
    }
    bench.lifeboat(&["list"]).exits(0).quietly();
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored"));
    bench
        .lifeboat(&["backup", "data"])
        .exits(13)
        .complains(&[&place]);
}
