//! Repositories that grow: by chunks, and by snapshots.

use std::path::Path;

use lifeboat_snapshot::Repository;
use lifeboat_store::gc::sample::Sample;

use crate::support::lifeboat::Lifeboat;
use crate::support::measure::Took;
use crate::support::{Ask, Scratch, records};
use crate::told::Told;

/// Snapshots of the repository that is started with.
const SNAPSHOTS: u64 = 1000;

/// Of these, what is taken in earnest.
const TAKEN: u64 = 100;

pub(crate) fn start(ask: &Ask) {
    let title = "Starting: a repository of 1,000 snapshots and ever more chunks";
    let mut told = Told::new("start", title, "chunks");
    let most = ask.most.unwrap_or(1_000_000);
    let mut chunks = 10_000;
    while chunks <= most {
        let scratch = Scratch::new("scale-start");
        let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
        let repository = Repository::create(&place).expect("it can be made");
        let taken = records::take(&repository, &source, TAKEN);
        records::multiply(&place, &taken, SNAPSHOTS);
        pretend(&repository, &place, chunks);
        let lifeboat = Lifeboat::at(place);
        // What is not in the cache yet is put there.
        drop(lifeboat.backup(&source));
        measure(
            &mut told,
            ask,
            chunks,
            &lifeboat,
            &source,
            &["list", "status", "show"],
        );
        chunks *= 10;
    }
    told.print();
}

/// Puts an index of so many chunks into the cache, and files under the names of their packs.
fn pretend(repository: &Repository, place: &Path, chunks: u64) {
    let sample = Sample::of(&place.join("cache"), repository.store().id(), chunks);
    let packs = sample.expect("there is room").packs();
    for pack in packs {
        std::fs::write(place.join(format!("packs/{pack}.pack")), "").expect("there is room");
    }
}

pub(crate) fn snapshots(ask: &Ask) {
    let title = "Snapshots of one source, and nothing changed";
    let mut told = Told::new("snapshots", title, "snapshots");
    let mut count = 1;
    while count <= ask.most.unwrap_or(10_000) {
        let scratch = Scratch::new("scale-snapshots");
        let (source, place) = (scratch.folder("source"), scratch.fresh("repository"));
        let repository = Repository::create(&place).expect("it can be made");
        let taken = records::take(&repository, &source, count.min(TAKEN));
        records::multiply(&place, &taken, count);
        let lifeboat = Lifeboat::at(place);
        drop(lifeboat.asked(&["gc"]));
        let commands = ["list", "status", "stats", "forget", "gc"];
        measure(&mut told, ask, count, &lifeboat, &source, &commands);
        count *= 10;
    }
    told.print();
}

/// A backup and these commands.
fn measure(
    told: &mut Told,
    ask: &Ask,
    size: u64,
    lifeboat: &Lifeboat,
    source: &Path,
    commands: &[&str],
) {
    told.add(ask, size, "backup", |_| (lifeboat.backup(source), None));
    for command in commands {
        told.add(ask, size, command, |_| (asked(lifeboat, command), None));
    }
}

/// A command with what it needs to be told.
fn asked(lifeboat: &Lifeboat, command: &str) -> Took {
    match command {
        "show" => lifeboat.asked(&["show", "latest"]),
        "status" => lifeboat.asked(&["status", "--max-age", "100000d"]),
        "forget" => lifeboat.asked(&["forget", "--keep-last", "1000000"]),
        command => lifeboat.asked(&[command]),
    }
}
