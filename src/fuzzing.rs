//! Entry points of the fuzz targets: bytes in the place of files.

use std::path::Path;

use crate::read::{Assembler, ColumnChoice, Content, ReadOptions, discover, open};
use crate::{Error, Result};

/// A note longer than this is rejected, so that limits are met too.
const MAX_NOTE_BYTES: usize = 1 << 14;

/// Reads bytes as a file of the given name; gives the number of records.
///
/// # Errors
/// The file cannot be used at all.
///
/// # Panics
/// A record does not hold what the readers promise: places in order and within the file, texts within the limit.
pub fn read(name: &str, bytes: &[u8], line_column: Option<&str>) -> Result<u64> {
    let folder =
        tempfile::tempdir().map_err(|error| Error::io("creating a folder in", &std::env::temp_dir(), error))?;
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).map_err(|error| Error::io("writing", &path, error))?;
    let columns = ColumnChoice { line: line_column.map(str::to_owned), ..ColumnChoice::default() };
    let options = ReadOptions { columns, max_note_bytes: MAX_NOTE_BYTES };
    let found = discover(&[path.display().to_string()], Path::new("."))?;
    let mut n_records = 0;
    for (index, file) in found.files.iter().enumerate() {
        let (rows, _) = open(file, index as u32, &options)?;
        let assembler = Assembler::new(file, &options);
        let mut last_record = 0;
        for row in rows {
            let record = assembler.record(row);
            n_records += 1;
            assert!(record.origin.record >= last_record, "records come in order");
            last_record = record.origin.record;
            assert!(record.origin.bytes.is_none_or(|(start, end)| start <= end), "a record ends after its start");
            if let Content::Text(text, _) = &record.content {
                assert!(text.len() <= MAX_NOTE_BYTES && !text.trim().is_empty(), "a text is within the limit");
            }
        }
    }
    Ok(n_records)
}
