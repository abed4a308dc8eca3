//! The table of changes: a CSV file that has its name only when it is complete.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use tempfile::NamedTempFile;

use super::{COMPARED, Change, Found};
use crate::new_file;
use crate::{Error, ErrorKind, Result};

/// Rows that are encoded together.
const BATCH: usize = 4096;
/// Columns of the note, and of what changed; then each compared column of both runs.
const FIRST: [&str; 6] = ["note_id", "patient_id", "change", "columns", "status_a", "status_b"];

/// Writes changes.
pub(super) struct ChangeTable {
    path: PathBuf,
    schema: SchemaRef,
    writer: arrow_csv::Writer<BufWriter<NamedTempFile>>,
    columns: Vec<StringBuilder>,
    n_rows: usize,
}

impl ChangeTable {
    /// A table that will stand at a path.
    ///
    /// # Errors
    /// A file cannot be made in that folder.
    pub fn create(path: &Path) -> Result<ChangeTable> {
        let of_both = COMPARED.iter().flat_map(|column| [format!("{column}_a"), format!("{column}_b")]);
        let names = FIRST.iter().map(|&name| name.to_owned()).chain(of_both);
        let fields: Vec<Field> = names.map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let columns = fields.iter().map(|_| StringBuilder::new()).collect();
        let schema = Arc::new(Schema::new(fields));
        let mut table = ChangeTable {
            path: path.to_owned(),
            schema,
            writer: arrow_csv::Writer::new(BufWriter::new(new_file::create(path)?)),
            columns,
            n_rows: 0,
        };
        // An empty batch writes the header.
        table.flush()?;
        Ok(table)
    }

    pub fn push(&mut self, found: &Found<'_>) -> Result<()> {
        let change = match found.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
            Change::Note => "note",
        };
        let parts = found.parts.join(";");
        let first =
            [found.note_id, found.patient_id.unwrap_or_default(), change, &parts, found.status.0, found.status.1];
        let of_both =
            (0..COMPARED.len()).flat_map(|column| [found.a, found.b].map(|cells| cells.map(|c| c.cell(column))));
        let cells = first.into_iter().map(Some).chain(of_both);
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.append_option(cell.filter(|cell| !cell.is_empty()));
        }
        self.n_rows += 1;
        if self.n_rows >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.n_rows = 0;
        let columns: Vec<ArrayRef> =
            self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let failed = |error| Error::internal(format!("rows of changes: {error}"));
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(failed)?;
        let failed = |error: ArrowError| ErrorKind::Encode { table: "changes", problem: error.to_string() }.into();
        self.writer.write(&batch).map_err(failed)
    }

    /// Writes what is left, and gives the file its name.
    ///
    /// # Errors
    /// The disk refuses it.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        new_file::finish(self.writer.into_inner(), &self.path)
    }
}
