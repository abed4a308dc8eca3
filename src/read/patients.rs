//! The patients file: who the patients are, apart from what notes say of them.
//!
//! CSV, TSV or Parquet, a row a patient: an identifier, and a date of birth or a sex or both. A row that cannot be
//! understood is left out, counted and named by its record; no cell is ever quoted, since the wrong file may hold notes.
//! Rows of one patient complete each other; what they contradict each other in is taken as not known.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use jiff::civil::Date;

use super::small_table::{self, Column, Need, PATIENT_ID};
use super::time;
use crate::Result;

/// What is known of a patient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patient {
    /// Day of birth.
    pub birth_date: Option<Date>,
    /// Sex; `None` where it is not known.
    pub sex: Option<Sex>,
}

/// A patient's sex, as the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sex {
    Male,
    Female,
    Other,
}

/// The patients of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patients {
    by_id: BTreeMap<String, Known>,
    /// Rows read, also the rejected ones.
    n_rows: u64,
    rejected: Vec<RejectedRow>,
    n_duplicates: u64,
    hash: Option<blake3::Hash>,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectedRow {
    /// Record in the file, from 1, the header not counted.
    pub record: u64,
    /// What was found and expected.
    pub reason: String,
}

/// A patient, and in what the rows of the file contradict each other.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    patient: Patient,
    birth_date_differs: bool,
    sex_differs: bool,
}

const COLUMNS: [Column; 3] = [
    PATIENT_ID,
    Column { names: &["birth_date", "dob", "date_of_birth", "birth_datetime"], need: Need::Either },
    Column { names: &["sex", "gender"], need: Need::Either },
];

impl Sex {
    /// Reads a word; `Ok(None)` for one that says that it is not known.
    fn from_word(word: &str) -> Result<Option<Sex>, String> {
        match word.to_lowercase().as_str() {
            "male" | "m" | "man" | "boy" => Ok(Some(Sex::Male)),
            "female" | "f" | "woman" | "girl" => Ok(Some(Sex::Female)),
            "other" | "o" | "intersex" | "non-binary" | "nonbinary" => Ok(Some(Sex::Other)),
            "unknown" | "u" | "unk" | "not stated" => Ok(None),
            word => Err(format!("sex: expected male, female, other or unknown, found {} characters", length(word))),
        }
    }

    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Sex::Male => "male",
            Sex::Female => "female",
            Sex::Other => "other",
        }
    }
}

/// Reads a patients file.
///
/// # Errors
/// It cannot be opened or read to its end, or lacks a column that is needed.
pub(crate) fn read(path: &Path) -> Result<Patients> {
    let mut patients = Patients::default();
    let hash = small_table::read(path, &COLUMNS, &mut |record, cells| {
        match cells {
            Ok(cells) => patients.add(record, cells),
            Err(bad) => patients.reject(record, bad.to_string()),
        }
        Ok(())
    })?;
    patients.hash = Some(hash);
    Ok(patients)
}

impl Patients {
    /// What is known of a patient; `None` for one that the file does not have.
    pub fn get(&self, patient_id: &str) -> Option<&Patient> {
        self.by_id.get(patient_id).map(|known| &known.patient)
    }

    /// The patients in the order of their identifiers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Patient)> {
        self.by_id.iter().map(|(id, known)| (id.as_str(), &known.patient))
    }

    /// How many patients there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// How many rows were read, also those that were left out.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The rows that were left out, in the order of the file.
    pub fn rejected(&self) -> &[RejectedRow] {
        &self.rejected
    }

    /// How many rows are of a patient that an earlier row has.
    pub fn n_duplicates(&self) -> u64 {
        self.n_duplicates
    }

    /// The patients whose rows contradict each other, in the order of their identifiers.
    pub fn contradicted(&self) -> impl Iterator<Item = &str> {
        let differ = |known: &Known| known.birth_date_differs || known.sex_differs;
        self.by_id.iter().filter(move |(_, known)| differ(known)).map(|(id, _)| id.as_str())
    }

    /// The hash of the file's bytes; `None` where there is no file.
    pub fn hash(&self) -> Option<blake3::Hash> {
        self.hash
    }

    /// Adds a row: the cells of [`COLUMNS`].
    fn add(&mut self, record: u64, [id, birth_date, sex]: [Option<&str>; 3]) {
        let Some(id) = id else {
            return self.reject(record, "patient_id is empty".to_owned());
        };
        match patient(birth_date, sex) {
            Err(reason) => self.reject(record, reason),
            Ok(stated) => {
                self.n_rows += 1;
                match self.by_id.entry(id.to_owned()) {
                    Entry::Vacant(place) => {
                        place.insert(Known { patient: stated, ..Known::default() });
                    }
                    Entry::Occupied(mut known) => {
                        self.n_duplicates += 1;
                        let known = known.get_mut();
                        complete(&mut known.patient.birth_date, stated.birth_date, &mut known.birth_date_differs);
                        complete(&mut known.patient.sex, stated.sex, &mut known.sex_differs);
                    }
                }
            }
        }
    }

    fn reject(&mut self, record: u64, reason: String) {
        self.n_rows += 1;
        self.rejected.push(RejectedRow { record, reason });
    }
}

