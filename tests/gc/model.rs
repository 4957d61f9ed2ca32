//! What a repository must hold, kept beside it: folders that change between their backups, how they looked at each, and
//! which of the snapshots nobody may have forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use crate::support::tree::{Look, looks};
use crate::support::{Workbench, tree};

/// Folders that are backed up.
pub(super) const FOLDERS: usize = 4;

/// Of the folders that are thinned, so many snapshots are kept.
pub(super) const KEPT: usize = 2;

/// Contents of files. There are few, so that what was forgotten is stored again.
const CONTENTS: u64 = 12;

type Looks = BTreeMap<PathBuf, Look>;

/// Random numbers, the same for each seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// One below the bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// One of these.
    pub(super) fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        let place = self.below(all.len().max(1) as u64);
        all.get(place as usize).cloned()
    }
}

/// A backup that was begun.
pub(super) struct Backup {
    pub(super) folder: usize,
    look: Rc<Looks>,
    began: usize,
    ended: Option<usize>,
    /// Its snapshot, once that was acknowledged.
    pub(super) id: Option<String>,
    /// A process was started to forget it.
    pub(super) is_named: bool,
}

/// Folders and backups.
pub(super) struct Model {
    looks: Vec<Rc<Looks>>,
    /// In the order of their beginnings; the tag of each snapshot is its number here.
    pub(super) backups: Vec<Backup>,
    /// Beginnings and ends so far.
    events: usize,
}

/// The name of a folder.
pub(super) fn name(folder: usize) -> String {
    format!("folder-{folder}")
}

/// Half of the folders are thinned, and of the others snapshots are forgotten one by one.
pub(super) const fn is_thinned(folder: usize) -> bool {
    folder.is_multiple_of(2)
}

impl Model {
    pub(super) fn new(bench: &Workbench, random: &mut Random) -> Self {
        let mut model = Self {
            looks: vec![Rc::default(); FOLDERS],
            backups: Vec::new(),
            events: 0,
        };
        for folder in 0..FOLDERS {
            fs::create_dir(bench.path(name(folder))).unwrap();
            model.change(bench, folder, random);
        }
        model
    }

    /// Changes a folder, unless one of its backups is at work.
    pub(super) fn change(&mut self, bench: &Workbench, folder: usize, random: &mut Random) {
        let mut backups = self.backups.iter();
        if backups.any(|backup| backup.folder == folder && backup.ended.is_none()) {
            return;
        }
        let place = bench.path(name(folder));
        change_database(&place.join("app.db"), random);
        for _ in 0..3 {
            let path = place.join(format!("{}.bin", random.below(6)));
            let _ = fs::remove_file(&path);
            if random.below(4) > 0 {
                fs::write(&path, super::noise(40_000, random.below(CONTENTS))).unwrap();
            }
        }
        self.looks[folder] = Rc::new(looks(&place));
    }

    /// A backup begins; gives its number.
    pub(super) fn begin(&mut self, folder: usize) -> usize {
        self.events += 1;
        self.backups.push(Backup {
            folder,
            look: self.looks[folder].clone(),
            began: self.events,
            ended: None,
            id: None,
            is_named: false,
        });
        self.backups.len() - 1
    }

    /// A backup has ended, with a snapshot if it said so.
    pub(super) fn end(&mut self, number: usize, id: Option<String>) {
        self.events += 1;
        self.backups[number].ended = Some(self.events);
        self.backups[number].id = id;
    }

    /// Whether nobody can have forgotten it: it was not named, and where only the newest are kept it is one of them,
    /// whatever became of those that may be newer.
    pub(super) fn must_stay(&self, number: usize) -> bool {
        let backup = &self.backups[number];
        let may_be_newer = |other: &&Backup| {
            other.folder == backup.folder && other.ended.is_none_or(|ended| ended > backup.began)
        };
        // It is itself among them.
        let newest = self.backups.iter().filter(may_be_newer).count() <= KEPT;
        !backup.is_named && (newest || !is_thinned(backup.folder))
    }

    /// Those with an acknowledged snapshot.
    pub(super) fn acknowledged(&self) -> Vec<usize> {
        let all = 0..self.backups.len();
        all.filter(|&number| self.backups[number].id.is_some())
            .collect()
    }

    /// Of those some that were begun last, most of which are still there.
    pub(super) fn newest(&self) -> Vec<usize> {
        let mut newest = self.acknowledged();
        newest.split_off(newest.len().saturating_sub(12))
    }

    /// Those that may be named to be forgotten: a later snapshot of their folder stays for good.
    pub(super) fn forgettable(&self) -> Vec<usize> {
        let mut last = [None; FOLDERS];
        let mut found = Vec::new();
        for number in self.acknowledged() {
            let backup = &self.backups[number];
            if !is_thinned(backup.folder) && !backup.is_named {
                found.extend(last[backup.folder].replace(number));
            }
        }
        found
    }

    /// A folder looks as it did when this backup was taken.
    pub(super) fn assert_same(&self, number: usize, found: &std::path::Path) {
        let differences = tree::differences(&self.backups[number].look, &looks(found));
        assert_eq!(differences, [""; 0], "backup {number}");
    }
}

/// Changes a few rows of a database.
fn change_database(path: &std::path::Path, random: &mut Random) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let create = "CREATE TABLE IF NOT EXISTS visits(id INTEGER PRIMARY KEY, note BLOB); BEGIN";
    connection.execute_batch(create).unwrap();
    for _ in 0..30 {
        let insert = "INSERT OR REPLACE INTO visits VALUES (?1, ?2)";
        let row = (
            random.below(200) as i64,
            super::noise(600, random.below(1000)),
        );
        connection.execute(insert, row).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}
