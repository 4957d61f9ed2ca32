//! Sizes of all snapshots together, in a table and for programs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lifeboat_snapshot::path::real;
use lifeboat_snapshot::{Repository, Snapshot};
use serde_json::{Map, Value, json};

use crate::commands::list;
use crate::context::Context;
use crate::failure::Failure;
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, facts, paint, words};

/// What records, packs and zips say without being read through.
pub(super) struct Sizes {
    snapshots: u64,
    damaged: u64,
    /// Plain bytes of the newest snapshot; none where there is no snapshot.
    newest: Option<u64>,
    /// Plain bytes of all snapshots.
    plain: u64,
    /// Of those, what no earlier one had.
    unique: u64,
    stored: u64,
    zips: u64,
    zips_bytes: u64,
}

impl Sizes {
    /// Reads them.
    pub(super) fn find(repository: &Repository, context: &Context) -> Result<Self, Failure> {
        let listing = repository.snapshots()?;
        let all = &listing.snapshots;
        let sum = |of: fn(&Snapshot) -> u64| all.iter().map(of).fold(0, u64::saturating_add);
        let zips = zips(repository, context)?;
        Ok(Self {
            snapshots: all.len() as u64,
            damaged: listing.damaged.len() as u64,
            newest: all.last().map(|snapshot| snapshot.bytes),
            plain: sum(|snapshot| snapshot.bytes),
            unique: sum(|snapshot| snapshot.new_bytes),
            stored: repository.store().pack_bytes()?,
            zips: zips.len() as u64,
            zips_bytes: zips.iter().sum(),
        })
    }

    /// For programs.
    pub(super) fn fields(&self, repository: &Repository) -> Map<String, Value> {
        let mut fields = facts::with_local_path("repository", &repository.place());
        fields.extend(facts::object(json!({
            "id": repository.store().id().to_string(),
            "snapshots": self.snapshots,
            "damaged_snapshots": self.damaged,
            "newest_bytes": self.newest,
            "snapshots_bytes": self.plain,
            "unique_bytes": self.unique,
            "stored_bytes": self.stored,
            "ratio": self.ratio(),
            "zips": self.zips,
            "zips_bytes": self.zips_bytes,
        })));
        fields
    }

    /// For people.
    pub(super) fn tell(&self, ui: &Ui) -> Result<(), Failure> {
        let mut table = Table::new();
        let mut row = |label: &str, value: String, about: &str| {
            let label = Cell::new(label).styled(paint::DIM);
            table.row([label, Cell::right(value), Cell::new(about)]);
        };
        let newest = self.newest.unwrap_or_default();
        row("snapshots", words::count(self.snapshots), "");
        row("newest", words::size(newest), "in the last snapshot");
        row(
            "all",
            words::size(self.plain),
            "if each snapshot were a copy",
        );
        row(
            "unique",
            words::size(self.unique),
            "of different data among them",
        );
        let ratio = self
            .ratio()
            .map(|ratio| format!("on disk: 1 to {ratio:.1}"));
        row(
            "stored",
            words::size(self.stored),
            &ratio.unwrap_or_default(),
        );
        if self.zips > 0 {
            let zips = format!("in {}", words::counted(self.zips, "zip", "zips"));
            row("zips", words::size(self.zips_bytes), &zips);
        }
        ui.table(&table)
    }

    /// Plain bytes for each one that is stored.
    fn ratio(&self) -> Option<f64> {
        let ratio = self.plain as f64 / self.stored as f64;
        (self.stored > 0).then_some(ratio)
    }
}

/// The lengths of all zips that are where the config and the repository say.
fn zips(repository: &Repository, context: &Context) -> Result<Vec<u64>, Failure> {
    let folders = list::zip_folders(repository, context)?;
    let zips = folders.iter().flat_map(|folder| repository.zips(folder));
    // One folder may be named in two ways.
    let zips = zips.map(|zip| real(&zip.path));
    let zips: BTreeSet<PathBuf> = zips.collect();
    let len = |path: &PathBuf| Some(path.metadata().ok()?.len());
    Ok(zips.iter().filter_map(len).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_ratio() {
        let sizes = |plain, stored| Sizes {
            snapshots: 0,
            damaged: 0,
            newest: None,
            plain,
            unique: 0,
            stored,
            zips: 0,
            zips_bytes: 0,
        };
        assert_eq!(sizes(0, 0).ratio(), None);
        assert_eq!(sizes(1000, 100).ratio(), Some(10.0));
    }
}
