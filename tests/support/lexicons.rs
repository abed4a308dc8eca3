//! The tables under `lexicons/`, as the tests read them: without the program's own reader.

use std::fs;
use std::path::Path;

/// A row of a table.
pub struct Row {
    /// Table and line, for messages.
    pub place: String,
    pub cells: Vec<String>,
}

/// The rows of a table by its path under `lexicons/`, without its header.
pub fn rows(table: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("lexicons").join(table);
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).skip(1);
    let row = |(index, line): (usize, &str)| Row {
        place: format!("{table}:{}", index + 1),
        cells: line.split('\t').map(str::to_owned).collect(),
    };
    lines.map(row).collect()
}