/// Takes what another row states; where the two differ nothing is known from there on.
fn complete<T: PartialEq + Copy>(known: &mut Option<T>, stated: Option<T>, differs: &mut bool) {
    match (*known, stated) {
        (Some(before), Some(stated)) if before != stated => (*known, *differs) = (None, true),
        (None, Some(_)) if !*differs => *known = stated,
        _ => {}
    }
}

/// Reads the cells of a row besides the identifier.
fn patient(birth_date: Option<&str>, sex: Option<&str>) -> Result<Patient, String> {
    let day = |cell: &str| {
        let found = || format!("birth_date: expected a date such as 1957-03-21, found {} characters", length(cell));
        time::date(cell).ok_or_else(found)
    };
    Ok(Patient { birth_date: birth_date.map(day).transpose()?, sex: sex.map(Sex::from_word).transpose()?.flatten() })
}

fn length(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read_as(extension: &str, text: &str) -> Result<Patients> {
        let mut file = tempfile::Builder::new().suffix(extension).tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path())
    }

    fn patient(year: i16, sex: Option<Sex>) -> Patient {
        Patient { birth_date: Some(Date::constant(year, 3, 21)), sex }
    }

    #[test]
    fn columns_are_found_by_their_common_names() {
        let check = |extension: &str, text: &str| {
            let patients = read_as(extension, text).unwrap();
            assert_eq!(patients.get("7"), Some(&patient(1957, Some(Sex::Female))), "{text}");
            assert_eq!((patients.len(), patients.n_rows(), patients.get("8")), (1, 1, None));
        };
        check(".csv", "patient_id,birth_date,sex\n7,1957-03-21,female\n");
        check(".csv", "\u{feff}GENDER,x,DOB,SUBJECT_ID\nF,,1957-03-21 00:00:00,7\n");
        check(".tsv", "person_id\tdate_of_birth\tsex\n7\t1957-03-21\twoman\n");
    }

    #[test]
    fn bad_rows_are_left_out_and_named() {
        let text = "patient_id,birth_date,sex\n1,21/03/1957,f\n2,1957-03-21,robot\n,1957-03-21,m\n3,1957-03-21\n\
                    4,1957-03-21,\n5,,unknown\n";
        let patients = read_as(".csv", text).unwrap();
        let reasons: Vec<(u64, &str)> =
            patients.rejected().iter().map(|row| (row.record, row.reason.as_str())).collect();
        let expected = [
            (1, "birth_date: expected a date such as 1957-03-21, found 10 characters"),
            (2, "sex: expected male, female, other or unknown, found 5 characters"),
            (3, "patient_id is empty"),
            (4, "expected 3 fields, found 2"),
        ];
        assert_eq!(reasons, expected);
        assert_eq!(patients.n_rows(), 6);
        assert_eq!(patients.get("4"), Some(&patient(1957, None)));
        assert_eq!(patients.get("5"), Some(&Patient::default()));
    }

    #[test]
    fn rows_of_a_patient_complete_each_other_and_contradictions_are_not_known() {
        let text = "patient_id,birth_date,sex\na,1957-03-21,\na,,m\na,1957-03-21,male\nb,1957-03-21,f\nb,1958-03-21,f\n\
                    b,1957-03-21,f\n";
        let patients = read_as(".csv", text).unwrap();
        assert_eq!(patients.get("a"), Some(&patient(1957, Some(Sex::Male))));
        assert_eq!(patients.get("b"), Some(&Patient { birth_date: None, sex: Some(Sex::Female) }));
        assert_eq!(patients.n_duplicates(), 4);
        assert_eq!(patients.contradicted().collect::<Vec<_>>(), ["b"]);
        assert_eq!(patients.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn parquet_is_read_as_csv_is() {
        use std::sync::Arc;

        use ::parquet::arrow::ArrowWriter;
        use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};

        let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        let columns: [(&str, ArrayRef); 3] = [
            ("subject_id", Arc::new(Int64Array::from(vec![Some(7), Some(8), None]))),
            ("dob", Arc::new(Date32Array::from(vec![Some(-4669), None, Some(0)]))),
            ("sex", Arc::new(StringArray::from(vec!["M", "f", "m"]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let patients = read(file.path()).unwrap();
        assert_eq!(patients.get("7"), Some(&patient(1957, Some(Sex::Male))));
        assert_eq!(patients.get("8"), Some(&Patient { birth_date: None, sex: Some(Sex::Female) }));
        assert_eq!(patients.rejected(), [RejectedRow { record: 3, reason: "patient_id is empty".into() }]);
    }

    #[test]
    fn a_file_without_the_columns_is_refused() {
        let message = |text: &str| read_as(".csv", text).unwrap_err().to_string();
        assert!(message("id,sex\n1,f\n").ends_with("no column patient_id or person_id or subject_id among 2 columns"));
        assert!(message("patient_id,age\n1,7\n").contains("no column birth_date or dob"));
        assert!(message("").contains("the file is empty"));
    }
}
