//! Verification that people run: a part at a time until all was read, what is remembered of it, and databases that SQLite
//! checks inside their snapshots (F-10, F-76).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;

use lifeboat_store::random::noise;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::Workbench;

/// So many snapshots, each with packs of its own.
fn bench(snapshots: u64) -> Workbench {
    let bench = Workbench::new();
    for number in 0..snapshots {
        bench.write(format!("file {number}"), noise(40_000, number));
        bench.backs_up();
    }
    bench
}

fn verified_at(bench: &Workbench) -> Vec<Value> {
    let list = bench.lifeboat(&["list", "--json"]).exits(0).json();
    let items = list.as_array().unwrap().iter();
    items.map(|item| item["verified_at"].clone()).collect()
}

#[test]
fn a_part_at_a_time_reads_everything_and_remembers_it() {
    let bench = bench(10);
    let packs = bench.files_in("packs").len() as u64;
    assert_eq!(verified_at(&bench), vec![Value::Null; 10]);
    let mut read = 0;
    for round in 1..=20 {
        let summary = bench
            .lifeboat(&["verify", "--subset", "5%", "--json"])
            .exits(0)
            .summary();
        assert_eq!(
            (&summary["subset"], &summary["packs"]),
            (&json!(0.05), &json!(packs))
        );
        assert_eq!(summary["remembered"], true);
        let now = summary["packs_read"].as_u64().unwrap();
        assert!(
            now > read || now == packs,
            "round {round}: {now} after {read}"
        );
        read = now;
    }
    assert_eq!(read, packs);
    assert!(verified_at(&bench).iter().all(Value::is_string));
    // Many rounds are merged into few objects.
    assert!(bench.files_in("verified").len() <= 9);
    let status = bench.lifeboat(&["status", "--json"]).exits(0).json();
    assert!(status["sources"][0]["verified_at"].is_string(), "{status}");
    let shown = bench.lifeboat(&["show", "latest", "--json"]).exits(0);
    assert!(shown.json()["verified_at"].is_string());
    bench.lifeboat(&["forget", "--keep-last", "9"]).exits(0);
    let forgotten = bench
        .lifeboat(&["list", "--forgotten", "--json"])
        .exits(0)
        .json();
    assert!(forgotten[0]["verified_at"].is_string(), "{forgotten}");
    bench.lifeboat(&["forget", "--undo"]).exits(0);
    let text = bench.lifeboat(&["list"]).exits(0).text();
    assert!(
        text.contains("VERIFIED") && !text.contains("never"),
        "{text}"
    );
    // What comes later was not read yet.
    bench.write("later", noise(40_000, 99));
    bench.backs_up();
    assert_eq!(
        verified_at(&bench).iter().filter(|at| at.is_null()).count(),
        1
    );
}

#[test]
fn reading_everything_is_remembered_of_every_snapshot_and_structure_is_not() {
    let bench = bench(3);
    bench.lifeboat(&["verify"]).exits(0);
    assert_eq!(bench.files_in("verified"), BTreeMap::new());
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let at: BTreeSet<String> = verified_at(&bench)
        .iter()
        .map(ToString::to_string)
        .collect();
    // All in the same round.
    assert!(at.len() == 1 && !at.contains("null"), "{at:?}");
}

#[test]
fn f10_damage_takes_back_that_a_snapshot_was_verified_and_is_read_again_first() {
    let bench = bench(6);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let packs = bench.files_in("packs");
    let (pack, bytes) = packs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let mut bad = bytes.clone();
    bad[1000] ^= 1;
    fs::write(pack, &bad).unwrap();
    // Some round comes to it.
    let mut codes = BTreeSet::new();
    for _ in 0..20 {
        codes.insert(bench.lifeboat(&["verify", "--subset", "5%"]).code());
    }
    assert_eq!(codes, BTreeSet::from([Some(0), Some(4)]));
    let lost = verified_at(&bench).iter().filter(|at| at.is_null()).count();
    assert!((1..=6).contains(&lost), "{lost}");
    // What was found damaged is the first to be read again, and mended it is verified again.
    bench.lifeboat(&["verify", "--subset", "0.1%"]).exits(4);
    bench.lifeboat(&["repair", "--apply"]).exits(5);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    assert!(verified_at(&bench).iter().all(Value::is_string));
}

