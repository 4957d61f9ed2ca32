//! Collections by the program (faults F-01, F-05, F-18 to F-20; bad input 54).

use std::fs;
use std::path::Path;
use std::process::Stdio;

use lifeboat_store::random::noise;

use crate::support::{Answer, Workbench, outside, tree};

mod damaged;
mod model;
mod running;
mod stress;

/// Bytes of all packs.
fn pack_bytes(bench: &Workbench) -> u64 {
    let packs = fs::read_dir(bench.place().join("packs")).unwrap();
    packs
        .map(|pack| pack.unwrap().metadata().unwrap().len())
        .sum()
}

/// Forgets a snapshot, as one rename.
fn forget(bench: &Workbench, id: &str) {
    let record = |ending: &str| bench.place().join(format!("snapshots/{id}.{ending}"));
    fs::rename(record("snapshot"), record("1.forgotten")).unwrap();
}

fn gc(bench: &Workbench) -> serde_json::Value {
    bench.lifeboat(&["gc", "--json"]).exits(0).summary()
}

#[test]
fn what_a_forgotten_snapshot_held_alone_is_freed() {
    let bench = Workbench::with_files();
    bench.write("large.bin", vec![7; 300_000]);
    let noise: Vec<u8> = blake3::hash(b"x").as_bytes().repeat(20_000);
    bench.write("old.bin", &noise[..]);
    let first = bench.backs_up();
    fs::remove_file(bench.data().join("old.bin")).unwrap();
    bench.write("new.txt", "new");
    let second = bench.backs_up();
    forget(&bench, first["snapshot"].as_str().unwrap());
    let before = pack_bytes(&bench);
    let plan = bench
        .lifeboat(&["gc", "--dry-run", "--json"])
        .exits(0)
        .summary();
    assert_eq!(pack_bytes(&bench), before);
    let done = gc(&bench);
    assert_eq!(done["forgotten"], 1);
    assert_eq!(plan["forgotten"], 1);
    assert!(done["live_bytes"].as_u64() <= plan["live_bytes"].as_u64());
    let target = bench.path("restored");
    let second = second["snapshot"].as_str().unwrap();
    bench
        .lifeboat(&["restore", second, "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &target);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let further = gc(&bench);
    assert_eq!(
        (&further["packs"], &further["pending_bytes"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn f19_a_removed_snapshot_is_not_restored_half() {
    let bench = Workbench::with_files();
    let report = bench.backup();
    let snapshot = report.snapshot.unwrap();
    forget(&bench, &snapshot.id.to_string());
    gc(&bench);
    let plan = lifeboat_snapshot::Restore {
        target: bench.path("restored"),
        ..Default::default()
    };
    let repository = bench.repository();
    let refused = repository.restore(&snapshot, &plan, &lifeboat_snapshot::Unwatched);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("was removed"), "{refused}");
    assert!(!bench.path("restored").exists());
}

/// Bytes of everything in a repository but exports and the index cache.
fn repository_bytes(place: &Path) -> u64 {
    let mut bytes = 0;
    for folder in ["", "packs", "parity", "snapshots", "gc"] {
        let Ok(entries) = fs::read_dir(place.join(folder)) else {
            continue;
        };
        for entry in entries {
            let stat = entry.unwrap().metadata().unwrap();
            bytes += if stat.is_file() { stat.len() } else { 0 };
        }
    }
    bytes
}

/// A database whose rows change a few at a time, and a file that does.
fn change(bench: &Workbench, round: u64) {
    let connection = rusqlite::Connection::open(bench.data().join("app.db")).unwrap();
    let create = "CREATE TABLE IF NOT EXISTS visits(id INTEGER PRIMARY KEY, note BLOB)";
    connection.execute_batch(create).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    for number in 0..if round == 0 { 4000 } else { 60 } {
        let id = if round == 0 {
            number
        } else {
            (number * 61 + round * 37) % 4000
        };
        let note = noise(300, round * 10_000 + number);
        let insert = "INSERT OR REPLACE INTO visits VALUES (?1, ?2)";
        connection.execute(insert, (id as i64, note)).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    bench.write(format!("papers/{}.txt", round % 5), noise(20_000, round));
}

#[test]
fn after_all_but_one_is_forgotten_the_repository_is_as_small_as_a_fresh_one() {
    let bench = Workbench::with_files();
    for round in 0..10 {
        change(&bench, round);
        bench.backs_up();
    }
    bench.lifeboat(&["forget", "--keep-last", "1"]).exits(0);
    let full = repository_bytes(&bench.place());
    let done = gc(&bench);
    let left = repository_bytes(&bench.place());
    let fresh = bench.path("fresh");
    let fresh_text = fresh.to_str().unwrap();
    bench
        .lifeboat(&["backup", "data", "--no-zip", "--repo", fresh_text])
        .exits(0);
    let fresh = repository_bytes(&fresh);
    println!("{full} bytes, {left} after gc, {fresh} fresh: {done}");
    assert!(left <= fresh * 105 / 100, "{left} against {fresh}: {done}");
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
}

#[test]
fn f16_the_record_of_a_run_that_never_got_its_name_is_removed() {
    let bench = Workbench::with_files();
    bench.backs_up();
    let run = "271fc8712ce68a0464e87174452c6eaa.1795250588023.run.partial";
    let left = bench.place().join("runs").join(run);
    fs::write(&left, "half of it").unwrap();
    gc(&bench);
    assert!(!left.exists());
}

#[test]
fn f17_f18_f20_backups_and_collections_of_many_processes_at_once() {
    let bench = Workbench::with_files();
    bench.lifeboat(&["init"]).exits(0);
    for round in 0..3 {
        change(&bench, round);
        let start = |args: &[&str]| {
            let mut command = bench.command(args);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        let backup: &[&str] = &["backup", "data", "--no-zip", "--json"];
        let gc: &[&str] = &["gc", "--json"];
        let all = [backup, gc, backup, gc, backup];
        let mut started: Vec<_> = all.iter().map(|args| start(args)).collect();
        // One that is killed whenever it may be: what it left is the next ones' business.
        let mut killed = start(gc);
        killed.kill().unwrap();
        killed.wait().unwrap();
        for child in started.drain(..) {
            Answer::of_child(child).exits(0);
        }
        bench.lifeboat(&["forget", "--keep-last", "2"]).exits(0);
    }
    gc(&bench);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    for name in ["latest", "latest~1"] {
        bench.lifeboat(&["restore", name, "--to", name]).exits(0);
    }
}

#[test]
fn f01_gc_killed_at_any_change_of_names_is_finished_by_the_next() {
    if !outside::works("strace", &["-qq", "-o", "/dev/null", "true"]) {
        return outside::without("strace");
    }
    let bench = Workbench::with_files();
    for call in ["fsync", "renameat2,rename", "unlink"] {
        for nth in 1..=6 {
            change(&bench, nth);
            bench.backs_up();
            change(&bench, nth + 10);
            bench.backs_up();
            bench.lifeboat(&["forget", "--keep-last", "1"]).exits(0);
            let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
            let strace = [
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &inject,
                env!("CARGO_BIN_EXE_lifeboat"),
            ];
            Answer::of(&mut bench.command_by(&strace, ["gc", "--json"]));
            bench.lifeboat(&["verify", "--read-data"]).exits(0);
        }
    }
    gc(&bench);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    let further = gc(&bench);
    assert_eq!(further["freed_bytes"], 0);
}
