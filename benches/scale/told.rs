//! A table and its plots, filled together: what each step took as something grew.

use crate::support::measure::{Took, median};
use crate::support::plot::Plot;
use crate::support::table::{Table, bytes, seconds};
use crate::support::{self, Ask};

/// What a step took, and by how much the repository grew where that is told.
pub(crate) type Step = (Took, Option<u64>);

/// One series of sizes.
pub(crate) struct Told {
    name: &'static str,
    title: String,
    table: Table,
    wall: Plot,
    grown: Plot,
    peak: Plot,
}

impl Told {
    /// What grows has a name; so have the files of the plots.
    pub(crate) fn new(name: &'static str, title: &str, grows: &str) -> Self {
        Self {
            name,
            title: title.to_owned(),
            table: Table::new(&[grows, "step", "wall", "CPU", "grown by", "peak memory"]),
            wall: Plot::new(title, grows, "seconds"),
            grown: Plot::new(title, grows, "bytes that the repository grew by"),
            peak: Plot::new(title, grows, "most bytes in memory"),
        }
    }

    /// Runs a step as often as asked.
    pub(crate) fn add(
        &mut self,
        ask: &Ask,
        size: u64,
        step: &str,
        mut run: impl FnMut(usize) -> Step,
    ) {
        let steps: Vec<Step> = (0..ask.runs).map(&mut run).collect();
        self.put(size, step, &steps);
    }

    /// Notes what a step took, each time that it was run.
    pub(crate) fn put(&mut self, size: u64, step: &str, steps: &[Step]) {
        let wall = median(steps.iter().map(|(took, _)| took.wall));
        let cpu = median(steps.iter().map(|(took, _)| took.cpu));
        let peak = steps.iter().map(|(took, _)| took.peak).max().unwrap_or(0);
        let grown: Vec<f64> = steps
            .iter()
            .filter_map(|(_, grown)| grown.map(|bytes| bytes as f64))
            .collect();
        let grown = (!grown.is_empty()).then(|| median(grown));
        self.table.row(&[
            size.to_string(),
            step.to_owned(),
            seconds(wall),
            seconds(cpu),
            grown.map_or(String::new(), |grown| bytes(grown as u64)),
            bytes(peak),
        ]);
        self.wall.point(step, size as f64, wall);
        self.peak.point(step, size as f64, peak as f64);
        if let Some(grown) = grown {
            self.grown.point(step, size as f64, grown);
        }
    }

    pub(crate) fn print(self) {
        self.table.print(&self.title);
        for (plot, of) in [
            (self.wall, ""),
            (self.grown, "-stored"),
            (self.peak, "-memory"),
        ] {
            let name = format!("scale-{}{of}.svg", self.name);
            plot.write(&support::cache().with_file_name(name));
        }
    }
}
