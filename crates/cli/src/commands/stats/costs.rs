//! What each source and snapshot costs, in a table and for programs.

use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::{Collect, Costs, Repository, SnapshotCosts, SourceCosts};
use serde_json::{Map, Value, json};

use crate::commands::gc;
use crate::context::Context;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, facts, paint, words};

/// Costs, and what gc would free.
pub(super) struct Told {
    costs: Costs,
    garbage_bytes: u64,
}

impl Told {
    /// Finds them out, with progress.
    pub(super) fn find(repository: &Repository, context: &Context) -> Result<Self, Failure> {
        let dry = Collect {
            dry_run: true,
            ..Collect::default()
        };
        let garbage = gc::collect(repository, &dry, context)?;
        let watch = context.watch();
        let costs = repository.costs(&watch);
        drop(watch);
        Ok(Self {
            costs: costs?,
            garbage_bytes: garbage.freed_bytes,
        })
    }

    /// For programs.
    pub(super) fn fields(&self) -> Map<String, Value> {
        let costs = &self.costs;
        facts::object(json!({
            "live_bytes": costs.live_bytes,
            "shared_bytes": costs.shared_bytes,
            "garbage_bytes": self.garbage_bytes,
            "deltas": costs.deltas,
            "delta_bytes": costs.delta_bytes,
            "source_costs": costs.sources.iter().map(of_source).collect::<Vec<_>>(),
            "snapshot_costs": costs.snapshots.iter().map(of_snapshot).collect::<Vec<_>>(),
        }))
    }

    /// For people: what one would win by letting go of a source or a snapshot.
    pub(super) fn tell(&self, ui: &Ui) -> Result<(), Failure> {
        ui.table(&self.totals())?;
        ui.line("")?;
        ui.table(&self.each())
    }

    fn totals(&self) -> Table {
        let costs = &self.costs;
        let deltas = words::counted(costs.deltas, "difference", "differences");
        let mut table = Table::new();
        for (label, bytes, about) in [
            ("deltas", costs.delta_bytes, format!("in {deltas}")),
            ("garbage", self.garbage_bytes, "gc would free".to_owned()),
            (
                "shared",
                costs.shared_bytes,
                "by several sources".to_owned(),
            ),
        ] {
            let label = Cell::new(label).styled(paint::DIM);
            table.row([label, Cell::right(words::size(bytes)), Cell::new(about)]);
        }
        table
    }

    /// Sources, and then snapshots.
    fn each(&self) -> Table {
        let mut table = Table::new();
        let heads = [
            Cell::right("ALONE"),
            Cell::right("SHARED"),
            Cell::new("WHAT"),
        ];
        table.row(heads.map(|cell| cell.styled(paint::DIM)));
        let mut row = |alone, shared, what: String| {
            let sizes = [alone, shared].map(|bytes| Cell::right(words::size(bytes)));
            table.row(sizes.into_iter().chain([Cell::new(what)]));
        };
        for source in &self.costs.sources {
            let paths: Vec<String> = source.sources.iter().map(|path| escape(path)).collect();
            let snapshots = words::counted(source.snapshots, "snapshot", "snapshots");
            let what = format!("{} on {}, {snapshots}", paths.join(", "), source.host);
            row(source.alone_bytes, source.shared_bytes, what);
        }
        for one in &self.costs.snapshots {
            row(one.alone_bytes, one.shared_bytes, one.id.short());
        }
        table
    }
}

fn of_source(source: &SourceCosts) -> Value {
    let paths = source.sources.iter().map(|path| escape(path));
    json!({
        "host": source.host,
        "sources": paths.collect::<Vec<_>>(),
        "snapshots": source.snapshots,
        "alone_bytes": source.alone_bytes,
        "common_bytes": source.common_bytes,
        "shared_bytes": source.shared_bytes,
    })
}

fn of_snapshot(one: &SnapshotCosts) -> Value {
    json!({
        "id": one.id.to_string(),
        "alone_bytes": one.alone_bytes,
        "shared_bytes": one.shared_bytes,
    })
}
