//! Tables as kubectl prints them: columns as wide as what is in them.

use std::fmt;

/// Space between columns, as kubectl leaves it.
const GAP: usize = 3;

/// A head and rows.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one with these columns.
    pub(super) fn new(head: &[&str]) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        Self { rows: vec![head] }
    }

    /// Adds a row; an empty cell becomes `-`, so that columns can be counted.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| match cell.as_str() {
            "" => "-".to_owned(),
            _ => cell,
        });
        self.rows.push(cells.collect());
    }

    /// Whether there is no row below the head.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let padded = width + GAP;
                line.push_str(&format!("{cell:<padded$}"));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_empty_cells_are_marked() {
        let mut table = Table::new(&["NAME", "NODE"]);
        assert!(table.is_empty());
        table.row(["bridge-0".to_owned(), String::new()]);
        table.row(["ä".to_owned(), "node1".to_owned()]);
        assert_eq!(
            table.to_string(),
            "NAME       NODE\nbridge-0   -\nä          node1\n"
        );
    }
}
