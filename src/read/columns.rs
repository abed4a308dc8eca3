//! Columns: which input column holds which field.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// A field of a note that a column may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    NoteId = 0,
    PatientId = 1,
    EncounterId = 2,
    NoteTime = 3,
    NoteType = 4,
    Author = 5,
    Text = 6,
}

impl Field {
    /// Fields besides the text.
    pub const COUNT: usize = 6;

    pub const ALL: [Field; 7] = [
        Field::NoteId,
        Field::PatientId,
        Field::EncounterId,
        Field::NoteTime,
        Field::NoteType,
        Field::Author,
        Field::Text,
    ];

    /// The name of the field, then the other column names by which it is recognised, best first.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Field::NoteId => &["note_id", "id", "row_id"],
            Field::PatientId => &["patient_id", "person_id", "subject_id"],
            Field::EncounterId => &["encounter_id", "hadm_id", "visit_occurrence_id"],
            Field::NoteTime => &["note_time", "note_datetime", "note_date", "charttime", "chartdate"],
            Field::NoteType => &["note_type", "category", "note_title"],
            Field::Author => &["author"],
            Field::Text => &["text", "note_text", "note", "transcription"],
        }
    }

    pub fn from_name(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.names().first() == Some(&name))
    }
}

/// What the user chose about columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnChoice {
    /// Field to column, where the user named it.
    pub map: BTreeMap<Field, String>,
    /// Columns carried into `notes`.
    pub keep: Vec<String>,
    /// Column that orders the lines of a note.
    pub line: Option<String>,
}

/// Where the fields stand in a row of a certain header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Columns of each field, best first.
    pub fields: [Vec<usize>; Field::COUNT],
    /// Columns of the text, best first.
    pub text: Vec<usize>,
    pub line: Option<usize>,
    pub keep: Vec<usize>,
}

impl ColumnChoice {
    /// Reads `field=COLUMN`.
    pub fn add_mapping(&mut self, mapping: &str) -> Result<()> {
        let fields = || Field::ALL.map(|field| field.names()[0]).join(", ");
        let Some((field, column)) = mapping.split_once('=') else {
            return Err(Error::config(format!("--map: expected field=COLUMN, found {mapping:?}")));
        };
        let field = Field::from_name(field)
            .ok_or_else(|| Error::config(format!("--map: {field:?} is no field; fields are {}", fields())))?;
        self.map.insert(field, column.to_owned());
        Ok(())
    }

    /// The field for which a column is taken, if any.
    pub fn field_of(&self, column: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| match self.map.get(field) {
            Some(mapped) => mapped.eq_ignore_ascii_case(column),
            None => field.names().iter().any(|name| name.eq_ignore_ascii_case(column)),
        })
    }

    /// Finds the columns in a header.
    ///
    /// # Errors
    /// A message that names the column that is missing. It never quotes the header: where a file has none, that is a note.
    pub fn layout(&self, header: &[String]) -> Result<Layout, String> {
        let position = |column: &str| header.iter().position(|name| name.eq_ignore_ascii_case(column));
        let named = |column: &str, flag: &str| {
            position(column).ok_or_else(|| format!("{flag}: no column {column:?} among {} columns", header.len()))
        };
        let mut layout = Layout::default();
        for field in Field::ALL {
            let columns: Vec<usize> = match self.map.get(&field) {
                Some(column) => vec![named(column, "--map")?],
                None => field.names().iter().filter_map(|name| position(name)).collect(),
            };
            match layout.fields.get_mut(field as usize) {
                Some(place) => *place = columns,
                None => layout.text = columns,
            }
        }
        layout.line = self.line.as_deref().map(|column| named(column, "--line-column")).transpose()?;
        layout.keep = self.keep.iter().map(|column| named(column, "--keep")).collect::<Result<_, _>>()?;
        Ok(layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &str) -> Vec<String> {
        names.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn recognises_common_names_in_any_case_best_first() {
        let layout = ColumnChoice::default().layout(&header("ROW_ID,CHARTDATE,CHARTTIME,TEXT")).unwrap();
        assert_eq!(layout.fields[Field::NoteId as usize], [0]);
        assert_eq!(layout.fields[Field::NoteTime as usize], [2, 1]);
        assert_eq!(layout.text, [3]);
    }

    #[test]
    fn mappings_win_and_missing_columns_are_named() {
        let mut choice = ColumnChoice::default();
        choice.add_mapping("text=body").unwrap();
        assert_eq!(choice.layout(&header("text,body")).unwrap().text, [1]);
        assert_eq!(choice.layout(&header("a,b")).unwrap_err(), "--map: no column \"body\" among 2 columns");
        let error = choice.add_mapping("txt=body").unwrap_err().to_string();
        assert!(error.contains("\"txt\" is no field"), "{error}");
    }
}
