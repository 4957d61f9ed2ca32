//! What each source and snapshot costs, in a table and for programs.

use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::{Collect, Costs, Repository, SourceCosts};
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
        let each = costs.snapshots.iter();
        let each = each.map(|(id, alone)| json!({"id": id.to_string(), "alone_bytes": alone}));
        let source = |source: &SourceCosts| {
            let paths = source.sources.iter().map(|path| escape(path));
            json!({
                "host": source.host,
                "sources": paths.collect::<Vec<_>>(),
                "snapshots": source.snapshots,
                "alone_bytes": source.alone_bytes,
                "common_bytes": source.common_bytes,
            })
        };
        facts::object(json!({
            "live_bytes": costs.live_bytes,
            "shared_bytes": costs.shared_bytes,
            "garbage_bytes": self.garbage_bytes,
            "deltas": costs.deltas,
            "delta_bytes": costs.delta_bytes,
            "source_costs": costs.sources.iter().map(source).collect::<Vec<_>>(),
            "snapshot_costs": each.collect::<Vec<_>>(),
        }))
    }

    /// For people: what one would win by letting go of a source or a snapshot.
    pub(super) fn tell(&self, ui: &Ui) -> Result<(), Failure> {
        let costs = &self.costs;
        let mut table = Table::new();
        let mut row = |label: String, bytes: u64, about: String| {
            let label = Cell::new(label).styled(paint::DIM);
            table.row([label, Cell::right(words::size(bytes)), Cell::new(about)]);
        };
        let deltas = words::counted(costs.deltas, "difference", "differences");
        row(
            "deltas".to_owned(),
            costs.delta_bytes,
            format!("in {deltas}"),
        );
        row(
            "garbage".to_owned(),
            self.garbage_bytes,
            "gc would free".to_owned(),
        );
        row(
            "shared".to_owned(),
            costs.shared_bytes,
            "by several sources".to_owned(),
        );
        for source in &costs.sources {
            let paths: Vec<String> = source.sources.iter().map(|path| escape(path)).collect();
            let snapshots = words::counted(source.snapshots, "snapshot", "snapshots");
            let about = format!("alone {} on {}, {snapshots}", paths.join(", "), source.host);
            row("source".to_owned(), source.alone_bytes, about);
        }
        for (id, alone) in &costs.snapshots {
            row(id.short(), *alone, "alone".to_owned());
        }
        ui.table(&table)
    }
}
