//! Databases of which much is said again: new extents are told by dictionaries, and all of it is as before in every state
//! that is restored, whatever was forgotten and collected meanwhile.

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
