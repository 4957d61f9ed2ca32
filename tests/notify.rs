//! Who is told of what, by which way, and how often: whole runs of the program against servers on this machine, which behave
//! in every way that servers do. Whatever they do, a backup ends as it would without them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::web::{Manner, Web};
use crate::support::{Answer, Workbench};

/// Mail servers.
mod mail;
/// What waits until it can be sent.
mod outbox;
/// Servers that notice silence.
mod ping;
/// Addresses and passwords.
mod secrets;
/// Servers on the web, and the desktop.
mod web;

/// With files to back up, and this `[notify]`.
fn bench(config: &str) -> Workbench {
    let bench = Workbench::with_files();
    configure(&bench, config);
    bench
}

fn configure(bench: &Workbench, config: &str) {
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
}

/// A config that tells a server on the web everything.
fn to(web: &Web) -> String {
    format!(
        "[notify]\ntimeout = \"2s\"\n[notify.webhook]\nurl = \"{}\"\n",
        web.url("/hook")
    )
}

fn backs_up(bench: &Workbench) -> Answer {
    bench.lifeboat(&["backup", "data", "--no-zip"])
}

/// A backup that fails for want of its source.
fn fails(bench: &Workbench) -> Answer {
    fs::rename(bench.data(), bench.path("away")).unwrap();
    let answer = backs_up(bench).exits(7);
    fs::rename(bench.path("away"), bench.data()).unwrap();
    answer
}

/// What a server on the web was told, as JSON.
fn told(web: &Web) -> Vec<Value> {
    let requests = web.requests().into_iter();
    requests
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect()
}

fn topics(web: &Web) -> Vec<String> {
    let told = told(web).into_iter();
    told.map(|told| told["topic"].as_str().unwrap().to_owned())
        .collect()
}

/// The letters that wait.
fn waiting(bench: &Workbench) -> Vec<PathBuf> {
    let state = bench.path("home/.local/state/lifeboat/notify");
    let folders = fs::read_dir(state).into_iter().flatten().flatten();
    let outboxes = folders.map(|folder| folder.path().join("outbox"));
    let files = outboxes.flat_map(|outbox| fs::read_dir(outbox).into_iter().flatten().flatten());
    files.map(|file| file.path()).collect()
}

#[test]
fn a_failure_is_told_once_and_the_first_success_after_it() {
    let web = Web::start(Manner::Says(200, "ok"));
    let bench = bench(&to(&web));
    backs_up(&bench).exits(0);
    backs_up(&bench).exits(0).quietly();
    assert_eq!(topics(&web), [""; 0]);
    for _ in 0..10 {
        fails(&bench);
    }
    assert_eq!(topics(&web), ["failure"]);
    let failure = &told(&web)[0];
    assert_eq!(failure["exit_code"], 7);
    assert!(
        failure["error"]
            .as_str()
            .unwrap()
            .contains("does not exist"),
        "{failure}"
    );
    assert_eq!(failure["sources"], bench.data().display().to_string());
    assert_eq!(failure["repository"], bench.place().display().to_string());
    backs_up(&bench).exits(0);
    backs_up(&bench).exits(0);
    assert_eq!(topics(&web), ["failure", "recovery"]);
    assert!(
        told(&web)[1]["text"]
            .as_str()
            .unwrap()
            .contains("seen 10 times")
    );
    assert!(waiting(&bench).is_empty());
}

#[test]
fn damage_is_told_and_so_is_what_cannot_even_begin() {
    let web = Web::start(Manner::Says(200, "ok"));
    let bench = bench(&to(&web));
    bench.lifeboat(&["verify"]).exits(10);
    assert_eq!(topics(&web), ["failure"]);
    backs_up(&bench).exits(0);
    let packs = fs::read_dir(bench.place().join("packs")).unwrap();
    let pack = packs.map(|pack| pack.unwrap().path()).next().unwrap();
    let whole = fs::read(&pack).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&pack, damaged).unwrap();
    bench.lifeboat(&["verify", "--read-data"]).exits(4);
    bench.lifeboat(&["verify", "--read-data"]).exits(4);
    assert_eq!(topics(&web), ["failure", "damage"]);
    fs::write(&pack, whole).unwrap();
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    assert_eq!(topics(&web), ["failure", "damage", "recovery"]);
}

#[test]
fn a_look_tells_what_nobody_else_could_and_sends_what_is_due() {
    let web = Web::start(Manner::Says(200, "ok"));
    let bench = Workbench::with_files();
    bench.backs_up();
    let text = to(&web).replace("[notify]\n", "[source.away]\npath = \"away\"\n[notify]\n");
    configure(&bench, &text);
    bench.lifeboat(&["notify", "look"]).exits(0).quietly();
    bench.lifeboat(&["notify", "look"]).exits(0);
    assert_eq!(topics(&web), ["stale"]);
    fs::rename(bench.place(), bench.path("elsewhere")).unwrap();
    bench.lifeboat(&["notify", "look"]).exits(10);
    bench.lifeboat(&["notify", "look"]).exits(10);
    assert_eq!(topics(&web), ["stale", "failure"]);
    assert!(
        told(&web)[1]["title"]
            .as_str()
            .unwrap()
            .contains("cannot be read")
    );
    fs::rename(bench.path("elsewhere"), bench.place()).unwrap();
    bench.lifeboat(&["notify", "look"]).exits(0);
    assert_eq!(topics(&web), ["stale", "failure", "recovery"]);
}

