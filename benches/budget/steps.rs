//! The steps of lifeboat: of which parts they are made, and what lifeboat takes for them.

use std::path::Path;

use crate::parts::{Kind, Part};
use crate::plain::{Plain, files};
use crate::support::lifeboat::Lifeboat;
use crate::support::measure::{Took, median, settle};
use crate::support::table::seconds;
use crate::support::{Ask, Scratch};

/// Changes a folder, from a seed.
pub(crate) type Change = Box<dyn Fn(&Path, u64)>;

/// A set of data, and what happens to it.
pub(crate) struct Data {
    pub(crate) name: &'static str,
    pub(crate) make: Box<dyn Fn(&Path)>,
    /// A small change.
    pub(crate) work: Change,
    /// A change of 1 %.
    pub(crate) heavy: Change,
    /// Its database, if it is one: whether anything changed in it is seen only by reading all.
    pub(crate) database: Option<&'static str>,
}

/// How much of the data a part of a step is about.
#[derive(Clone, Copy)]
enum Of {
    All,
    /// What changed.
    Changed,
    /// All of a database, and the files that changed.
    Read,
}

/// A step, and its parts.
pub(crate) struct Step {
    name: &'static str,
    parts: &'static [(Kind, Of)],
}

const CHANGED: &[(Kind, Of)] = &[
    (Kind::Stat, Of::All),
    (Kind::Read, Of::Read),
    (Kind::Hash, Of::Read),
    (Kind::Compress, Of::Changed),
    (Kind::Compare, Of::Changed),
    (Kind::Check, Of::All),
    (Kind::Store, Of::Changed),
    (Kind::Record, Of::All),
];

/// All steps, in their order.
pub(crate) const STEPS: [Step; 6] = [
    Step {
        name: "first",
        parts: &[
            (Kind::Stat, Of::All),
            (Kind::Read, Of::All),
            (Kind::Hash, Of::All),
            (Kind::Compress, Of::All),
            (Kind::Compare, Of::All),
            (Kind::Check, Of::All),
            (Kind::Store, Of::All),
            (Kind::Record, Of::All),
        ],
    },
    Step {
        name: "nothing changed",
        parts: &[(Kind::Stat, Of::All), (Kind::Record, Of::All)],
    },
    Step {
        name: "work",
        parts: CHANGED,
    },
    Step {
        name: "heavy",
        parts: CHANGED,
    },
    Step {
        name: "restore",
        parts: &[
            (Kind::Load, Of::All),
            (Kind::Compare, Of::All),
            (Kind::Hash, Of::All),
            (Kind::Create, Of::All),
            (Kind::Sync, Of::All),
            (Kind::Check, Of::All),
        ],
    },
    Step {
        name: "verify --read-data",
        parts: &[
            (Kind::Load, Of::All),
            (Kind::Compare, Of::All),
            (Kind::Hash, Of::All),
        ],
    },
];

/// What lifeboat took for a step.
pub(crate) struct Taken {
    wall: f64,
    cpu: f64,
    /// The share of the plain bytes that changed before it.
    changed: f64,
}

impl Step {
    /// What it needs beside what was taken.
    pub(crate) fn row(&self, data: &Data, parts: &[Part], took: &Taken) -> [String; 8] {
        let used = self.parts.iter().filter_map(|(kind, of)| {
            let part = parts.iter().find(|part| part.kind == *kind)?;
            let share = match of {
                Of::All => 1.0,
                Of::Read if data.database.is_some() => 1.0,
                Of::Changed | Of::Read => took.changed,
            };
            Some((part, share))
        });
        let used: Vec<(&Part, f64)> = used.collect();
        let needs = |is_disk| {
            let of_it = used.iter().filter(|(part, _)| part.is_disk() == is_disk);
            // A sum of nothing would be minus zero.
            of_it.fold(0.0, |sum, (part, share)| sum + part.needs() * share)
        };
        let all = needs(false) + needs(true);
        let cpu: f64 = used.iter().map(|(part, share)| part.cpu * share).sum();
        [
            self.name.to_owned(),
            seconds(needs(false)),
            seconds(needs(true)),
            seconds(all),
            seconds(took.wall),
            format!("{:.2}", took.wall / all),
            seconds(took.cpu),
            format!("{:.2}", took.cpu / cpu),
        ]
    }
}

/// Lets lifeboat do all steps, each as often as asked.
pub(crate) fn take(ask: &Ask, data: &Data, source: &Path, scratch: &Scratch) -> Vec<Taken> {
    let mut lifeboat = Lifeboat::at(scratch.fresh("repository-0"));
    let first = repeated(ask, |run| {
        lifeboat = Lifeboat::at(scratch.fresh(&format!("repository-{run}")));
        settle();
        lifeboat.backup(source)
    });
    // Once more, because a change of the last moment is looked at twice.
    settle();
    drop(lifeboat.backup(source));
    let unchanged = repeated(ask, |_| {
        settle();
        lifeboat.backup(source)
    });
    let work = changed(ask, &lifeboat, source, &data.work, 1);
    let heavy = changed(ask, &lifeboat, source, &data.heavy, 101);
    let restore = repeated(ask, |run| {
        let target = scratch.fresh(&format!("restored-{run}"));
        settle();
        lifeboat.restore("latest", &target)
    });
    let verify = repeated(ask, |_| {
        settle();
        lifeboat.verify(true)
    });
    vec![first, unchanged, work, heavy, restore, verify]
}

/// A backup after each of some changes, and how much the last of them changed.
fn changed(
    ask: &Ask,
    lifeboat: &Lifeboat,
    source: &Path,
    change: &dyn Fn(&Path, u64),
    seed: u64,
) -> Taken {
    let mut share = 0.0;
    let taken = repeated(ask, |run| {
        let known = Plain::of(&files(source)).ids();
        change(source, seed + run as u64);
        share = Plain::of(&files(source)).share_beside(&known);
        settle();
        lifeboat.backup(source)
    });
    Taken {
        changed: share,
        ..taken
    }
}

fn repeated(ask: &Ask, step: impl FnMut(usize) -> Took) -> Taken {
    let taken: Vec<Took> = (0..ask.runs).map(step).collect();
    Taken {
        wall: median(taken.iter().map(|took| took.wall)),
        cpu: median(taken.iter().map(|took| took.cpu)),
        changed: 0.0,
    }
}
