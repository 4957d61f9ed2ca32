//! Databases and small files of which much is said again: what is new is told by dictionaries, and all of it is as before in
//! every state that is restored, whatever was forgotten and collected meanwhile.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::support::Workbench;

/// Adds rows of words that come again and again, in another order each time.
fn grow(path: &Path, rows: u32) {
    const WORDS: [&str; 8] = [
        "hypertension",
        "paracetamol",
        "examination",
        "prescription",
        "appointment",
        "laboratory",
        "allergies",
        "vaccination",
    ];
    let connection = Connection::open(path).unwrap();
    let sql = "CREATE TABLE IF NOT EXISTS visits (id INTEGER PRIMARY KEY, notes TEXT); BEGIN";
    connection.execute_batch(sql).unwrap();
    let mut state: u32 = 1;
    for row in 0..rows {
        let notes: Vec<String> = (0..12)
            .map(|_| {
                state = state
                    .wrapping_mul(1_664_525)
                    .wrapping_add(1_013_904_223)
                    .wrapping_add(row);
                format!("{} {:05}", WORDS[(state >> 29) as usize], state >> 16)
            })
            .collect();
        let insert = "INSERT INTO visits (notes) VALUES (?1)";
        connection.execute(insert, [notes.join("; ")]).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

/// Changes the database in the way of its number: the first state takes a dictionary, the second makes deltas on it, the
/// third appends to it, the fourth moves everything.
fn change(path: &Path, number: u32) {
    let sql = match number {
        0 => return grow(path, 30_000),
        1 => "UPDATE visits SET notes = 'nothing new' WHERE id % 5000 = 7",
        2 => return grow(path, 500),
        _ => "DELETE FROM visits WHERE id % 3 = 0; VACUUM",
    };
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_database_that_is_told_by_dictionaries_comes_back_as_it_was_in_every_state() {
    let bench = Workbench::new();
    let path = bench.data().join("app.db");
    let mut states: Vec<Vec<u8>> = Vec::new();
    for number in 0..4 {
        change(&path, number);
        states.push(fs::read(&path).unwrap());
        bench.backs_up();
    }
    let stats = bench
        .lifeboat(&["stats", "--costs", "--json"])
        .exits(0)
        .json();
    assert!(stats["deltas"].as_u64().unwrap() > 50, "{stats}");
    // The dictionary stays for what is told by it, although no snapshot names it.
    let forget = ["forget", "latest~3", "--gc"];
    bench.lifeboat(&forget).exits(0);
    for (back, state) in states[1..].iter().rev().enumerate() {
        let to = bench.path(format!("restored-{back}"));
        let name = format!("latest~{back}");
        let restore = ["restore", &name, "--to", to.to_str().unwrap()];
        bench.lifeboat(&restore).exits(0);
        assert!(fs::read(to.join("app.db")).unwrap() == *state, "{name}");
    }
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}

/// A note of words that come again and again.
fn note(number: u32) -> String {
    let word = |at: u32| blake3::hash(&(at % 700).to_le_bytes()).to_hex();
    let words =
        (0..60).map(|at| word(number.wrapping_mul(31).wrapping_add(at * at))[..40].to_owned());
    format!("note {number}: {}", words.collect::<Vec<_>>().join(" "))
}

#[test]
fn small_files_that_are_told_by_a_dictionary_come_back_as_they_were_in_every_state() {
    let bench = Workbench::new();
    let write = |numbers: std::ops::Range<u32>| {
        for number in numbers {
            let folder = bench.data().join(format!("folder{}", number / 100));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("{number}.txt")), note(number)).unwrap();
        }
    };
    write(0..1200);
    bench.backs_up();
    // A few new ones, which no dictionary would be made for.
    write(1195..1210);
    let stored = bench.backs_up()["stored_bytes"].as_u64().unwrap();
    assert!(stored < 10 * 2500 / 3, "{stored}");
    fs::write(
        bench.data().join("folder3/333.txt"),
        note(333) + " and more",
    )
    .unwrap();
    bench.backs_up();
    // The dictionary stays for what is told by it, although no snapshot names it.
    bench.lifeboat(&["forget", "latest~2", "--gc"]).exits(0);
    let to = bench.path("restored");
    let restore = ["restore", "latest", "--to", to.to_str().unwrap()];
    bench.lifeboat(&restore).exits(0);
    for number in 0..1210 {
        let read = fs::read_to_string(to.join(format!("folder{}/{number}.txt", number / 100)));
        let more = if number == 333 { " and more" } else { "" };
        assert_eq!(read.unwrap(), note(number) + more);
    }
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
}
