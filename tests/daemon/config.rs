//! A config that is changed while the daemon runs.

use std::fs;

use rustix::process::Signal;

use super::told::Daemon;
use super::world::World;
use super::{HOUR, MINUTE, bench, configure, history};
use crate::support::web::{Manner, Web};

#[test]
fn a_changed_config_is_read_on_sighup_and_a_bad_one_is_told_and_not_used() {
    let bench = bench("[schedule]\nevery = \"4h\"\n");
    let mut daemon = Daemon::start(&bench);
    daemon.until("ended");
    configure(&bench, "[schedule]\nevry = \"1s\"\n");
    daemon.signal(Signal::HUP);
    let error = daemon.until("error");
    assert!(
        error["cause"]
            .as_str()
            .unwrap()
            .contains("unknown field `evry`"),
        "{error}"
    );
    daemon.until("kept");
    configure(&bench, "[schedule]\nevery = \"1s\"\n");
    daemon.signal(Signal::HUP);
    daemon.until("reloaded");
    daemon.until("ended");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn a_config_that_is_changed_is_taken_up_and_one_that_is_broken_meanwhile_is_told_and_not_used() {
    let web = Web::start(Manner::Says(200, ""));
    let good = format!(
        "[source.data]\npath = \"data\"\n[zip]\nwhen = \"never\"\n[upkeep]\ngc = \"never\"\nverify = \"never\"\n\
         [notify]\nlow_space = \"1\"\n[notify.webhook]\nurl = \"{}\"\n",
        web.url("/")
    );
    let mut world = World::at("2026-11-16T08:00:00Z", &good);
    assert_eq!(world.start().len(), 1);
    let file = world.bench.path("lifeboat.toml");
    // Somebody makes a mistake, and nobody tells the daemon.
    fs::write(&file, good.replace("path =", "pth =")).unwrap();
    world.pass(MINUTE);
    world.pass(MINUTE);
    let told = web.requests_from(1)[0].body.clone();
    assert!(told.contains("the config cannot be used"), "{told}");
    assert!(told.contains("line 2, column 1"), "{told}");
    world
        .lifeboat(&["status"])
        .exits(2)
        .complains(&["line 2, column 1"]);
    // Backups go on by what it said before, and what was wrong is in the history.
    assert_eq!(world.pass(4 * HOUR), [("backup data".to_owned(), 0)]);
    let file_is = |text: &str| fs::write(&file, text).unwrap();
    file_is(&good.replace("data\"", "data\"\nexclude = [\"papers/\"]"));
    world.pass(MINUTE);
    world.pass(MINUTE);
    let told = web.requests_from(2)[1].body.clone();
    assert!(told.contains("the config is well again"), "{told}");
    assert_eq!(world.pass(4 * HOUR), [("backup data".to_owned(), 0)]);
    let kept = world.lifeboat(&["ls", "latest"]).exits(0).text();
    assert!(!kept.contains("papers"), "{kept}");
    world.stop();
    let runs = history(&world.bench);
    let codes: Vec<_> = runs
        .iter()
        .map(|run| run["exit_code"].as_i64().unwrap())
        .collect();
    assert_eq!(codes, [0, 2, 0, 0]);
    assert!(
        runs[1]["error"]
            .as_str()
            .unwrap()
            .contains("cannot use the config")
    );
}
