//! Aligned columns. The last column is not padded, so paths, whose width nobody knows, go there.
//!
//! A cell is escaped when it is made: a file name from a snapshot must not move the cursor of whoever lists it.

use anstyle::Style;
use lifeboat_snapshot::path::escape;

/// Between columns.
const GAP: &str = "  ";

/// One field, and how it looks on a terminal.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
    right: bool,
}

impl Cell {
    /// Text, on the left of its column.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        let text = escape(text.as_ref().as_bytes());
        Self {
            text,
            style: Style::new(),
            right: false,
        }
    }

    /// A number, on the right of its column.
    pub(crate) fn right(text: impl AsRef<str>) -> Self {
        Self {
            right: true,
            ..Self::new(text)
        }
    }

    /// The same, painted.
    pub(crate) fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn padding(&self, width: usize) -> String {
        " ".repeat(width.saturating_sub(self.width()))
    }

    fn write(&self, width: usize, last: bool, line: &mut String) {
        let padding = self.padding(width);
        let Self { text, style, .. } = self;
        if self.right {
            line.push_str(&padding);
        }
        if !text.is_empty() {
            line.push_str(&format!("{style}{text}{style:#}"));
        }
        if !self.right && !last {
            line.push_str(&padding);
        }
    }
}

/// Rows of cells.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Without any row.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(Cell::width).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }

    /// The rows as lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let widths = self.widths();
        self.rows.iter().map(move |row| line(row, &widths))
    }
}

fn line(row: &[Cell], widths: &[usize]) -> String {
    let mut line = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        if index > 0 {
            line.push_str(GAP);
        }
        cell.write(*width, index + 1 == row.len(), &mut line);
    }
    line.truncate(line.trim_end_matches(' ').len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_is_not_padded() {
        let mut table = Table::new();
        table.row([Cell::new("id"), Cell::right("size"), Cell::new("source")]);
        table.row([Cell::new("abcd"), Cell::right("1"), Cell::new("/a b")]);
        let lines: Vec<String> = table.lines().collect();
        assert_eq!(lines, ["id    size  source", "abcd     1  /a b"]);
    }

    #[test]
    fn bad_35_a_cell_cannot_drive_the_terminal() {
        let mut table = Table::new();
        table.row([Cell::new("a\x1b[2Jb\nc")]);
        assert_eq!(table.lines().next().unwrap(), "a\\u{1b}[2Jb\\u{a}c");
    }
}
