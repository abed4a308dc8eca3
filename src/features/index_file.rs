//! The index file: patients and the times at which their features are wanted.

use std::path::Path;

use super::cohort::{IndexRow, note_key};
use crate::Result;
use crate::read::small_table::{self, Column, Need, PATIENT_ID};
use crate::read::time;

/// What an index file holds.
#[derive(Debug)]
pub(super) struct IndexFile {
    pub rows: Vec<(String, IndexRow)>,
    /// Records that were left out, from 1, the header not counted, with the reason.
    pub rejected: Vec<(u64, String)>,
    pub n_read: u64,
    pub hash: blake3::Hash,
}

const COLUMNS: [Column; 4] = [
    PATIENT_ID,
    Column { names: &["index_time", "prediction_time"], need: Need::Required },
    Column { names: &["label", "boolean_value"], need: Need::Optional },
    Column { names: &["label_note_id"], need: Need::Optional },
];

/// Reads an index file.
///
/// # Errors
/// It cannot be read, or lacks a column.
pub(super) fn read(path: &Path) -> Result<IndexFile> {
    let (mut rows, mut rejected, mut n_read) = (Vec::new(), Vec::new(), 0);
    let hash = small_table::read(path, &COLUMNS, &mut |record, cells| {
        n_read += 1;
        match cells.map_err(|bad| bad.to_string()).and_then(index_row) {
            Ok(row) => rows.push(row),
            Err(reason) => rejected.push((record, reason)),
        }
        Ok(())
    })?;
    Ok(IndexFile { rows, rejected, n_read, hash })
}

/// The patient and index time of a row: the cells of [`COLUMNS`].
fn index_row([patient, time, label, label_note]: [Option<&str>; 4]) -> Result<(String, IndexRow), String> {
    let patient = patient.ok_or("patient_id is empty")?;
    let time = time.and_then(time::parse).ok_or("index_time: expected a time such as 2025-03-02T14:20:00")?;
    let label_note = label_note.map(note_key);
    Ok((patient.to_owned(), IndexRow { time: time.0, label: label.map(str::to_owned), label_note }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<IndexFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn reads_rows_and_names_those_it_cannot() {
        let text = "subject_id,index_time,label,label_note_id\n007,1970-01-01T00:00:01,1,n1\n,1970-01-01,,\n8,soon,,\n";
        let file = read_text("index.csv", text).unwrap();
        assert_eq!(file.n_read, 3);
        let row = IndexRow { time: 1_000_000, label: Some("1".to_owned()), label_note: Some(note_key("n1")) };
        assert_eq!(file.rows, [("007".to_owned(), row)]);
        assert_eq!(file.rejected.iter().map(|(record, _)| *record).collect::<Vec<_>>(), [2, 3]);
        let tabbed = read_text("index.tsv", "patient_id\tindex_time\np\t1970-01-02\n").unwrap();
        assert_eq!(tabbed.rows[0].1.time, 86_400_000_000);
    }

    #[test]
    fn says_what_it_lacks_and_quotes_nothing() {
        let message = |text: &str| read_text("index.csv", text).unwrap_err().to_string();
        assert!(message("patient_id,when\np,x\n").ends_with("no column index_time or prediction_time among 2 columns"));
        assert!(!message("a,b\nsecret,1,2,3\n").contains("secret"));
        assert!(!message("").is_empty());
    }
}
