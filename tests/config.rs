//! What the config says of sources is what happens to them, each by itself.

use std::fs;

use serde_json::json;

use crate::support::Workbench;
use crate::support::answer::shown;

/// The config as a file.
mod file;
/// When to be alarmed, and where to tell it.
mod status;

/// Two more folders beside the data, and a config.
fn bench(config: &str) -> Workbench {
    let bench = Workbench::with_files();
    bench.write("big.tmp", "not for the backup");
    for (name, text) in [
        ("papers/a.tmp", "wanted"),
        ("papers/b.pdf", "b"),
        ("logs/c.log", "c"),
    ] {
        let path = bench.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    bench
}

fn names(bench: &Workbench, snapshot: &str) -> Vec<String> {
    let listed = bench
        .lifeboat(&["ls", snapshot, "-R", "--json"])
        .exits(0)
        .json();
    let entries = listed["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| entry["path"].as_str().unwrap().to_owned())
        .collect()
}

const SOURCES: &str = "[source.clinic]\npath = \"data\"\nexclude = [\"*.tmp\"]\ncheck = \"full\"\n\
    [source.papers]\npath = \"papers\"\n[source.logs]\npath = \"logs\"\n";

#[test]
fn sources_of_one_snapshot_are_each_treated_as_the_config_says() {
    let bench = bench(SOURCES);
    let database = rusqlite::Connection::open(bench.data().join("a.db")).unwrap();
    database.execute_batch("CREATE TABLE t(x)").unwrap();
    fs::copy(bench.data().join("a.db"), bench.path("papers/b.db")).unwrap();
    let summary = bench
        .lifeboat(&["backup", "--no-zip", "--json"])
        .exits(0)
        .summary();
    let checks: Vec<&str> = summary["databases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|database| database["check"].as_str().unwrap())
        .collect();
    assert_eq!(checks, ["ok", "ok"]);
    let id = summary["snapshot"].as_str().unwrap();
    let names = names(&bench, id);
    assert!(names.contains(&"papers/a.tmp".to_owned()), "{names:?}");
    assert!(
        !names.iter().any(|name| name.ends_with("big.tmp")),
        "{names:?}"
    );
    // Nothing has changed, whatever is said of each.
    let again = bench
        .lifeboat(&["backup", "--no-zip", "--skip-if-unchanged", "--json"])
        .exits(0)
        .summary();
    assert_eq!(again["skipped"], "unchanged");
}

#[test]
fn a_source_with_a_zip_or_retention_of_its_own_has_its_own_snapshots() {
    let bench = bench(&format!(
        "{SOURCES}[source.logs.retention]\nlast = 1\nprune = true\n[source.papers.zip]\nwhen = \"never\"\n"
    ));
    let summary = || bench.lifeboat(&["backup", "--json"]).exits(0).summary();
    let first = summary();
    assert_eq!(first["snapshots"].as_array().unwrap().len(), 3);
    assert_eq!(first["files_new"], 6);
    let zips: Vec<bool> = first["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| !one["zip"].is_null())
        .collect();
    assert_eq!(zips, [true, true, false]);
    summary();
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    let of = |folder: &str| {
        let path = json!([shown(&bench.path(folder))]);
        let items = listed.as_array().unwrap().iter();
        items.filter(|item| item["sources"] == path).count()
    };
    assert_eq!([of("data"), of("papers"), of("logs")], [2, 2, 1]);
    bench.lifeboat(&["status"]).exits(0);
    let told = bench
        .lifeboat(&["backup", "--if-older-than", "1h"])
        .exits(0)
        .text();
    assert!(
        told.contains("clinic: Nothing to do") && told.contains("logs: Nothing to do"),
        "{told}"
    );
}

#[test]
fn f48_one_of_several_snapshots_that_fails_is_told_and_keeps_no_other_from_being_taken() {
    let bench = bench(&format!("{SOURCES}[source.clinic.zip]\nkeep = 1\n"));
    fs::remove_dir_all(bench.data()).unwrap();
    let answer = bench.lifeboat(&["backup", "--no-zip", "--json"]).exits(7);
    let summary = answer.summary();
    assert_eq!(
        (
            &summary["failed"],
            summary["snapshots"].as_array().unwrap().len()
        ),
        (&json!(1), 1)
    );
    assert!(
        answer
            .events()
            .iter()
            .any(|event| event["event"] == "error")
    );
    bench.lifeboat(&["status"]).exits(21);
}
