//! The wide table: one row for each index row, a column for each feature, window and part.

use polars::prelude::{Column, DataFrame, Float32Chunked, Float64Chunked, IntoColumn, NewChunkedArray, StringChunked};

use super::long::{IndexedRows, times};
use super::patient::Row;
use super::plan::{FeatureKind, Plan};
use super::window::{DAY, FeatureWindow};
use crate::{Error, Result};

/// What a column of a feature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The state as a number.
    State,
    /// The value.
    Value,
    /// Statements, copied text counted once.
    Count,
    /// Notes that hold only carried text.
    Carried,
    DaysSinceFirst,
    DaysSinceLast,
}

impl Part {
    fn suffix(self) -> &'static str {
        match self {
            Part::State | Part::Value => "",
            Part::Count => ":count",
            Part::Carried => ":carried",
            Part::DaysSinceFirst => ":days_since_first",
            Part::DaysSinceLast => ":days_since_last",
        }
    }

    /// The part in words.
    pub fn words(self) -> &'static str {
        match self {
            Part::State => "1 present, 0.5 possible, 0 stated to be absent, null not mentioned",
            Part::Value => "value",
            Part::Count => "statements, copied text counted once",
            Part::Carried => "notes that hold only text carried forward",
            Part::DaysSinceFirst => "days from the first statement to the index time",
            Part::DaysSinceLast => "days from the last note with a statement to the index time",
        }
    }

    /// The unit of the column, where it is not the feature's.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Part::Value => None,
            Part::State | Part::Count | Part::Carried => Some(""),
            Part::DaysSinceFirst | Part::DaysSinceLast => Some("d"),
        }
    }

    fn of(self, row: &Row, index_time: i64) -> Option<f64> {
        let days = |time: Option<i64>| time.map(|time| index_time.saturating_sub(time) as f64 / DAY as f64);
        match self {
            Part::State => row.state.and_then(|state| state.number()),
            Part::Value | Part::Count => row.value,
            Part::Carried => Some(f64::from(row.n_carried)),
            Part::DaysSinceFirst => days(row.first_seen),
            Part::DaysSinceLast => days(row.last_seen),
        }
    }
}

/// A column of the wide table.
#[derive(Clone, Debug)]
pub(super) struct WideColumn {
    pub name: String,
    pub window: Option<FeatureWindow>,
    pub part: Part,
}

/// The columns of the wide table.
pub(super) struct WideColumns {
    pub columns: Vec<WideColumn>,
    /// By feature: the places of its columns.
    of_feature: Vec<std::ops::Range<usize>>,
}

impl WideColumns {
    /// Columns for the features that most index rows have: at most so many states and statistics, and every other one.
    pub fn choose(plan: &Plan, n_index_rows: &[u64], windows: &[FeatureWindow], max_features: usize) -> WideColumns {
        let count = |place: usize| n_index_rows.get(place).copied().unwrap_or_default();
        let is_small = |kind| !matches!(kind, FeatureKind::State | FeatureKind::Statistic(_));
        let features = || plan.features.iter().enumerate();
        let mut ranked: Vec<usize> =
            features().filter(|(place, f)| !is_small(f.kind) && count(*place) > 0).map(|(place, _)| place).collect();
        ranked.sort_by_key(|&place| (std::cmp::Reverse(count(place)), place));
        ranked.truncate(max_features);
        ranked.sort_unstable();
        let (mut columns, mut of_feature) = (Vec::new(), Vec::with_capacity(plan.features.len()));
        for (place, feature) in features() {
            let start = columns.len();
            let is_wanted = ranked.binary_search(&place).is_ok() || (is_small(feature.kind) && count(place) > 0);
            for (window, part) in if is_wanted { parts(feature.kind, windows) } else { Vec::new() } {
                let at = window.map_or(String::new(), |window: FeatureWindow| format!("@{window}"));
                let name = format!("{}{at}{}", feature.name, part.suffix());
                columns.push(WideColumn { name, window, part });
            }
            of_feature.push(start..columns.len());
        }
        WideColumns { columns, of_feature }
    }

