//! A Markdown table on standard output, its columns aligned.

/// A table that is filled row by row.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        let headings = headings.iter().map(ToString::to_string).collect();
        Self {
            rows: vec![headings],
        }
    }

    /// Appends a row, and says it at once on standard error: some tables take minutes.
    pub(crate) fn row(&mut self, cells: &[String]) {
        eprintln!("  {}", cells.join(" · "));
        self.rows.push(cells.to_vec());
    }

    /// Prints it.
    pub(crate) fn print(&self, title: &str) {
        let columns = self.rows[0].len();
        let width = |column| {
            let cell = |row: &Vec<String>| {
                row.get(column)
                    .map_or(0, |cell: &String| cell.chars().count())
            };
            self.rows.iter().map(cell).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        println!("\n### {title}\n");
        for (number, row) in self.rows.iter().enumerate() {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:<width$}"));
            println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
            if number == 0 {
                let rules = widths.iter().map(|&width| "-".repeat(width));
                println!("|-{}-|", rules.collect::<Vec<_>>().join("-|-"));
            }
        }
        println!();
    }
}

/// Seconds as people read them.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        value if value < 0.001 => format!("{:.0} µs", value * 1e6),
        value if value < 0.1 => format!("{:.1} ms", value * 1000.0),
        value if value < 10.0 => format!("{value:.2} s"),
        value => format!("{value:.1} s"),
    }
}

/// Bytes as KiB, or as MB where they are many.
pub(crate) fn bytes(value: u64) -> String {
    match value {
        value if value < 10_000_000 => format!("{:.1} KiB", value as f64 / 1024.0),
        value => format!("{:.1} MB", value as f64 / 1e6),
    }
}

/// Megabytes a second.
pub(crate) fn rate(bytes: u64, seconds: f64) -> String {
    format!("{:.0} MB/s", bytes as f64 / 1e6 / seconds)
}
