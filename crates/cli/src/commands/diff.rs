//! `lifeboat diff`: what differs between two snapshots, or between one and the live files.
//!
//! Differences are an answer and not a failure, so the exit code is 0 with or without them. There may be as many as there are
//! files, so they are told as they are found, in JSON too.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_snapshot::{Change, DiffTotals, Filter, Live, Repository, Snapshot, SnapshotError};
use serde_json::{Value, json};

use crate::args::Pick;
use crate::context::{Context, absolute};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{Ui, facts, words};

mod told;

/// Tell what differs between two snapshots, or between a snapshot and the live files
///
/// With one snapshot, it is compared with the live files it was taken from. Files are added (+), removed (-), changed (M) or
/// differ only in mode, owner or time (.); of databases, the tables are named whose rows became more or fewer. Exits with 0
/// whether there are differences or not.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
    /// A later snapshot, or a live folder or file: a source, a part of one, or what was restored; write ./abcd for a
    /// folder that is called as a snapshot
    #[arg(value_name = "SNAP|PATH")]
    with: Option<OsString>,
    /// What to leave out of live files, as in .gitignore [that of the config too]; repeat for more
    #[arg(long = "exclude", value_name = "GLOB")]
    excludes: Vec<String>,
    /// How long to wait for a database that another program has locked
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = words::parse_span)]
    busy_timeout: Duration,
}

/// What a snapshot is compared with.
enum With {
    Snapshot(Snapshot),
    Live(Live),
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let repository = context.repository()?;
    let filter = args.pick.narrow.filter();
    let before = repository.find(&args.pick.name, &filter)?;
    let with = args.with(&repository, &before, &filter, context)?;
    let listing = Listing::begin(&context.ui, &before, &with)?;
    let watch = context.watch();
    let mut take = |change| listing.take(change);
    let totals = match &with {
        With::Snapshot(after) => repository.diff(&before, after, &mut take),
        With::Live(live) => repository.diff_live(&before, live, &watch, &mut take),
    };
    drop(watch);
    listing.end(&totals?)
}

impl Args {
    fn with(
        &self,
        repository: &Repository,
        before: &Snapshot,
        filter: &Filter,
        context: &Context,
    ) -> Result<With, Failure> {
        let Some(typed) = &self.with else {
            return self.live(None, before, context).map(With::Live);
        };
        if !looks_like_a_path(typed) {
            let found = repository.find(&typed.to_string_lossy(), filter);
            match found {
                Ok(after) => return Ok(With::Snapshot(after)),
                Err(error) if !is_no_snapshot(&error) || !Path::new(typed).exists() => {
                    return Err(error.into());
                }
                Err(_) => {}
            }
        }
        let path = absolute(Path::new(typed));
        self.live(Some(path), before, context).map(With::Live)
    }

    fn live(
        &self,
        path: Option<PathBuf>,
        before: &Snapshot,
        context: &Context,
    ) -> Result<Live, Failure> {
        use std::os::unix::ffi::OsStrExt;
        let config = context.config()?;
        let first = before.sources.first().map(|source| source.to_vec());
        let source = first.map_or_else(PathBuf::new, |bytes| OsStr::from_bytes(&bytes).into());
        let settings = config.settings(&source);
        Ok(Live {
            path,
            counts: settings.counts,
            excludes: [settings.excludes, self.excludes.clone()].concat(),
            exclude_folders: config.zip_dirs(),
            busy_timeout: self.busy_timeout,
            scratch: Some(context.place()?.path),
        })
    }
}

fn looks_like_a_path(typed: &OsStr) -> bool {
    typed.as_encoded_bytes().contains(&b'/') || typed == "." || typed == ".."
}

fn is_no_snapshot(error: &SnapshotError) -> bool {
    matches!(
        error,
        SnapshotError::SnapshotUnknown { .. } | SnapshotError::SnapshotNameInvalid { .. }
    )
}

/// The answer while it is being given.
struct Listing<'u> {
    ui: &'u Ui,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    told: u64,
    /// Damage in the repository kept a part from being compared.
    damaged: bool,
    /// The answer cannot be written.
    failed: Option<Failure>,
}

impl<'u> Listing<'u> {
    fn begin(ui: &'u Ui, before: &Snapshot, with: &With) -> Result<Self, Failure> {
        if ui.is_json() {
            let mut head = facts::object(json!({"before": before.id.to_string()}));
            match with {
                With::Snapshot(after) => {
                    head.insert("after".to_owned(), json!(after.id.to_string()));
                }
                With::Live(live) => {
                    head.insert("after".to_owned(), Value::Null);
                    if let Some(path) = &live.path {
                        head.extend(facts::with_local_path("live", path));
                    }
                }
            }
            let head = Value::Object(head).to_string();
            let open = head.strip_suffix('}').unwrap_or(&head);
            ui.part(format!("{open},\"changes\":["))?;
        }
        let state = RefCell::default();
        Ok(Self { ui, state })
    }

    fn take(&self, change: Result<Change, SnapshotError>) -> ControlFlow<()> {
        let mut state = self.state.borrow_mut();
        let change = match change {
            Ok(change) => change,
            Err(error) if error.is_cancelled() => {
                state.failed = Some(error.into());
                return ControlFlow::Break(());
            }
            Err(error) => {
                state.damaged = true;
                self.ui.damage(&error.into());
                return ControlFlow::Continue(());
            }
        };
        let separator = if state.told == 0 { "\n" } else { ",\n" };
        state.told += 1;
        let written = match self.ui.is_json() {
            true => self.ui.part(format!("{separator}{}", told::item(&change))),
            false => self.ui.line(told::line(&change)),
        };
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                state.failed = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    fn end(self, totals: &DiffTotals) -> Result<Exit, Failure> {
        let state = self.state.into_inner();
        if let Some(failure) = state.failed {
            return Err(failure);
        }
        if self.ui.is_json() {
            let totals = json!({
                "added": totals.added,
                "removed": totals.removed,
                "changed": totals.changed,
                "metadata": totals.metadata,
                "unreadable": totals.unreadable,
            })
            .to_string();
            let rest = totals.strip_prefix('{').unwrap_or(&totals);
            self.ui.line(format!("\n],{rest}"))?;
        } else {
            self.ui.line(told::totals(totals))?;
        }
        Ok(match (state.damaged, totals.unreadable) {
            (true, _) => Exit::Damage,
            (false, 0) => Exit::Done,
            (false, _) => Exit::Partial,
        })
    }
}
