//! Sources with schedules of their own, and sources and repositories that come and go (F-48).

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::told::Daemon;
use super::{bench, configure, history, snapshots};
use crate::support::Workbench;

#[test]
fn f48_a_source_that_is_not_there_is_an_alarm_and_no_empty_snapshot() {
    let bench = bench("[schedule]\nevery = \"1s\"\n[retention]\nlast = 1\nprune = true\n");
    let mut daemon = Daemon::start(&bench);
    daemon.until("ended");
    // As an unmounted disk: the folder is gone, and later there with nothing in it.
    fs::rename(bench.data(), bench.path("elsewhere")).unwrap();
    let failed = daemon.until_job(|ended| ended["exit_code"] != 0);
    assert_eq!(failed["exit_code"], 7, "{failed}");
    fs::create_dir(bench.data()).unwrap();
    let empty = daemon.until_job(|ended| {
        let error = ended["error"].as_str().unwrap_or_default();
        error.contains("empty")
    });
    assert_eq!(empty["exit_code"], 7, "{empty}");
    let status = bench.lifeboat(&["status"]);
    assert!(status.text().contains("the last backup"), "{status}");
    assert_eq!(history(&bench).last().unwrap()["exit_code"], 7);
    let kept = bench.lifeboat(&["ls", "latest"]).exits(0);
    assert!(kept.text().contains("notes.txt"), "{kept}");
    // The disk is back, and so are the backups.
    fs::remove_dir(bench.data()).unwrap();
    fs::rename(bench.path("elsewhere"), bench.data()).unwrap();
    daemon.until_job(|ended| ended["exit_code"] == 0);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn a_repository_that_is_not_there_is_not_made_anew_and_is_used_when_it_comes_back() {
    let bench = bench("[schedule]\nevery = \"1s\"\n");
    bench.backs_up();
    fs::rename(bench.place(), bench.path("unmounted")).unwrap();
    let mut daemon = Daemon::start(&bench);
    let failed = daemon.until("ended");
    assert_eq!(failed["exit_code"], 10, "{failed}");
    assert!(!bench.place().exists(), "nothing was made in its place");
    fs::rename(bench.path("unmounted"), bench.place()).unwrap();
    daemon.until_job(|ended| ended["exit_code"] == 0);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    assert!(snapshots(&bench) >= 2);
}

#[test]
fn sources_are_backed_up_each_by_its_own_schedule() {
    let bench = Workbench::with_files();
    fs::create_dir(bench.path("more")).unwrap();
    fs::write(bench.path("more/x"), "x").unwrap();
    configure(
        &bench,
        "[source.more]\npath = \"more\"\n[source.more.schedule]\nevery = \"1s\"\n[schedule]\nevery = \"4h\"\nat_once = 2\n",
    );
    bench.lifeboat(&["init"]).exits(0);
    let mut daemon = Daemon::start(&bench);
    let mut of_more = 0;
    while of_more < 3 {
        of_more += usize::from(daemon.until("ended")["job"] == "backup more");
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    let of = |path: &Path| {
        let runs = history(&bench);
        let path = path.to_str().unwrap();
        runs.iter().filter(|run| run["sources"][0] == path).count()
    };
    assert_eq!(of(&bench.data()), 1);
    assert!(of(&bench.path("more")) >= 3);
}

#[test]
fn a_source_that_is_missing_does_not_keep_the_others_from_being_saved() {
    let bench = Workbench::with_files();
    let config = "[source.more]\npath = \"more\"\n[schedule]\nevery = \"1s\"\n";
    configure(&bench, config);
    fs::create_dir(bench.path("more")).unwrap();
    fs::write(bench.path("more/x"), "x").unwrap();
    bench.lifeboat(&["init"]).exits(0);
    let mut daemon = Daemon::start(&bench);
    let together = daemon.until("ended");
    assert_eq!(together["job"], "backup data, more");
    assert_eq!(together["exit_code"], 0, "{together}");
    fs::rename(bench.path("more"), bench.path("elsewhere")).unwrap();
    let alarm = daemon.until_job(|ended| ended["exit_code"] == 7);
    assert!(alarm["error"].as_str().unwrap().contains("more"), "{alarm}");
    // What is there is saved all the same.
    let newest = bench.lifeboat(&["list", "--json"]).json();
    let newest = newest.as_array().unwrap().last().unwrap().clone();
    assert_eq!(newest["sources"], serde_json::json!([bench.data()]));
    fs::rename(bench.path("elsewhere"), bench.path("more")).unwrap();
    daemon.until_job(|ended| ended["exit_code"] == 0);
    daemon.until_job(|ended| ended["exit_code"] == 0);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    let newest = bench.lifeboat(&["list", "--json"]).json();
    let newest = newest.as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        newest["sources"].as_array().unwrap().len(),
        2,
        "both in one again"
    );
}

#[test]
fn the_repository_is_looked_after_beside_backups() {
    let bench = Workbench::with_files();
    let config = "[source.data]\npath = \"data\"\n[zip]\nwhen = \"never\"\n[retention]\nlast = 2\n[schedule]\nevery = \"1s\"\n\
                  [upkeep]\nprune = \"every 1s\"\ngc = \"every 1s\"\ngc_grace = \"1s\"\nverify = \"every 1s\"\nverify_subset = \"50%\"\n\
                  drill = \"every 1s\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    bench.lifeboat(&["init"]).exits(0);
    let mut daemon = Daemon::start(&bench);
    let mut missing = vec!["backup data", "prune", "gc", "verify", "drill"];
    while !missing.is_empty() {
        let ended = daemon.until("ended");
        assert_eq!(ended["exit_code"], 0, "{ended}");
        missing.retain(|job| ended["job"] != *job);
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}
