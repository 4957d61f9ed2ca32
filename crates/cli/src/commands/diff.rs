//! `lifeboat diff`: what differs between two snapshots, or between one and the live files.
//!
//! Differences are an answer and not a failure, so the exit code is 0 with or without them. There may be as many as there are
//! files, so they are told as they are found, in JSON too.

use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifeboat_snapshot::path::of_bytes;
use lifeboat_snapshot::{Change, DiffTotals, Filter, Live, Repository, Snapshot, SnapshotError};
use serde_json::{Map, Value, json};

use crate::args::Pick;
use crate::context::{Context, absolute};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::stream::Stream;
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
    let mut listing = Listing::new(&context.ui, head(&before, &with));
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
        let config = context.config()?;
        let source = before.sources.first().map(|source| of_bytes(source));
        let settings = config.settings(source.unwrap_or(Path::new("")));
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
        SnapshotError::SnapshotUnknown { .. }
            | SnapshotError::NoneAdmitted { .. }
            | SnapshotError::SnapshotNameInvalid { .. }
    )
}

/// The answer while it is being given.
struct Listing<'u> {
    ui: &'u Ui,
    /// What is compared, until the document for programs is begun: not before there is an answer.
    head: Map<String, Value>,
    document: Option<Stream<'u>>,
    /// Damage in the repository kept a part from being compared.
    damaged: bool,
    /// The answer cannot be written.
    failed: Option<Failure>,
}

impl<'u> Listing<'u> {
    const fn new(ui: &'u Ui, head: Map<String, Value>) -> Self {
        Self {
            ui,
            head,
            document: None,
            damaged: false,
            failed: None,
        }
    }

    /// The document, where a program reads it.
    fn document(&mut self) -> Result<Option<&mut Stream<'u>>, Failure> {
        if self.ui.is_json() && self.document.is_none() {
            self.document = Some(self.ui.stream(&self.head, "changes")?);
        }
        Ok(self.document.as_mut())
    }

    fn take(&mut self, change: Result<Change, SnapshotError>) -> ControlFlow<()> {
        let told = match change {
            Ok(change) => self.tell(&change),
            Err(error) if error.is_cancelled() => Err(error.into()),
            Err(error) => {
                self.damaged = true;
                self.ui.damage(&error.into());
                Ok(())
            }
        };
        match told {
            Ok(()) if self.ui.is_unheard() => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failed = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    fn tell(&mut self, change: &Change) -> Result<(), Failure> {
        match self.document()? {
            Some(document) => document.item(&told::item(change)),
            None => self.ui.line(told::line(change)),
        }
    }

    fn end(mut self, totals: &DiffTotals) -> Result<Exit, Failure> {
        if let Some(failure) = self.failed {
            return Err(failure);
        }
        self.document()?;
        match self.document {
            Some(document) => document.end(&told::tail(totals))?,
            None => self.ui.line(told::totals(totals))?,
        }
        Ok(match (self.damaged, totals.unreadable) {
            (true, _) => Exit::Damage,
            (false, 0) => Exit::Done,
            (false, _) => Exit::Partial,
        })
    }
}

/// What is compared, for programs.
fn head(before: &Snapshot, with: &With) -> Map<String, Value> {
    let after = match with {
        With::Snapshot(after) => Some(after.id.to_string()),
        With::Live(_) => None,
    };
    let mut head = facts::object(json!({"before": before.id.to_string(), "after": after}));
    if let With::Live(Live {
        path: Some(path), ..
    }) = with
    {
        head.extend(facts::with_local_path("live", path));
    }
    head
}