#[test]
fn a_look_tells_of_sources_that_grow_old_and_backups_of_disks_that_fill_and_a_question_tells_nothing()
 {
    let web = Web::start(Manner::Says(200, "ok"));
    let bench = Workbench::with_files();
    bench.backs_up();
    let source = "[source.clinic]\npath = \"data\"\n[source.other]\npath = \"away\"\n";
    let limits = "stale_after = \"1s\"\nlow_space = \"8000T\"\n";
    let text = to(&web).replace("[notify]\n", &format!("{source}[notify]\n{limits}"));
    configure(&bench, &text);
    bench.lifeboat(&["list"]).exits(0);
    bench.lifeboat(&["status"]).exits(21);
    assert_eq!(topics(&web), [""; 0], "whoever asks knows");
    // The age is that of the snapshot, whose second may not be over.
    while !topics(&web).contains(&"stale".to_owned()) || web.requests().len() < 3 {
        bench.lifeboat(&["notify", "look"]).exits(0);
    }
    let mut topics = topics(&web);
    topics.sort();
    assert_eq!(topics, ["low-space", "stale", "stale"]);
    bench.lifeboat(&["notify", "look"]).exits(0);
    bench.backs_up();
    let recovery = told(&web)[3].clone();
    assert_eq!(recovery["topic"], "recovery");
    assert_eq!(web.requests().len(), 4);
}

#[test]
fn a_channel_is_told_what_it_asks_for() {
    let (all, few) = (
        Web::start(Manner::Says(200, "")),
        Web::start(Manner::Says(200, "")),
    );
    let config = format!(
        "[notify]\nlow_space = \"8000T\"\n[[notify.webhook]]\nurl = \"{}\"\n[[notify.webhook]]\nurl = \"{}\"\non = [\"failure\"]\n",
        all.url("/"),
        few.url("/")
    );
    let bench = bench(&config);
    backs_up(&bench).exits(0);
    fails(&bench);
    backs_up(&bench).exits(0);
    assert_eq!(topics(&all), ["low-space", "failure", "recovery"]);
    assert_eq!(topics(&few), ["failure"]);
}

#[test]
fn a_hook_that_fails_is_told() {
    let web = Web::start(Manner::Says(200, ""));
    let bench = bench(&format!(
        "hooks.after = \"echo no such service; exit 4\"\n{}",
        to(&web)
    ));
    backs_up(&bench).exits(0);
    let text = told(&web)[0]["text"].as_str().unwrap().to_owned();
    assert!(
        text.contains("the hook after exited with 4: no such service"),
        "{text}"
    );
}

#[test]
fn what_somebody_interrupts_is_not_told() {
    use std::process::Stdio;
    let web = Web::start(Manner::Says(200, ""));
    let bench = bench(&format!(
        "hooks.before = \"kill -INT $PPID; sleep 1000\"\n{}",
        to(&web)
    ));
    bench.lifeboat(&["init"]).exits(0);
    let mut command = bench.command(["backup", "data", "--no-zip"]);
    Answer::of(command.stdout(Stdio::null())).exits(130);
    assert_eq!(topics(&web), [""; 0]);
}

#[test]
fn the_answer_of_a_run_is_whole_and_last_whatever_becomes_of_its_messages() {
    let web = Web::start(Manner::Says(500, "no"));
    let bench = bench(&to(&web).replace("[notify]\n", "[notify]\nlow_space = \"8000T\"\n"));
    let answer = bench
        .lifeboat(&["backup", "data", "--no-zip", "--json"])
        .exits(0);
    answer.summary();
    let aside: Vec<Value> = answer
        .stderr()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let message = aside.last().unwrap()["message"].as_str().unwrap();
    assert!(message.contains("no word went out by webhook"), "{answer}");
    assert_eq!(web.requests().len(), 1);
    let quiet = bench.lifeboat(&["-q", "backup", "nowhere", "--no-zip"]);
    assert_eq!(web.requests().len(), 2);
    assert!(!quiet.stderr().contains("no word went out"), "{quiet}");
}

#[test]
fn where_nothing_can_be_remembered_that_is_noted_and_failures_are_told_all_the_same() {
    let web = Web::start(Manner::Says(200, "ok"));
    let bench = bench(&to(&web));
    let state = bench.path("home/.local");
    fs::write(&state, "in the way").unwrap();
    let noted = fails(&bench).stderr();
    assert!(
        noted.contains("what cannot be sent at once is lost"),
        "{noted}"
    );
    assert!(
        noted.contains("home/.local/state/lifeboat/notify"),
        "{noted}"
    );
    assert_eq!(topics(&web), ["failure"]);
    fs::remove_file(&state).unwrap();
    let noted = fails(&bench).stderr();
    assert!(!noted.contains("is lost"), "{noted}");
}
