//! Columns of a batch by name; one that is not there is read as null in every row.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, BooleanArray, PrimitiveArray, RecordBatch, StringArray};

/// A column of text.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a>(Option<&'a StringArray>);

impl<'a> Texts<'a> {
    pub fn of(batch: &'a RecordBatch, name: &str) -> Texts<'a> {
        Texts(batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>()))
    }

    /// A text; `None` for null and for the empty text.
    pub fn get(self, row: usize) -> Option<&'a str> {
        let column = self.0.filter(|column| row < column.len() && column.is_valid(row))?;
        Some(column.value(row)).filter(|text| !text.is_empty())
    }

    /// A text; empty for null.
    pub fn or_empty(self, row: usize) -> &'a str {
        self.get(row).unwrap_or_default()
    }
}

/// A column of numbers or times.
pub(super) struct Numbers<'a> {
    small: Option<&'a PrimitiveArray<UInt32Type>>,
    large: Option<&'a PrimitiveArray<UInt64Type>>,
    real: Option<&'a PrimitiveArray<Float64Type>>,
    time: Option<&'a PrimitiveArray<TimestampMicrosecondType>>,
}

impl<'a> Numbers<'a> {
    pub fn of(batch: &'a RecordBatch, name: &str) -> Numbers<'a> {
        let column = batch.column_by_name(name);
        Numbers {
            small: column.and_then(|column| column.as_primitive_opt()),
            large: column.and_then(|column| column.as_primitive_opt()),
            real: column.and_then(|column| column.as_primitive_opt()),
            time: column.and_then(|column| column.as_primitive_opt()),
        }
    }

    /// A count.
    pub fn count(&self, row: usize) -> Option<u64> {
        let small = self.small.filter(|values| row < values.len() && values.is_valid(row));
        let large = self.large.filter(|values| row < values.len() && values.is_valid(row));
        small.map(|values| u64::from(values.value(row))).or_else(|| large.map(|values| values.value(row)))
    }

    /// A number that may have a fraction; one that is not finite is none.
    pub fn real(&self, row: usize) -> Option<f64> {
        let values = self.real.filter(|values| row < values.len() && values.is_valid(row))?;
        Some(values.value(row)).filter(|value| value.is_finite())
    }

    /// A time, in microseconds.
    pub fn time(&self, row: usize) -> Option<i64> {
        let values = self.time.filter(|values| row < values.len() && values.is_valid(row))?;
        Some(values.value(row))
    }
}

/// A column of yes and no.
#[derive(Clone, Copy)]
pub(super) struct Flags<'a>(Option<&'a BooleanArray>);

impl<'a> Flags<'a> {
    pub fn of(batch: &'a RecordBatch, name: &str) -> Flags<'a> {
        Flags(batch.column_by_name(name).and_then(|column| column.as_boolean_opt()))
    }

    pub fn get(self, row: usize) -> Option<bool> {
        let column = self.0.filter(|column| row < column.len() && column.is_valid(row))?;
        Some(column.value(row))
    }
}
