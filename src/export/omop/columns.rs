//! The columns of NOTE, NOTE_NLP and MEASUREMENT in OMOP CDM 5.4, in the order, with the types and with the lengths of the
//! official field list, and rows of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, Date32Builder, Float64Builder, Int32Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::{Error, Result};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Date,
    Datetime,
    Float,
    /// `varchar` of so many characters.
    Text(usize),
    /// `varchar(MAX)`.
    LongText,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub is_required: bool,
}

/// A table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OmopTable {
    pub name: &'static str,
    pub columns: &'static [Column],
}

const fn required(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_required: true }
}

const fn optional(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_required: false }
}

/// A note.
pub(super) static NOTE: OmopTable = OmopTable {
    name: "note",
    columns: &[
        required("note_id", Kind::Integer),
        required("person_id", Kind::Integer),
        required("note_date", Kind::Date),
        optional("note_datetime", Kind::Datetime),
        required("note_type_concept_id", Kind::Integer),
        required("note_class_concept_id", Kind::Integer),
        optional("note_title", Kind::Text(250)),
        required("note_text", Kind::LongText),
        required("encoding_concept_id", Kind::Integer),
        required("language_concept_id", Kind::Integer),
        optional("provider_id", Kind::Integer),
        optional("visit_occurrence_id", Kind::Integer),
        optional("visit_detail_id", Kind::Integer),
        optional("note_source_value", Kind::Text(50)),
        optional("note_event_id", Kind::Integer),
        optional("note_event_field_concept_id", Kind::Integer),
    ],
};

/// A term found in a note.
pub(super) static NOTE_NLP: OmopTable = OmopTable {
    name: "note_nlp",
    columns: &[
        required("note_nlp_id", Kind::Integer),
        required("note_id", Kind::Integer),
        optional("section_concept_id", Kind::Integer),
        optional("snippet", Kind::Text(250)),
        optional("offset", Kind::Text(50)),
        required("lexical_variant", Kind::Text(250)),
        optional("note_nlp_concept_id", Kind::Integer),
        optional("note_nlp_source_concept_id", Kind::Integer),
        optional("nlp_system", Kind::Text(250)),
        required("nlp_date", Kind::Date),
        optional("nlp_datetime", Kind::Datetime),
        optional("term_exists", Kind::Text(1)),
        optional("term_temporal", Kind::Text(50)),
        optional("term_modifiers", Kind::Text(2000)),
    ],
};

/// A measurement of a person.
pub(super) static MEASUREMENT: OmopTable = OmopTable {
    name: "measurement",
    columns: &[
        required("measurement_id", Kind::Integer),
        required("person_id", Kind::Integer),
        required("measurement_concept_id", Kind::Integer),
        required("measurement_date", Kind::Date),
        optional("measurement_datetime", Kind::Datetime),
        optional("measurement_time", Kind::Text(10)),
        required("measurement_type_concept_id", Kind::Integer),
        optional("operator_concept_id", Kind::Integer),
        optional("value_as_number", Kind::Float),
        optional("value_as_concept_id", Kind::Integer),
        optional("unit_concept_id", Kind::Integer),
        optional("range_low", Kind::Float),
        optional("range_high", Kind::Float),
        optional("provider_id", Kind::Integer),
        optional("visit_occurrence_id", Kind::Integer),
        optional("visit_detail_id", Kind::Integer),
        optional("measurement_source_value", Kind::Text(50)),
        optional("measurement_source_concept_id", Kind::Integer),
        optional("unit_source_value", Kind::Text(50)),
        optional("unit_source_concept_id", Kind::Integer),
        optional("value_source_value", Kind::Text(50)),
        optional("measurement_event_id", Kind::Integer),
        optional("meas_event_field_concept_id", Kind::Integer),
    ],
};

impl OmopTable {
    /// The columns as Arrow has them.
    pub fn schema(&self) -> SchemaRef {
        let field = |column: &Column| {
            let kind = match column.kind {
                Kind::Integer => DataType::Int32,
                Kind::Date => DataType::Date32,
                Kind::Datetime => DataType::Timestamp(TimeUnit::Microsecond, None),
                Kind::Float => DataType::Float64,
                Kind::Text(_) | Kind::LongText => DataType::Utf8,
            };
            Field::new(column.name, kind, !column.is_required)
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }
}

/// A cell of a row. `Debug` is left out: it may hold text.
pub(super) enum Cell<'a> {
    Null,
    Integer(i32),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00.
    Datetime(i64),
    Float(f64),
    Text(&'a str),
}

impl From<Option<i32>> for Cell<'_> {
    fn from(value: Option<i32>) -> Self {
        value.map_or(Cell::Null, Cell::Integer)
    }
}

impl From<Option<f64>> for Cell<'_> {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Cell::Null, Cell::Float)
    }
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(value: Option<&'a str>) -> Self {
        value.map_or(Cell::Null, Cell::Text)
    }
}

/// The builder of a column.
enum Builder {
    Integer(Int32Builder),
    Date(Date32Builder),
    Datetime(TimestampMicrosecondBuilder),
    Float(Float64Builder),
    /// With the most characters, and how many values were cut to them.
    Text(StringBuilder, usize, u64),
}

impl Builder {
    fn new(kind: Kind) -> Builder {
        match kind {
            Kind::Integer => Builder::Integer(Int32Builder::new()),
            Kind::Date => Builder::Date(Date32Builder::new()),
            Kind::Datetime => Builder::Datetime(TimestampMicrosecondBuilder::new()),
            Kind::Float => Builder::Float(Float64Builder::new()),
            Kind::Text(most) => Builder::Text(StringBuilder::new(), most, 0),
            Kind::LongText => Builder::Text(StringBuilder::new(), usize::MAX, 0),
        }
    }