#[test]
fn f10_a_damaged_memory_of_verifications_is_told_and_repaired_and_harms_nothing() {
    let bench = bench(1);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let (path, bytes) = bench.files_in("verified").pop_first().unwrap();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x20;
        fs::write(&path, &bad).unwrap();
        let report = bench
            .repository()
            .verify(&Default::default(), &lifeboat_snapshot::Unwatched);
        let damaged = report.unwrap().damaged;
        assert!(
            damaged.len() == 1 && damaged[0].object == path.to_str().unwrap(),
            "{at}"
        );
    }
    assert_eq!(verified_at(&bench), [Value::Null]);
    bench.lifeboat(&["repair", "--apply"]).exits(5);
    bench.lifeboat(&["verify"]).exits(0);
}

#[test]
fn a_part_that_is_none_is_refused() {
    let bench = bench(1);
    for part in ["0", "0%", "5", "all", "101%"] {
        bench.lifeboat(&["verify", "--subset", part]).exits(2);
    }
    bench
        .lifeboat(&["verify", "--subset", "5%", "--read-data"])
        .exits(2);
}

#[test]
fn databases_are_checked_inside_their_snapshots() {
    let bench = Workbench::new();
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a, b); CREATE INDEX i ON t (a)")
        .unwrap();
    fs::File::create(bench.data().join("nothing yet.db")).unwrap();
    for number in 0..3 {
        for row in 0..300 {
            app.execute(
                "INSERT INTO t VALUES (?1, randomblob(400))",
                [number * 300 + row],
            )
            .unwrap();
        }
        bench.backs_up();
    }
    bench.backs_up();
    let summary = bench
        .lifeboat(&["verify", "--databases", "--json"])
        .exits(0)
        .summary();
    let databases = summary["databases"].as_array().unwrap();
    // The last two snapshots share their bytes.
    assert_eq!(databases.len(), 3, "{summary}");
    assert!(
        databases
            .iter()
            .all(|database| database["check"] == "ok" && database["path"] == "app.db")
    );
    assert_eq!(databases[2]["snapshots"].as_array().unwrap().len(), 2);
    let text = bench
        .lifeboat(&["verify", "latest", "--databases"])
        .exits(0)
        .text();
    assert!(
        text.contains("SQLite checked 1 database: all whole"),
        "{text}"
    );
}

#[test]
fn f32_a_database_that_was_damaged_before_it_was_saved_is_told() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    let app = Connection::open(&path).unwrap();
    app.execute_batch("PRAGMA page_size = 4096; CREATE TABLE t (a); CREATE INDEX i ON t (a)")
        .unwrap();
    for row in 0..2000 {
        app.execute("INSERT INTO t VALUES (?1)", [format!("row number {row}")])
            .unwrap();
    }
    drop(app);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 8192 * 4096;
    bytes[middle..middle + 4096].fill(0xee);
    fs::write(&path, bytes).unwrap();
    bench.lifeboat(&["backup", "data", "--no-zip"]).exits(3);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let summary = bench
        .lifeboat(&["verify", "--databases", "--json"])
        .exits(4)
        .summary();
    assert_eq!(summary["damaged"], json!([]));
    assert_eq!(summary["databases"][0]["check"], "damaged");
    assert_eq!(summary["databases"][0]["was_damaged"], true);
    let text = bench.lifeboat(&["verify", "--databases"]).exits(4).text();
    assert!(
        text.contains("damaged database app.db") && text.contains("when it was captured"),
        "{text}"
    );
}

#[test]
fn quietly_nothing_is_told_but_damage() {
    let bench = bench(1);
    let verifications = [
        &["verify", "--read-data", "--quiet"][..],
        &["verify", "--subset", "100%", "--quiet"],
        &["repair", "--quiet"],
    ];
    for args in verifications {
        assert_eq!(bench.lifeboat(args).exits(0).quietly().text(), "");
    }
    let (pack, mut bytes) = bench.files_in("packs").pop_first().unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&pack, bytes).unwrap();
    let name = pack.file_stem().unwrap().to_str().unwrap();
    for args in verifications {
        let told = bench.lifeboat(args).exits(4).text();
        assert!(told.contains("damaged") && told.contains(name), "{told}");
    }
}
