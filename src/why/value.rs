//! How a value was read: the words that name it, its unit, what it was converted by, and the range that is plausible.

use serde::Serialize;

use super::tables::{self, TableRow, spells};
use crate::pipeline::{MeasurementExplanation, Pipeline, Resources};
use crate::write::code_points::CodePoints;

const MEASUREMENTS: &str = "measurements.tsv";

/// How a value was read.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct ReadingTold {
    /// The rule, as in the column `rule`.
    pub rule: String,
    /// First code point of the statement: the words that name the value, and the value.
    pub start: u32,
    /// One past its last code point.
    pub end: u32,
    /// The words of the statement.
    pub text: String,
    /// The column of the row of the measurement that lists the form by which it was read: `forms`, `weak` or `after`.
    pub form_in: Option<&'static str>,
    /// The row by which it was read, where that is not the measurement's own: of values stated together, or of a unit that
    /// no other measurement has.
    pub read_by: Option<TableRow>,
    /// The row of the measurement.
    pub row: Option<TableRow>,
    /// The unit of the number, and how it was known.
    pub unit: Option<UnitTold>,
    /// Values that a living patient may have, as the row states them; `None` where it states none.
    pub plausible: Option<String>,
}

/// The unit in which a number was taken.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct UnitTold {
    /// The unit in UCUM.
    pub ucum: String,
    /// The row of its spelling, where the note states it.
    pub row: Option<TableRow>,
    /// Where it does not: the range of numbers that are taken in this unit.
    pub taken_within: Option<String>,
    /// What is taken from the number before it is multiplied.
    pub offset: f64,
    /// What makes it one in the canonical unit.
    pub factor: f64,
}

impl ReadingTold {
    /// Of a value that is explained.
    pub(super) fn of(
        own: &MeasurementExplanation,
        pipeline: &Pipeline,
        resources: &Resources,
        points: &CodePoints<'_>,
    ) -> Option<ReadingTold> {
        let measurement = &own.measurement;
        let kind = pipeline.measurement_kind(measurement.kind)?;
        let text = own.note.document.text();
        let rule = pipeline.measurement_rule(measurement.rule);
        let row = tables::row_of(resources, MEASUREMENTS, |row| row.cell("name") == kind.name);
        let form = rule.split_once(':').map_or("", |(_, form)| form);
        let lists = |column: &&str| row.as_ref().is_some_and(|row| row.cell(column).split('|').any(|own| own == form));
        let form_in = ["forms", "weak", "after"].into_iter().find(lists);
        let read_by = match rule.split_once(':') {
            Some(("group", form)) => tables::row_of(resources, "measurement-groups.tsv", |row| {
                let shown = if row.cell("forms") == "-" { row.cell("layout") } else { row.cell("forms") };
                let names: Vec<&str> = row.cell("names").split('+').collect();
                shown.split('|').next() == Some(form) && names.contains(&kind.name)
            }),
            _ if form_in.is_none() => tables::row_of(resources, "units.tsv", |row| {
                row.cell("spelling") == form && row.cell("implies") == kind.name
            }),
            _ => None,
        };
        let stated = measurement.stated_unit.and_then(|unit| pipeline.measurement_unit(unit));
        let unit = row.as_ref().zip(measurement.stated_value).and_then(|(row, number)| {
            let value_text = measurement.span.of(text);
            UnitTold::of(row, number, stated, value_text, resources)
        });
        let statement = measurement.statement;
        Some(ReadingTold {
            rule: rule.to_owned(),
            start: points.before(statement.start()),
            end: points.before(statement.end()),
            text: statement.of(text).to_owned(),
            form_in,
            read_by,
            plausible: row.as_ref().map(|row| row.cell("plausible").to_owned()).filter(|range| range != "-"),
            row,
            unit,
        })
    }
}

impl UnitTold {
    /// Of a number with the unit that is stated beside it, or the one that the row gives to such numbers.
    fn of(
        row: &TableRow,
        number: f64,
        stated: Option<&str>,
        value_text: &str,
        resources: &Resources,
    ) -> Option<UnitTold> {
        let bare = row.cell("bare").split(';').filter_map(|part| part.split_once('='));
        let mut holding = bare.filter(|(range, _)| holds(range, number));
        let (ucum, taken_within) = match stated {
            Some(stated) => (stated, None),
            None => holding.next().map(|(range, unit)| (unit, Some(range.to_owned())))?,
        };
        let conversion = row.cell("units").split(';').find_map(|part| {
            let (unit, factor) = part.rsplit_once('=')?;
            (unit == ucum).then_some(factor)
        })?;
        let (factor, offset) = conversion.split_once('@').unwrap_or((conversion, "0"));
        let words = value_text.trim_start_matches(|c: char| !c.is_alphabetic() && !"%\"'#/".contains(c));
        let spelled =
            |row: &crate::lexicon::table::NamedRow<'_>| row.cell("ucum") == ucum && spells(row.cell("spelling"), words);
        Some(UnitTold {
            ucum: ucum.to_owned(),
            row: stated.and_then(|_| tables::row_of(resources, "units.tsv", spelled)),
            taken_within,
            offset: offset.parse().ok()?,
            factor: factor.parse().ok()?,
        })
    }
}

/// Whether a range `low..high` of a table holds a number.
fn holds(range: &str, number: f64) -> bool {
    let ends = range.split_once("..").and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    ends.is_some_and(|(low, high): (f64, f64)| (low..=high).contains(&number))
}