    /// Adds a cell; one of another type is null.
    fn push(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Builder::Integer(cells), Cell::Integer(value)) => cells.append_value(*value),
            (Builder::Integer(cells), _) => cells.append_null(),
            (Builder::Date(cells), Cell::Date(value)) => cells.append_value(*value),
            (Builder::Date(cells), _) => cells.append_null(),
            (Builder::Datetime(cells), Cell::Datetime(value)) => cells.append_value(*value),
            (Builder::Datetime(cells), _) => cells.append_null(),
            (Builder::Float(cells), Cell::Float(value)) => cells.append_value(*value),
            (Builder::Float(cells), _) => cells.append_null(),
            (Builder::Text(cells, most, n_cut), Cell::Text(value)) => {
                let end = value.char_indices().nth(*most).map(|(end, _)| end);
                *n_cut += u64::from(end.is_some());
                cells.append_value(value.get(..end.unwrap_or(value.len())).unwrap_or_default());
            }
            (Builder::Text(cells, ..), _) => cells.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Integer(cells) => ArrayBuilder::finish(cells),
            Builder::Date(cells) => ArrayBuilder::finish(cells),
            Builder::Datetime(cells) => ArrayBuilder::finish(cells),
            Builder::Float(cells) => ArrayBuilder::finish(cells),
            Builder::Text(cells, ..) => ArrayBuilder::finish(cells),
        }
    }
}

/// Collects rows of a table.
pub(super) struct TableRows {
    table: &'static OmopTable,
    schema: SchemaRef,
    builders: Vec<Builder>,
    n_rows: usize,
}

impl TableRows {
    pub fn new(table: &'static OmopTable) -> TableRows {
        let builders = table.columns.iter().map(|column| Builder::new(column.kind)).collect();
        TableRows { table, schema: table.schema(), builders, n_rows: 0 }
    }

    /// Rows that were collected since the last batch.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Adds a row of the cells that are named; the others are null. A text that is too long for its column is cut, and counted.
    pub fn push(&mut self, cells: &[(&str, Cell<'_>)]) {
        for (column, builder) in self.table.columns.iter().zip(&mut self.builders) {
            let cell = cells.iter().find(|(name, _)| *name == column.name).map_or(&Cell::Null, |(_, cell)| cell);
            builder.push(cell);
        }
        self.n_rows += 1;
    }

    /// The rows collected, as a batch; the next ones begin another.
    ///
    /// # Errors
    /// A required cell is missing, which is a fault of the program.
    pub fn take(&mut self) -> Result<RecordBatch> {
        self.n_rows = 0;
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| Error::internal(format!("rows of {}: {error}", self.table.name)))
    }

    /// How many texts were cut to the length of their column, by column.
    pub fn n_cut(&self) -> BTreeMap<String, u64> {
        let columns = self.table.columns.iter().zip(&self.builders);
        let cut = columns.filter_map(|(column, builder)| match builder {
            Builder::Text(_, _, n_cut) if *n_cut > 0 => Some((format!("{}.{}", self.table.name, column.name), *n_cut)),
            _ => None,
        });
        cut.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;

    /// The columns that the official field list has.
    fn official(path: &Path, table: &str) -> Vec<(String, String, bool)> {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let rows = reader.deserialize::<BTreeMap<String, String>>().map(Result::unwrap);
        let rows = rows.filter(|row| row["cdmTableName"].eq_ignore_ascii_case(table));
        rows.map(|row| {
            let name = row["cdmFieldName"].trim_matches('"').to_lowercase();
            (name, row["cdmDatatype"].to_lowercase(), row["isRequired"] == "Yes")
        })
        .collect()
    }

    #[test]
    fn columns_are_those_of_the_official_list() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/omop/OMOP_CDMv5.4_Field_Level.csv");
        if !path.exists() {
            eprintln!("skipped: {} is not there", path.display());
            return;
        }
        for table in [&NOTE, &NOTE_NLP, &MEASUREMENT] {
            let own = table.columns.iter().map(|column| {
                let kind = match column.kind {
                    Kind::Integer => "integer".to_owned(),
                    Kind::Date => "date".to_owned(),
                    Kind::Datetime => "datetime".to_owned(),
                    Kind::Float => "float".to_owned(),
                    Kind::Text(most) => format!("varchar({most})"),
                    Kind::LongText => "varchar(max)".to_owned(),
                };
                (column.name.to_owned(), kind, column.is_required)
            });
            assert_eq!(own.collect::<Vec<_>>(), official(&path, table.name), "{}", table.name);
        }
    }

    #[test]
    fn texts_are_cut_to_characters_and_counted() {
        let mut rows = TableRows::new(&NOTE_NLP);
        let long = "é".repeat(251);
        let cells = |text| {
            [
                ("note_nlp_id", Cell::Integer(1)),
                ("note_id", Cell::Integer(1)),
                ("lexical_variant", Cell::Text(text)),
                ("nlp_date", Cell::Date(0)),
            ]
        };
        rows.push(&cells(&long));
        rows.push(&cells("fever"));
        let batch = rows.take().unwrap();
        let variants = batch.column_by_name("lexical_variant").unwrap().as_string::<i32>();
        assert_eq!(variants.value(0).chars().count(), 250);
        assert_eq!(variants.value(1), "fever");
        assert!(batch.column_by_name("snippet").unwrap().is_null(0));
        assert_eq!(rows.n_cut(), BTreeMap::from([("note_nlp.lexical_variant".to_owned(), 1)]));
        rows.push(&[("note_id", Cell::Integer(1))]);
        assert!(rows.take().is_err());
    }
}
