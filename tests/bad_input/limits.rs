//! Few descriptors, few threads, short files, little memory, and no room for temporary files (bad inputs 57 and 59).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{count, noise};
use crate::support::answer::shown;
use crate::support::small::Small;
use crate::support::{Answer, Workbench, outside, tree};

#[test]
fn bad_59_f74_few_descriptors_one_thread_and_short_files() {
    if !outside::has("prlimit") {
        return;
    }
    let bench = Workbench::with_files();
    for number in 0..300 {
        bench.write(format!("many/{number}"), number.to_string());
    }
    let program = env!("CARGO_BIN_EXE_lifeboat");
    let few = |args: &[&str]| {
        let prlimit = ["prlimit", "--nofile=16:16", program];
        Answer::of(&mut bench.command_by(&prlimit, args)).exits(0)
    };
    few(&["backup", "data", "--no-zip", "--threads", "1"]);
    few(&["verify", "--read-data"]);
    few(&["restore", "latest", "--to", "restored"]);
    tree::assert_same(&bench.data(), &bench.path("restored"));
    bench.write("large.bin", noise(4_000_000, 0));
    let short = ["prlimit", "--fsize=1000000:1000000", program];
    let args = ["backup", "data", "--no-zip"];
    Answer::of(&mut bench.command_by(&short, args))
        .exits(28)
        .complains(&[]);
    assert_eq!(count(&bench), 1);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn bad_59_too_few_descriptors_for_anything_are_told_with_the_way_on() {
    if !outside::has("prlimit") {
        return;
    }
    let bench = super::backed_up();
    let program = env!("CARGO_BIN_EXE_lifeboat");
    for args in [&["backup", "data", "--no-zip"][..], &["verify"]] {
        let prlimit = ["prlimit", "--nofile=4:4", program];
        let answer = Answer::of(&mut bench.command_by(&prlimit, args));
        answer
            .exits(1)
            .complains(&["Too many open files", "ulimit -n"]);
    }
    assert_eq!(count(&bench), 1);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn bad_59_f74_without_one_thread_more_everything_but_a_backup_works_and_that_says_why() {
    if !(outside::is_root() && outside::has("setpriv") && outside::has("prlimit")) {
        return;
    }
    let bench = super::backed_up();
    // A user with no other process. Its name for itself is its number, and nobody else's.
    let own = (1_700_000_000 + std::process::id()).to_string();
    let program = bench.path("lifeboat");
    let copy = ["cp", env!("CARGO_BIN_EXE_lifeboat")];
    Answer::of(&mut bench.command_by(&copy, [&program])).exits(0);
    let folder = bench.folder();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let chown = [
        "chown",
        "-R",
        &own,
        &shown(&bench.place()),
        &shown(&bench.path("home")),
    ];
    assert!(outside::works(chown[0], &chown[1..]));
    let alone = |args: &[&str]| {
        let (user, program) = (format!("--reuid={own}"), shown(&program));
        let by = [
            "setpriv",
            &user,
            "--clear-groups",
            "prlimit",
            "--nproc=1:1",
            &program,
        ];
        Answer::of(&mut bench.command_by(&by, args))
    };
    let target = bench.path("home/restored");
    for args in [
        &["list"][..],
        &["verify", "--read-data"],
        &["verify", "--databases"],
        &["restore", "latest", "--to", &shown(&target)],
        &["gc"],
        &["repair"],
        &["ls", "latest"],
    ] {
        alone(args).exits(0);
    }
    let restored = tree::looks(&target);
    assert_eq!(restored.len(), tree::looks(&bench.data()).len());
    alone(&["backup", "data", "--no-zip"])
        .exits(1)
        .complains(&["cannot start a thread", "ulimit -u"]);
    assert_eq!(count(&bench), 1);
}

#[test]
fn bad_59_f74_in_little_memory_what_is_small_works_and_nothing_is_lost() {
    if !outside::has("prlimit") {
        return;
    }
    let bench = super::backed_up();
    let program = env!("CARGO_BIN_EXE_lifeboat");
    let little = |args: &[&str]| {
        let prlimit = ["prlimit", "--as=100000000", program];
        Answer::of(&mut bench.command_by(&prlimit, args))
    };
    little(&["list"]).exits(0);
    little(&["verify", "--read-data", "--threads", "1"]).exits(0);
    // What gets no memory ends as if it had been killed (F-01).
    bench.write("large.bin", noise(20_000_000, 0));
    let answer = little(&["backup", "data", "--no-zip"]);
    assert!(!answer.stderr().contains("panicked"), "{answer}");
    assert_eq!(count(&bench), 1 + usize::from(answer.code() == Some(0)));
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench.backs_up();
    bench.lifeboat(&["gc"]).exits(0);
}

#[test]
fn bad_57_a_folder_for_temporary_files_that_is_full_is_in_nobodys_way() {
    let bench = super::backed_up();
    let Some(small) = Small::mount(bench.path("tmp"), "4k") else {
        return;
    };
    let _ = fs::write(small.0.join("full"), [1; 4096]);
    let zip = shown(&bench.path("new.zip"));
    for args in [
        &["backup", "data"][..],
        &["verify", "--read-data"],
        &["export", "latest", "--zip", &zip],
        &["import", &zip],
        &["restore", "latest", "--to", "restored"],
    ] {
        let mut command = bench.command(args);
        Answer::of(command.env("TMPDIR", &small.0)).exits(0);
    }
}
