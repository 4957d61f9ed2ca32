//! Configured counts: what is wrong with one is said, and a new question is answered anew.

use std::fs;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::Workbench;

fn bench(counts: &str) -> Workbench {
    let bench = Workbench::with_files();
    let app = Connection::open(bench.data().join("clinic.db")).unwrap();
    app.execute_batch("CREATE TABLE patients (x); INSERT INTO patients VALUES (1), (2)")
        .unwrap();
    configure(&bench, counts);
    bench.age_data();
    bench
}

fn configure(bench: &Workbench, counts: &str) {
    fs::write(bench.path("lifeboat.toml"), counts).unwrap();
}

fn counts(summary: &Value) -> Value {
    summary["databases"][0]["counts"].clone()
}

const GOOD: &str = "[counts.\"clinic.db\"]\npatients = \"SELECT count(*) FROM patients\"\n";

#[test]
fn a_count_that_fails_says_why() {
    let bench = bench("[counts.\"clinic.db\"]\npatients = \"SELECT count(*) FROM patiens\"\n");
    let answer = bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
    answer.says_aside(&[
        "warning: ",
        "clinic.db",
        "count patients",
        "no such table: patiens",
    ]);
    // Once: the next backup has nothing to count.
    bench
        .lifeboat(&["backup", "data", "--no-zip"])
        .exits(0)
        .quietly();
}

#[test]
fn a_name_that_no_database_has_is_told() {
    let bench = bench(&GOOD.replace("clinic", "clinc"));
    let answer = bench.lifeboat(&["backup", "data", "--no-zip"]).exits(0);
    answer.says_aside(&["lifeboat.toml", "clinc.db", "no database of this name"]);
    configure(&bench, GOOD);
    bench
        .lifeboat(&["backup", "data", "--no-zip"])
        .exits(0)
        .quietly();
}

#[test]
fn counts_of_other_sources_are_no_mistake() {
    let bench = bench(&format!(
        "{GOOD}[source.a]\npath = \"data\"\n[source.b]\npath = \"other\"\n"
    ));
    fs::create_dir(bench.path("other")).unwrap();
    fs::write(bench.path("other/file"), "x").unwrap();
    bench.lifeboat(&["init"]).exits(0);
    bench
        .lifeboat(&["backup", "other", "--no-zip"])
        .exits(0)
        .quietly();
}

#[test]
fn a_changed_question_is_asked_of_an_unchanged_database() {
    let bench = bench(GOOD);
    let backup = || {
        bench
            .lifeboat(&["backup", "data", "--no-zip", "--json"])
            .exits(0)
            .summary()
    };
    assert_eq!(counts(&backup())["patients"], 2);
    assert_eq!(backup()["databases"][0]["unchanged"], true);
    configure(
        &bench,
        &GOOD.replace("FROM patients", "FROM patients WHERE x > 1"),
    );
    let asked = backup();
    assert_eq!(counts(&asked)["patients"], 1);
    // Only the description is new.
    assert_eq!(asked["databases"][0]["changed_bytes"], 0);
    assert_eq!(backup()["databases"][0]["unchanged"], true);
    configure(&bench, "");
    assert_eq!(counts(&backup()), serde_json::json!({}));
    configure(&bench, GOOD);
    let again = bench.lifeboat(&[
        "backup",
        "data",
        "--no-zip",
        "--skip-if-unchanged",
        "--json",
    ]);
    assert_eq!(counts(&again.exits(0).summary())["patients"], 2);
}
