//! Where the objects of a repository stand: the only place that spells their paths.

use crate::id::{PackId, RoundId, RunId, SnapshotId};

/// A folder of objects that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// All packs.
    Packs,
    /// All session and snapshot records.
    Snapshots,
    /// Copies of records; there from the first snapshot on.
    Copies,
    /// All pins; the folder is made for the first one.
    Pins,
    /// Parity of packs; there from the first parity on.
    Parity,
    /// Records of drills; there from the first drill on.
    Drills,
    /// What verifications have left; there from the first on.
    Verified,
    /// All records of runs; there from the first one on.
    Runs,
}

impl Folder {
    /// Every folder that a repository is created with.
    pub const ALL: [Self; 2] = [Self::Packs, Self::Snapshots];

    /// Those that are made for the first object in them.
    pub const LATE: [Self; 6] = [
        Self::Copies,
        Self::Pins,
        Self::Parity,
        Self::Drills,
        Self::Verified,
        Self::Runs,
    ];

    /// Path of the folder, relative to the repository.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Packs => "packs",
            Self::Snapshots => "snapshots",
            Self::Copies => "copies",
            Self::Pins => "pins",
            Self::Parity => "parity",
            Self::Drills => "drills",
            Self::Verified => "verified",
            Self::Runs => "runs",
        }
    }
}

/// Folder of features that came after the repository was created, one object each: `NAME.read` for what a reader must
/// know, `NAME.write` for what a writer must. This program knows none.
pub const FEATURES: &str = "features";

/// Folder of the plan of a collection. A writer that does not understand what is in it must not build on packs that may
/// be condemned there, so this program does not write while there is anything that it does not know.
pub const PLANS: &str = "gc";

/// The plan itself, and what is locked while it is replaced.
pub const PLAN: &str = "gc/plan";
/// Held by whoever replaces the plan, for as long as that takes.
pub const PLAN_LOCK: &str = "gc/lock";

/// Folder of the index cache, relative to the repository. Its files are disposable.
pub const CACHE: &str = "cache";

/// Folder of damaged objects that were taken out of use. Readers and collectors leave it alone.
pub const QUARANTINE: &str = "quarantine";

/// Folder of the zip exports that go nowhere else, relative to the repository.
pub const EXPORTS: &str = "exports";

/// Ending of a file that is not yet what its name will say. A crash may leave some; they are never read.
pub const TEMPORARY: &str = ".partial";

/// A write-once object of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Object {
    /// What the repository is: the first copy.
    Config,
    /// What the repository is: the second copy.
    ConfigCopy,
    /// Stored chunks.
    Pack(PackId),
    /// What mends the pack of this name.
    Parity(PackId),
    /// When packs and snapshots were last verified.
    Verified(RoundId),
    /// A committed snapshot record.
    Snapshot(SnapshotId),
    /// The same bytes as a committed record, whether it was forgotten since or not: what mends it.
    Copy(SnapshotId),
    /// The record of a session that has neither committed nor been evicted.
    Pending(SnapshotId),
    /// The record of a session that was evicted.
    Evicted(SnapshotId),
    /// A committed record that was forgotten, and when: in milliseconds since 1970.
    Forgotten(SnapshotId, u64),
    /// What keeps a snapshot from being forgotten.
    Pin(SnapshotId),
    /// What came of a drill; the name is its own.
    Drill(SnapshotId),
    /// The record of a run, and when it began: in milliseconds since 1970.
    Run(RunId, u64),
}

impl Object {
    /// Path relative to the repository.
    pub fn path(&self) -> String {
        match self {
            Self::Config => "config".to_owned(),
            Self::ConfigCopy => "config.copy".to_owned(),
            Self::Pack(id) => format!("packs/{id}.pack"),
            Self::Parity(id) => format!("parity/{id}.parity"),
            Self::Verified(id) => format!("verified/{id}.verified"),
            Self::Snapshot(id) => format!("snapshots/{id}.snapshot"),
            Self::Copy(id) => format!("copies/{id}.copy"),
            Self::Pending(id) => format!("snapshots/{id}.pending"),
            Self::Evicted(id) => format!("snapshots/{id}.evicted"),
            Self::Forgotten(id, at_ms) => format!("snapshots/{id}.{at_ms}.forgotten"),
            Self::Pin(id) => format!("pins/{id}.pin"),
            Self::Drill(id) => format!("drills/{id}.drill"),
            Self::Run(id, at_ms) => format!("runs/{id}.{at_ms}.run"),
        }
    }

