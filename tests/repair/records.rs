//! Records and their copies: one gives the other back, both of one are named, and both go together.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{bench, damage, noise, repair, verify};
use crate::support::{Workbench, tree};

fn only(bench: &Workbench, folder: &str) -> PathBuf {
    let mut files = bench.files_in(folder).into_keys();
    let file = files.next().unwrap();
    assert!(files.next().is_none(), "{folder} has more than one");
    file
}

/// Ways to ruin a file.
const RUINS: [fn(&mut Vec<u8>); 4] = [
    |bytes| bytes[60] ^= 1,
    |bytes| bytes.truncate(50),
    |bytes| bytes.fill(0),
    Vec::clear,
];

#[test]
fn f10_f12_a_damaged_record_is_read_from_its_copy_and_written_again_from_it() {
    let bench = bench();
    bench.backs_up();
    let record = only(&bench, "snapshots");
    let whole = fs::read(&record).unwrap();
    for (number, ruin) in RUINS.into_iter().enumerate() {
        damage(&record, ruin);
        let ruined = fs::read(&record).unwrap();
        let named = record.to_str().unwrap();
        bench.lifeboat(&["list"]).exits(4).says_aside(&[named]);
        let found = bench.lifeboat(&["verify", "--json"]).exits(4).summary();
        assert_eq!(found["damaged"][0]["object"], named);
        let target = format!("restored-{number}");
        bench
            .lifeboat(&["restore", "latest", "--to", &target])
            .exits(0);
        tree::assert_same(&bench.data(), &bench.path(&target));
        // What looks like garbage beside damage may be the best that is left.
        bench.lifeboat(&["gc"]).exits(11);

        let plan = bench.lifeboat(&["repair", "--json"]).exits(4).summary();
        assert_eq!(plan["damaged"][0]["object"], named);
        assert_eq!(plan["damaged"][0]["mended_by"], "writing it anew");
        assert_eq!(fs::read(&record).unwrap(), ruined);
        let done = bench.lifeboat(&["repair", "--apply", "--json"]).exits(5);
        assert_eq!(done.summary()["records_written"], 1);
        assert_eq!(fs::read(&record).unwrap(), whole);
        assert!(
            bench
                .files_in("quarantine")
                .values()
                .any(|kept| *kept == ruined)
        );
        assert_eq!(verify(&bench), [""; 0]);
        bench.lifeboat(&["gc"]).exits(0);
    }
    assert_eq!(bench.files_in("quarantine").len(), RUINS.len());
}

#[test]
fn f10_f13_a_copy_that_is_damaged_is_named_and_one_that_is_missing_is_written() {
    let bench = bench();
    bench.backs_up();
    let copy = only(&bench, "copies");
    let whole = fs::read(&copy).unwrap();
    for ruin in RUINS {
        damage(&copy, ruin);
        bench.lifeboat(&["list"]).exits(0);
        assert_eq!(verify(&bench).len(), 1);
        assert!(!repair(&bench, true).stays());
        assert_eq!(fs::read(&copy).unwrap(), whole);
        assert_eq!(verify(&bench), [""; 0]);
    }
    fs::remove_file(&copy).unwrap();
    assert_eq!(verify(&bench), [""; 0]);
    let report = repair(&bench, true);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(fs::read(&copy).unwrap(), whole);
}

#[test]
fn a_record_that_is_damaged_with_its_copy_is_named_and_stays() {
    let bench = bench();
    bench.backs_up();
    let record = only(&bench, "snapshots");
    for file in [&record, &only(&bench, "copies")] {
        damage(file, |bytes| bytes.truncate(50));
    }
    let answer: Value = bench
        .lifeboat(&["repair", "--apply", "--json"])
        .exits(4)
        .summary();
    let named = answer["damaged"].as_array().unwrap();
    let of_record: Vec<&Value> = named
        .iter()
        .filter(|item| item["mended_by"] == Value::Null)
        .collect();
    assert_eq!(of_record.len(), 1, "{named:?}");
    assert_eq!(fs::read(&record).unwrap().len(), 50);
}

#[test]
fn f10_a_damaged_record_of_a_forgotten_snapshot_is_mended_and_can_be_brought_back() {
    let bench = bench();
    let id = bench.backs_up()["snapshot"].as_str().unwrap().to_owned();
    bench.lifeboat(&["forget", &id, "--force"]).exits(0);
    let record = only(&bench, "snapshots");
    damage(&record, |bytes| bytes.truncate(50));
    assert_eq!(verify(&bench).len(), 1);
    bench.lifeboat(&["repair", "--apply"]).exits(5);
    assert_eq!(verify(&bench), [""; 0]);
    bench.lifeboat(&["forget", "--undo", &id]).exits(0);
    bench
        .lifeboat(&["restore", &id, "--to", "restored"])
        .exits(0);
    tree::assert_same(&bench.data(), &bench.path("restored"));
}

#[test]
fn copies_go_with_their_records() {
    let bench = bench();
    let id = bench.backs_up()["snapshot"].as_str().unwrap().to_owned();
    bench.write("second.txt", "second");
    bench.backs_up();
    bench.lifeboat(&["forget", &id]).exits(0);
    assert_eq!(bench.files_in("copies").len(), 2);
    bench.lifeboat(&["gc"]).exits(0);
    assert!(!only(&bench, "copies").to_str().unwrap().contains(&id));
    assert_eq!(verify(&bench), [""; 0]);
}

/// That nothing is collected for want of a record, and how the answer says so.
fn assert_refused(bench: &Workbench, record: &Path) {
    let before = bench.files_in("packs");
    for args in [&["gc"][..], &["gc", "--dry-run"]] {
        let answer = bench.lifeboat(args).exits(11);
        answer.says_aside(&[record.to_str().unwrap(), "lifeboat repair --apply"]);
    }
    assert_eq!(bench.files_in("packs"), before);
}

