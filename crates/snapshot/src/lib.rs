//! Snapshots of live folders: SQLite databases through the backup API, everything else as files.
//!
//! A **snapshot** is one immutable state of one or more **sources**. Taking one walks the sources, stores what is new as
//! chunks, describes it in a **manifest**, and commits a **record**: the snapshot exists exactly when its record does.
//! A snapshot can be listed, looked into, verified, restored and exported as a zip.
//!
//! ```
//! use lifeboat_snapshot::{Backup, Filter, Repository, Restore, Unwatched};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let data = folder.path().join("data");
//! # std::fs::create_dir(&data)?;
//! # std::fs::write(data.join("notes.txt"), "remember")?;
//! let repository = Repository::open_or_create(&folder.path().join("repository"))?;
//!
//! let plan = Backup { sources: vec![data], host: "clinic-1".into(), ..Backup::default() };
//! let report = repository.backup(&plan, &Unwatched)?;
//! assert_eq!(report.files_new, 1);
//!
//! for snapshot in repository.snapshots()?.snapshots {
//!     println!("{} {} {} bytes", snapshot.id, snapshot.time(), snapshot.bytes);
//! }
//!
//! let latest = repository.find("latest", &Filter::default())?;
//! let target = folder.path().join("restored");
//! let plan = Restore { target: target.clone(), ..Restore::default() };
//! repository.restore(&latest, &plan, &Unwatched)?;
//! assert_eq!(std::fs::read(target.join("notes.txt"))?, b"remember");
//! # Ok(())
//! # }
//! ```
//!
//! **POSIX locks**: in a process that has a SQLite database open itself, read the notes of [`sqlite`] first.
//!
//! The crate is blocking, prints nothing and reads no environment.

pub mod capture;
mod check;
mod collect;
pub mod content;
mod copies;
mod costs;
#[cfg(feature = "testing")]
pub mod decoders;
pub mod diff;
mod drill;
pub mod entry;
mod error;
mod export;
mod filter;
mod find;
mod folder;
mod forgotten;
mod fresh;
mod growth;
pub mod history;
mod image;
mod import;
mod inplace;
pub mod limits;
mod live;
pub mod manifest;
mod meta;
pub mod monitor;
mod names;
mod nested;
mod online;
mod opened;
pub mod path;
mod pins;
mod protect;
mod reach;
mod recent;
mod record;
mod repair;
mod repository;
mod restore;
pub mod retention;
pub mod sqlite;
mod tar;
mod tree;
mod users;
pub mod zip;

pub use capture::preview::preview_first_backup;
pub use capture::{
    Backup, BackupPreview, BackupReport, CheckPolicy, CountQuery, DatabasePreview, DatabaseReport,
    ExcludeRules, SourcePreview, SourceRules,
};
pub use check::{Damaged, DatabaseVerified, Verify, VerifyReport};
pub use collect::Collect;
pub use costs::{Costs, SnapshotCosts, SourceCosts};
pub use diff::{Change, ChangeKind, DiffTotals, Live};
pub use drill::{Drill, DrillReport};
pub use error::{Result, SnapshotError};
pub use export::{FoundZip, MANIFEST_NAME, ZipReport, ZipTarget};
pub use filter::Filter;
pub use find::{Finder, FoundPath, Version};
pub use forgotten::{ForgottenListing, ForgottenSnapshot};
pub use fresh::{Flaws, Newest, SourceKey, is_younger};
pub use growth::growth_per_day;
pub use history::{History, HookEnd, HookMoment, HookRun, NewRun, Run, RunKind};
pub use import::{Import, ImportReport, Imported, Outcome};
pub use inplace::{
    Holder, InPlace, InPlaceError, InPlaceReport, Now, Plan, PlannedDatabase, SAFETY_TAG, Settled,
    Touched, finish_interrupted, state_folder,
};
pub use lifeboat_store as store;
pub use lifeboat_store::gc::Collected;
pub use lifeboat_store::progress::Unwatched;
pub use live::{CheckLive, Health, HealthState, Healthy, check_live};
pub use manifest::Manifest;
pub use monitor::{Monitor, Progress, Task, Warning, WarningKind};
pub use opened::{Open, Opened};
pub use path::TreePath;
pub use pins::Pin;
pub use protect::{Guard, ProtectError, Undone};
pub use record::{IMPORTED, Snapshot};
pub use repair::{Lost, LostKind, PackFound, Repair, RepairReport, Retaken};
pub use repository::{Listing, Repository};
pub use restore::{Loss, MARK, Overwrite, Restore, RestoreReport};
pub use tar::TarReport;
pub use tree::{Tree, Walk};
pub use users::{LiveDatabase, live_databases};

/// The code of the guide for embedders is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/library.md")]
struct Guide;
