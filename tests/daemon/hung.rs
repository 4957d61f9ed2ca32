//! Disks that do not answer: a mount whose server never says a word. Whatever looks at it waits until it is killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::history;
use super::told::{Daemon, wait_until};
use super::world::World;
use crate::support::outside;
use crate::support::web::{Manner, Web};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const LATE: &str = "longer than its time_limit";

/// Such a mount; it answers with errors when the value is dropped.
struct Hung {
    server: Child,
    path: PathBuf,
}

impl Hung {
    /// `None`, with a word, where this machine does not allow it.
    fn at(path: &Path) -> Option<Self> {
        const SERVE: &str = "exec 3<>/dev/fuse && mount -i -t fuse \
             -o fd=3,rootmode=40000,user_id=0,group_id=0 hung \"$0\" && echo mounted && exec cat";
        fs::create_dir_all(path).unwrap();
        let mut server = Command::new("sh")
            .args(["-c", SERVE])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(server.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        if line != "mounted\n" {
            outside::without("a mount that does not answer");
            server.wait().unwrap();
            return None;
        }
        let path = path.to_owned();
        Some(Self { server, path })
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn config(web: &Web, more: &str) -> String {
    format!(
        "[source.data]\npath = \"data\"\n[zip]\nwhen = \"never\"\n{more}\
         [upkeep]\nprune = \"never\"\ngc = \"never\"\nverify = \"never\"\n\
         [notify]\nlow_space = \"1\"\nstale_after = \"30d\"\n[notify.webhook]\nurl = \"{}\"\n",
        web.url("/")
    )
}

/// The run under way takes a day, and is ended; or given up, where it waits for the disk in a way that nothing can end.
fn ends_late(world: &mut World) {
    let is_over = |event: &Value| {
        let text = [&event["error"], &event["event"]].map(|text| text.as_str().unwrap_or_default());
        text[0].contains(LATE) && ["ended", "error"].contains(&text[1])
    };
    let mut told = world.tells(24 * HOUR);
    while !told.iter().any(is_over) {
        told = world.tells(MINUTE);
    }
}

/// Runs begin until one ends well: what was given up may be in the way of the first ones, however long it takes to notice.
fn ends_well(world: &mut World) {
    let mut is_under_way = false;
    loop {
        for event in world.tells(if is_under_way { Duration::ZERO } else { HOUR }) {
            match event["event"].as_str() {
                Some("started") => is_under_way = true,
                Some("ended") if event["exit_code"] == 0 => return,
                Some("ended") => is_under_way = false,
                _ => {}
            }
        }
    }
}

fn is_late(run: &Value) -> bool {
    run["error"]
        .as_str()
        .is_some_and(|error| error.contains(LATE))
}

#[test]
fn a_source_whose_disk_does_not_answer_is_told_and_the_others_are_saved() {
    let web = Web::start(Manner::Says(200, ""));
    let other = "[source.away]\npath = \"away\"\n[source.away.schedule]\nevery = \"2d\"\n";
    let mut world = World::at("2026-11-16T08:00:00Z", &config(&web, other));
    let Some(hung) = Hung::at(&world.bench.path("away")) else {
        return;
    };
    let mut daemon = Daemon::of(world.command(&["daemon", "--json"]));
    assert_eq!(daemon.until("started")["job"], "backup away");
    daemon.until("waiting");
    world.daemon = Some(daemon);
    ends_late(&mut world);
    let is_saved = |event: &Value| event["job"] == "backup data" && event["exit_code"] == 0;
    while !world.tells(Duration::ZERO).iter().any(is_saved) {}
    let told = web.requests_from(1)[0].body.clone();
    assert!(told.contains(LATE), "{told}");
    drop(hung);
    world.stop();
    let runs = history(&world.bench);
    let late = runs.iter().find(|run| is_late(run)).unwrap();
    let away = world.bench.path("away");
    assert_eq!(late["sources"][0], away.to_str().unwrap());
}

#[test]
fn a_run_that_cannot_even_be_killed_is_given_up_and_told_and_not_started_beside_itself() {
    let web = Web::start(Manner::Says(200, ""));
    let mut world = World::at("2026-11-16T08:00:00Z", &config(&web, ""));
    assert_eq!(world.start().len(), 1);
    let place = world.bench.place();
    fs::rename(&place, world.bench.path("unmounted")).unwrap();
    let Some(hung) = Hung::at(&place) else {
        return;
    };
    let is_started = |event: &Value| event["event"] == "started";
    // The daemon looks at the repository, and goes on without an answer; the run waits for the daemon's look, and not in a way
    // that a signal could end.
    let told = world.tells(4 * HOUR);
    let started = told
        .iter()
        .find(|event| event["event"] == "started")
        .unwrap();
    let stat = format!("/proc/{}/stat", started["pid"]);
    // A process that begins waits so for its pages, and not for long.
    let waits = || fs::read_to_string(&stat).unwrap().contains(") D ");
    wait_until(|| (0..3000).all(|_| waits()));
    world.tells(24 * HOUR);
    world.tells(MINUTE);
    let told = world.tells(MINUTE);
    let given_up = told.iter().find(|event| event["event"] == "error").unwrap();
    let cause = given_up["cause"].as_str().unwrap();
    assert!(cause.contains("it cannot be ended"), "{given_up}");
    // What tells somebody hangs as well, and is done anew.
    world.tells(12 * MINUTE);
    let told = web.requests_from(1)[0].body.clone();
    assert!(told.contains("it cannot be ended"), "{told}");
    let told = world.tells(12 * HOUR);
    assert!(!told.iter().any(is_started), "{told:?}");
    // The disk is there again; so is the record of the run that could leave none.
    drop(hung);
    fs::remove_dir(&place).unwrap();
    fs::rename(world.bench.path("unmounted"), &place).unwrap();
    ends_well(&mut world);
    world.stop();
    let runs = history(&world.bench);
    assert_eq!(
        runs.iter().filter(|run| is_late(run)).count(),
        1,
        "{runs:?}"
    );
}