    /// Whether it is written only once the repository is durable.
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Pack(_) | Self::Snapshot(_) | Self::Forgotten(..)
        )
    }

    /// The folder it stands in; `""` for the root.
    pub const fn folder(&self) -> &'static str {
        match self {
            Self::Config | Self::ConfigCopy => "",
            Self::Pack(_) => Folder::Packs.path(),
            Self::Parity(_) => Folder::Parity.path(),
            Self::Verified(_) => Folder::Verified.path(),
            Self::Snapshot(_) | Self::Pending(_) | Self::Evicted(_) | Self::Forgotten(..) => {
                Folder::Snapshots.path()
            }
            Self::Copy(_) => Folder::Copies.path(),
            Self::Pin(_) => Folder::Pins.path(),
            Self::Drill(_) => Folder::Drills.path(),
            Self::Run(..) => Folder::Runs.path(),
        }
    }

    /// Whether its folder is made when it is first needed.
    pub fn is_in_late_folder(&self) -> bool {
        let mut late = Folder::LATE.into_iter();
        late.any(|folder| folder.path() == self.folder())
    }

    /// The object that a file name in a folder stands for; `None` for temporary files and for what is not ours.
    pub fn parse(folder: Folder, name: &str) -> Option<Self> {
        let (stem, ending) = name.split_once('.')?;
        let object = match (folder, ending) {
            (Folder::Packs, "pack") => Self::Pack(stem.parse().ok()?),
            (Folder::Parity, "parity") => Self::Parity(stem.parse().ok()?),
            (Folder::Verified, "verified") => Self::Verified(stem.parse().ok()?),
            (Folder::Snapshots, "snapshot") => Self::Snapshot(stem.parse().ok()?),
            (Folder::Snapshots, "pending") => Self::Pending(stem.parse().ok()?),
            (Folder::Snapshots, "evicted") => Self::Evicted(stem.parse().ok()?),
            (Folder::Copies, "copy") => Self::Copy(stem.parse().ok()?),
            (Folder::Pins, "pin") => Self::Pin(stem.parse().ok()?),
            (Folder::Drills, "drill") => Self::Drill(stem.parse().ok()?),
            (Folder::Runs, ending) => {
                let at_ms = ending.strip_suffix(".run")?;
                Self::Run(stem.parse().ok()?, at_ms.parse().ok()?)
            }
            (Folder::Snapshots, ending) => {
                let at_ms = ending.strip_suffix(".forgotten")?;
                Self::Forgotten(stem.parse().ok()?, at_ms.parse().ok()?)
            }
            _ => return None,
        };
        // One object has one name: upper-case digits or leading zeros would be a second one.
        let path = object.path();
        (path.strip_prefix(folder.path())?.strip_prefix('/')? == name).then_some(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_nothing_else_does() {
        let id = PackId::from_bytes([0xab; 16]);
        let object = Object::Pack(id);
        let name = object.path();
        let name = name.strip_prefix("packs/").unwrap();
        assert_eq!(Object::parse(Folder::Packs, name), Some(object));
        assert_eq!(Object::parse(Folder::Snapshots, name), None);
        for other in [
            format!("{name}{TEMPORARY}"),
            name.to_uppercase(),
            ".DS_Store".to_owned(),
            "abc.pack".to_owned(),
            String::new(),
        ] {
            assert_eq!(Object::parse(Folder::Packs, &other), None, "{other}");
        }
    }

    #[test]
    fn a_forgotten_record_tells_when_it_was_forgotten() {
        let id = SnapshotId::from_bytes([0xcd; 16]);
        for at_ms in [0, 1_767_225_600_123, u64::MAX] {
            let object = Object::Forgotten(id, at_ms);
            let name = object.path();
            let name = name.strip_prefix("snapshots/").unwrap();
            assert_eq!(Object::parse(Folder::Snapshots, name), Some(object));
        }
        for time in [
            "",
            "01",
            "+1",
            "-1",
            "1.5",
            "99999999999999999999",
            "1.partial",
        ] {
            let name = format!("{id}.{time}.forgotten");
            assert_eq!(Object::parse(Folder::Snapshots, &name), None, "{name}");
        }
        let pin = format!("{id}.pin");
        assert_eq!(Object::parse(Folder::Pins, &pin), Some(Object::Pin(id)));
        assert_eq!(Object::parse(Folder::Snapshots, &pin), None);
    }
}
