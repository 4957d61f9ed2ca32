//! What the config says of when to be alarmed, and of where to tell it.

use std::fs;

use super::{SOURCES, bench};
use crate::support::Workbench;
use crate::support::tree::names;

#[test]
fn a_status_is_red_after_a_failure_and_as_patient_as_the_config_says() {
    let bench = bench(&format!("{SOURCES}[source.logs.retention]\nlast = 3\n"));
    bench.lifeboat(&["backup"]).exits(0);
    let state = |exit| {
        let answer = bench.lifeboat(&["status", "--json"]).exits(exit).json();
        let states = answer["sources"].as_array().unwrap().iter();
        states
            .map(|one| one["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(state(0), ["fresh", "fresh", "fresh"]);
    fs::rename(bench.path("logs"), bench.path("away")).unwrap();
    bench.lifeboat(&["backup"]).exits(7);
    assert_eq!(state(20), ["fresh", "failed", "fresh"]);
    let text = bench
        .lifeboat(&["status", "--color", "always"])
        .exits(20)
        .text();
    assert!(
        text.contains("failed") && text.contains("does not exist"),
        "{text}"
    );
    fs::rename(bench.path("away"), bench.path("logs")).unwrap();
    bench.lifeboat(&["backup"]).exits(0);
    assert_eq!(state(0), ["fresh", "fresh", "fresh"]);
    let impatient = format!("{SOURCES}warn_after = \"1s\"\n");
    fs::write(bench.path("lifeboat.toml"), impatient).unwrap();
    while state_of_logs(&bench) != "stale" {
        std::thread::yield_now();
    }
    bench.lifeboat(&["status", "--max-age", "1h"]).exits(0);
}

fn state_of_logs(bench: &Workbench) -> String {
    let answer = bench.lifeboat(&["status", "--json"]).json();
    answer["sources"][1]["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_textfile_is_whole_or_as_before_and_tells_that_nothing_can_be_told() {
    let bench = Workbench::with_files();
    bench.backs_up();
    let write = |exit| {
        bench
            .lifeboat(&["status", "--textfile", "lifeboat.prom"])
            .exits(exit)
    };
    assert_eq!(write(0).text(), "");
    let read = || fs::read_to_string(bench.path("lifeboat.prom")).unwrap();
    assert!(
        read().contains("lifeboat_source_state{")
            && read().ends_with("lifeboat_status_exit_code 0\n")
    );
    fs::rename(bench.place(), bench.path("away")).unwrap();
    write(10).complains(&["no repository"]);
    assert!(
        !read().contains("lifeboat_source_state")
            && read().ends_with("lifeboat_status_exit_code 10\n")
    );
    fs::rename(bench.path("away"), bench.place()).unwrap();
    bench
        .lifeboat(&["status", "--textfile", "nowhere/lifeboat.prom"])
        .exits(1)
        .complains(&["nowhere/lifeboat.prom"]);
    let left = names(bench.folder());
    assert!(
        !left.iter().any(|name| name.starts_with("lifeboat.prom.")),
        "{left:?}"
    );
}

#[test]
fn quietly_only_sources_that_are_not_fresh_are_told() {
    let bench = bench(SOURCES);
    bench.lifeboat(&["backup"]).exits(0);
    let quietly = ["status", "--quiet"];
    assert_eq!(bench.lifeboat(&quietly).exits(0).quietly().text(), "");
    fs::rename(bench.path("logs"), bench.path("away")).unwrap();
    bench.lifeboat(&["backup"]).exits(7);
    let told = bench.lifeboat(&quietly).exits(20).text();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines.iter().all(|line| line.contains("logs")), "{told}");
}