#[test]
fn f13_a_record_that_is_lost_stops_collections_until_it_is_written_again_from_its_copy() {
    let bench = bench();
    bench.write("first.bin", noise(100_000, 2));
    let first = bench.backs_up()["snapshot"].as_str().unwrap().to_owned();
    let held = tree::looks(&bench.data());
    fs::remove_file(bench.data().join("first.bin")).unwrap();
    bench.backs_up();
    let record = bench.place().join(format!("snapshots/{first}.snapshot"));
    let whole = fs::read(&record).unwrap();
    fs::remove_file(&record).unwrap();
    assert_eq!(verify(&bench).len(), 1);
    assert_refused(&bench, &record);
    bench.lifeboat(&["repair", "--apply"]).exits(5);
    assert_eq!(fs::read(&record).unwrap(), whole);
    assert_eq!(verify(&bench), [""; 0]);
    bench.lifeboat(&["gc"]).exits(0);
    bench
        .lifeboat(&["restore", &first, "--to", "restored"])
        .exits(0);
    let restored = tree::looks(&bench.path("restored"));
    assert_eq!(tree::differences(&held, &restored), [""; 0]);
}

#[test]
fn a_copy_of_what_was_collected_long_ago_is_settled_by_repair_and_forget() {
    let bench = bench();
    bench.write("first.bin", noise(100_000, 2));
    let first = bench.backs_up()["snapshot"].as_str().unwrap().to_owned();
    let copy = only(&bench, "copies");
    let bytes = fs::read(&copy).unwrap();
    fs::remove_file(bench.data().join("first.bin")).unwrap();
    bench.backs_up();
    bench.lifeboat(&["forget", &first]).exits(0);
    bench.lifeboat(&["gc"]).exits(0);
    // As from a machine that was stopped between the record and its copy, and woke after both were gone.
    fs::write(&copy, bytes).unwrap();
    let record = bench.place().join(format!("snapshots/{first}.snapshot"));
    assert_refused(&bench, &record);
    // What it leads to is gone, which is told as of any other snapshot.
    bench.lifeboat(&["repair", "--apply"]).exits(4);
    bench.lifeboat(&["gc"]).exits(11);
    bench.lifeboat(&["forget", &first]).exits(0);
    bench.lifeboat(&["gc"]).exits(0);
    assert_eq!(verify(&bench), [""; 0]);
    assert!(!copy.exists());
}

/// Two snapshots, of which the first has lost its record; where that was, and where its copy is.
fn with_lone_copy() -> (Workbench, PathBuf, PathBuf) {
    let bench = bench();
    bench.backs_up();
    let (record, copy) = (only(&bench, "snapshots"), only(&bench, "copies"));
    bench.write("second.txt", "second");
    bench.backs_up();
    fs::remove_file(&record).unwrap();
    (bench, record, copy)
}

#[test]
fn a_copy_that_is_damaged_and_alone_is_named_and_goes_to_the_quarantine() {
    let (bench, record, copy) = with_lone_copy();
    damage(&copy, |bytes| bytes[60] ^= 1);
    let ruined = fs::read(&copy).unwrap();
    assert_refused(&bench, &record);
    bench.lifeboat(&["repair", "--apply"]).exits(4);
    let kept = bench.files_in("quarantine");
    assert!(kept.values().any(|kept| *kept == ruined));
    assert_eq!(verify(&bench), [""; 0]);
    bench.lifeboat(&["gc"]).exits(0);
}

#[test]
fn a_folder_in_the_place_of_a_lone_copy_stops_collections_and_goes_to_the_quarantine() {
    let (bench, record, copy) = with_lone_copy();
    fs::remove_file(&copy).unwrap();
    fs::create_dir(&copy).unwrap();
    assert_refused(&bench, &record);
    let told = format!("move {} away by hand", copy.display());
    bench.lifeboat(&["gc"]).exits(11).says_aside(&[&told]);
    bench.lifeboat(&["repair", "--apply"]).exits(4);
    assert!(!copy.exists());
    let quarantine = bench.place().join("quarantine");
    assert!(quarantine.join(copy.file_name().unwrap()).is_dir());
    bench.lifeboat(&["gc"]).exits(0);
    assert_eq!(verify(&bench), [""; 0]);
}

#[test]
fn a_record_that_cannot_be_written_again_keeps_nothing_else_from_being_mended() {
    let bench = bench();
    bench.backs_up();
    bench.write("more.bin", noise(50_000, 3));
    let second = bench.backs_up()["snapshot"].as_str().unwrap().to_owned();
    let records: Vec<PathBuf> = bench.files_in("snapshots").into_keys().collect();
    // A folder in the place of one is left to whoever put it there.
    let (one, other) = match records[0].to_str().unwrap().contains(&second) {
        true => (&records[0], &records[1]),
        false => (&records[1], &records[0]),
    };
    fs::remove_file(one).unwrap();
    fs::create_dir(one).unwrap();
    damage(other, |bytes| bytes.truncate(50));
    let pack = super::largest_pack(&bench);
    damage(&pack, |bytes| bytes[3000] ^= 1);
    let done = bench.lifeboat(&["repair", "--apply", "--json"]).exits(4);
    assert_eq!(done.summary()["records_written"], 1);
    assert!(one.is_dir() && fs::read(other).unwrap().len() > 50);
    assert_eq!(verify(&bench).len(), 1);
    bench
        .lifeboat(&["restore", &second, "--to", "restored"])
        .exits(0);
}
