//! A row of a table as values by name, whatever format it was read from.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

/// A row of a table. `Debug` is left out: a row may hold text.
#[derive(Clone)]
pub(crate) struct Row {
    batch: Arc<RecordBatch>,
    index: usize,
}

impl Row {
    /// The first row of a batch.
    pub fn first(batch: RecordBatch) -> Row {
        Row { batch: Arc::new(batch), index: 0 }
    }

    /// A row of a batch.
    pub fn of(batch: &Arc<RecordBatch>, index: usize) -> Row {
        Row { batch: Arc::clone(batch), index }
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> Vec<String> {
        self.batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// A text; `None` for null, for the empty text and for a column that is not there.
    pub fn text(&self, column: &str) -> Option<&str> {
        let values = self.batch.column_by_name(column)?.as_string_opt::<i32>()?;
        let is_there = self.index < values.len() && values.is_valid(self.index);
        is_there.then(|| values.value(self.index)).filter(|value| !value.is_empty())
    }

    /// A number.
    pub fn number(&self, column: &str) -> Option<u64> {
        let values = self.batch.column_by_name(column)?;
        if self.index >= values.len() || values.is_null(self.index) {
            return None;
        }
        let small = values.as_primitive_opt::<UInt32Type>().map(|values| u64::from(values.value(self.index)));
        small.or_else(|| Some(values.as_primitive_opt::<UInt64Type>()?.value(self.index)))
    }

    /// A number that may have a fraction.
    pub fn decimal(&self, column: &str) -> Option<f64> {
        let values = self.batch.column_by_name(column)?;
        if self.index >= values.len() || values.is_null(self.index) {
            return None;
        }
        let narrow = values.as_primitive_opt::<Float32Type>().map(|values| f64::from(values.value(self.index)));
        narrow.or_else(|| Some(values.as_primitive_opt::<Float64Type>()?.value(self.index)))
    }

    /// Yes or no.
    pub fn flag(&self, column: &str) -> Option<bool> {
        let values = self.batch.column_by_name(column)?.as_boolean_opt()?;
        (self.index < values.len() && values.is_valid(self.index)).then(|| values.value(self.index))
    }

    /// A value as JSON: numbers as numbers, yes and no as such, everything else in words.
    pub fn value(&self, column: &str) -> Value {
        let number = self.number(column).map(Value::from);
        let other = number.or_else(|| self.fraction(column)).or_else(|| self.flag(column).map(Value::from));
        other.or_else(|| self.shown(column).map(Value::from)).unwrap_or(Value::Null)
    }

    /// A number that may have a fraction, in the width of its column.
    fn fraction(&self, column: &str) -> Option<Value> {
        let values = self.batch.column_by_name(column)?;
        let narrow = values.as_primitive_opt::<Float32Type>().filter(|_| self.decimal(column).is_some());
        match narrow {
            Some(narrow) => Some(Value::from(narrow.value(self.index))),
            None => self.decimal(column).map(Value::from),
        }
    }

    /// A time, in microseconds.
    pub fn time(&self, column: &str) -> Option<i64> {
        let values = self.batch.column_by_name(column)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        (self.index < values.len() && values.is_valid(self.index)).then(|| values.value(self.index))
    }

    /// Any value in words; `None` for null, for the empty text and for a column that is not there.
    pub fn shown(&self, column: &str) -> Option<String> {
        let values = self.batch.column_by_name(column)?;
        if self.index >= values.len() || values.is_null(self.index) {
            return None;
        }
        let options = FormatOptions::default();
        let shown = ArrayFormatter::try_new(values, &options).ok()?.value(self.index).to_string();
        (!shown.is_empty()).then_some(shown)
    }
}
