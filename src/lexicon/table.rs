//! Checked tab-separated tables: a header that must be as expected, rows of as many cells, `#` comments.

use crate::{Error, Result};

/// A row of a table: its line and its cells, `-` read as an empty cell.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a, const N: usize> {
    /// Line in the file, from 1.
    pub line: usize,
    /// The cells, in the order of the columns.
    pub cells: [&'a str; N],
}

/// A row of any table, for showing it: its line, and its cells as they stand, by column.
#[derive(Clone, Debug)]
pub(crate) struct NamedRow<'a> {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column and cell, in order.
    pub cells: Vec<(&'a str, &'a str)>,
}

impl<'a> NamedRow<'a> {
    /// A cell, empty where there is none.
    pub fn cell(&self, column: &str) -> &'a str {
        self.cells.iter().find(|(name, _)| *name == column).map_or("", |(_, cell)| cell)
    }
}

/// The rows of a table in order, whatever its columns; nothing is checked.
pub(crate) fn named_rows(text: &str) -> impl Iterator<Item = NamedRow<'_>> {
    let mut lines = numbered(text);
    let header: Vec<&str> = lines.next().map(|(_, header)| header.split('\t').collect()).unwrap_or_default();
    lines
        .map(move |(line, content)| NamedRow { line, cells: header.iter().copied().zip(content.split('\t')).collect() })
}

/// The lines that are not empty and no comments, from 1.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Reads the rows of a table whose header holds exactly `columns`.
pub(crate) fn rows<'a, const N: usize>(table: &str, text: &'a str, columns: [&str; N]) -> Result<Vec<Row<'a, N>>> {
    let mut lines = numbered(text);
    let expected = columns.join("\t");
    match lines.next() {
        Some((_, header)) if header == expected => {}
        Some((line, header)) => {
            // Without the line itself, which is a note where the wrong file was named.
            let found = header.split('\t').count();
            let problem = format!("expected the header {expected:?}, found another line of {found} cells");
            return Err(Error::table(table, line, problem));
        }
        None => return Err(Error::table(table, 1, format!("expected the header {expected:?}, found no line"))),
    }
    lines
        .map(|(line, content)| {
            let cells: Vec<&str> = content.split('\t').map(|cell| if cell == "-" { "" } else { cell }).collect();
            let found = cells.len();
            let cells = cells
                .try_into()
                .map_err(|_| Error::table(table, line, format!("expected {N} cells, found {found}")))?;
            Ok(Row { line, cells })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rows_and_their_lines() {
        let rows = rows("t", "# note\na\tb\n\n1\t-\n2\t3\n", ["a", "b"]).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].line, rows[0].cells), (4, ["1", ""]));
        assert_eq!(rows[1].cells, ["2", "3"]);
    }

    #[test]
    fn names_what_is_wrong() {
        let message = |text| rows("t.tsv", text, ["a", "b"]).unwrap_err().to_string();
        assert_eq!(message("a\tb\n1\n"), "t.tsv: line 2: expected 2 cells, found 1");
        assert_eq!(message("a\tc\n"), "t.tsv: line 1: expected the header \"a\\tb\", found another line of 2 cells");
        assert_eq!(message(""), "t.tsv: line 1: expected the header \"a\\tb\", found no line");
    }
}