    /// The columns of a feature.
    pub fn of_feature(&self, feature: u32) -> &[WideColumn] {
        self.range(feature).and_then(|range| self.columns.get(range)).unwrap_or_default()
    }

    fn range(&self, feature: u32) -> Option<std::ops::Range<usize>> {
        self.of_feature.get(feature as usize).cloned()
    }
}

/// The columns of a feature: a state's whole history only in the widest window.
fn parts(kind: FeatureKind, windows: &[FeatureWindow]) -> Vec<(Option<FeatureWindow>, Part)> {
    let every = |part: Part| windows.iter().map(move |&window| (Some(window), part));
    match kind {
        FeatureKind::Patient => vec![(None, Part::Value)],
        FeatureKind::Notes | FeatureKind::Section | FeatureKind::Statistic(_) => every(Part::Value).collect(),
        FeatureKind::State => {
            let widest = windows.last().copied();
            let more = [Part::Count, Part::Carried, Part::DaysSinceFirst, Part::DaysSinceLast];
            every(Part::State).chain(more.map(|part| (widest, part))).collect()
        }
    }
}

/// Labels of index rows: numbers where all of them are.
pub(super) enum Labels {
    None,
    Numbers,
    Texts,
}

/// Index rows as a frame.
///
/// # Errors
/// None that rows can cause.
pub(super) fn frame(indexed: &[IndexedRows<'_>], labels: &Labels, wide: &WideColumns) -> Result<DataFrame> {
    let n_rows = indexed.len();
    // No value is NaN, so that it can stand for null in half the memory of an option.
    let mut cells = vec![vec![f64::NAN; n_rows]; wide.columns.len()];
    for (place, index) in indexed.iter().enumerate() {
        for row in &index.rows {
            let Some(range) = wide.range(row.feature) else { continue };
            for (column, cells) in
                wide.columns.get(range.clone()).into_iter().flatten().zip(cells.get_mut(range).into_iter().flatten())
            {
                if column.window == row.window
                    && let Some(cell) = cells.get_mut(place)
                {
                    *cell = column.part.of(row, index.index_time).unwrap_or(f64::NAN);
                }
            }
        }
    }
    let ids = indexed.iter().map(|index| index.patient_id);
    let mut columns: Vec<Column> = vec![
        StringChunked::from_iter_values("patient_id".into(), ids).into_column(),
        times("index_time", indexed.iter().map(|index| Some(index.index_time)))?,
    ];
    match labels {
        Labels::None => {}
        Labels::Numbers => {
            let numbers = indexed.iter().map(|index| index.label.and_then(number));
            columns.push(Float64Chunked::from_iter_options("label".into(), numbers).into_column());
        }
        Labels::Texts => {
            columns.push(
                StringChunked::from_iter_options("label".into(), indexed.iter().map(|index| index.label)).into_column(),
            );
        }
    }
    for (column, cells) in wide.columns.iter().zip(cells) {
        let name = column.name.as_str().into();
        let cells = cells.into_iter().map(|cell| Some(cell).filter(|cell| !cell.is_nan()));
        columns.push(match column.part {
            Part::Value => Float64Chunked::from_iter_options(name, cells).into_column(),
            _ => Float32Chunked::from_iter_options(name, cells.map(|cell| cell.map(|cell| cell as f32))).into_column(),
        });
    }
    DataFrame::new(n_rows, columns).map_err(|error| Error::internal(format!("rows of wide: {error}")))
}

/// A label as a number; `true` is 1 and `false` 0.
pub(super) fn number(label: &str) -> Option<f64> {
    match label {
        "true" | "True" | "TRUE" => Some(1.0),
        "false" | "False" | "FALSE" => Some(0.0),
        _ => label.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}
