//! The parts that write, and those that read what was written.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};

use crate::parts::{Kind, Meter};
use crate::plain::{Plain, files, on_all};
use crate::support::Scratch;
use crate::support::measure::settle;

/// Bytes of a file that frames are gathered in, as in a pack.
const PACK: usize = 16 << 20;

/// A record's size, about.
const RECORD: usize = 600;

/// Lets the system forget the bytes of a file, which is on the disk.
pub(crate) fn forget(path: &Path) {
    let file = File::open(path).expect("the source is there");
    fadvise(&file, 0, None, Advice::DontNeed).expect("a file can be advised on");
}

/// Storing, and restoring the files of these paths.
pub(crate) fn measure(
    meter: &mut Meter<'_>,
    plain: &Plain,
    frames: &[Vec<u8>],
    paths: &[PathBuf],
    scratch: &Scratch,
) {
    let stored: usize = frames.iter().map(Vec::len).sum();
    let packs = scratch.path().join("packs");
    let mut clear = || {
        drop(scratch.folder("packs"));
        settle();
    };
    meter.after(Kind::Store, Some(stored as u64), &mut clear, || {
        store(&packs, frames)
    });
    let written = files(&packs);
    meter.add(Kind::Load, Some(stored as u64), || load(&written));
    meter.after(Kind::Record, None, settle, || synced(&packs, &[7; RECORD]));
    let restored = scratch.path().join("restored");
    let contents: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| fs::read(path).expect("it is there"))
        .collect();
    let runs = std::cell::Cell::new(0);
    // Nothing is removed, here or at the end: a file system that has just lost many files is slow to make new ones.
    let mut fresh = || {
        runs.set(runs.get() + 1);
        let place = restored.join(runs.get().to_string());
        fs::create_dir_all(place).expect("there is room");
        settle();
    };
    let place = || restored.join(runs.get().to_string());
    meter.after(Kind::Create, Some(plain.len()), &mut fresh, || {
        create(&place(), &contents)
    });
    let mut again = || {
        fresh();
        create(&place(), &contents);
    };
    meter.after(Kind::Sync, Some(plain.len()), &mut again, rustix::fs::sync);
    scratch.hollow_one("restored");
    scratch.hollow_one("packs");
}

/// Frames one after the other into files, each of which is synced when it is full.
fn store(place: &Path, frames: &[Vec<u8>]) {
    let mut pack = Vec::with_capacity(PACK);
    let mut number = 0;
    let mut write = |pack: &mut Vec<u8>| {
        number += 1;
        let mut file = File::create(place.join(format!("{number}.pack"))).expect("there is room");
        file.write_all(pack).expect("there is room");
        file.sync_all().expect("it can be synced");
        pack.clear();
    };
    for frame in frames {
        pack.extend_from_slice(frame);
        if pack.len() >= PACK {
            write(&mut pack);
        }
    }
    write(&mut pack);
    sync_folder(place);
}

fn load(written: &[PathBuf]) {
    on_all(
        written.len(),
        || (),
        |(), number| drop(fs::read(&written[number]).expect("it was written")),
    );
}

fn synced(place: &Path, bytes: &[u8]) {
    let mut file = File::create(place.join("record.part")).expect("there is room");
    file.write_all(bytes).expect("there is room");
    file.sync_all().expect("it can be synced");
    fs::rename(place.join("record.part"), place.join("record")).expect("it was written");
    sync_folder(place);
}

fn sync_folder(place: &Path) {
    let folder = File::open(place).expect("it is there");
    folder.sync_all().expect("it can be synced");
}

/// Each file under a name of its own first; a hundred in a folder, which is part of it.
fn create(place: &Path, contents: &[Vec<u8>]) {
    for folder in 0..contents.len().div_ceil(100) {
        fs::create_dir(place.join(folder.to_string())).expect("there is room");
    }
    on_all(
        contents.len(),
        || (),
        |(), number| {
            let folder = place.join((number / 100).to_string());
            let (part, path) = (
                folder.join(format!("{number}.part")),
                folder.join(number.to_string()),
            );
            fs::write(&part, &contents[number]).expect("there is room");
            fs::rename(&part, &path).expect("it was written");
        },
    );
}
