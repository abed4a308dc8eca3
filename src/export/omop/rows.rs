//! The rows of a note: one of NOTE, one of NOTE_NLP for each row of the run, and one of MEASUREMENT for each value that the
//! patient had at a known time.
//!
//! What a term's modifiers mean follows the field list: negated, of another person, or conditional is not so; a row of
//! MEASUREMENT names the row of NOTE_NLP that it came from as its event.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::columns::{Cell, MEASUREMENT, NOTE, NOTE_NLP, TableRows};
use super::concepts::{Concepts, Mapped, UNMAPPED};
use super::snippet::snippet;
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::export::Profile;
use crate::export::axes::Axes;
use crate::past_run::{NoteRows, Row};
use crate::{Error, Result};

/// UTF-8, the one encoding that has a concept.
pub(super) const UTF8_CONCEPT: i32 = 32678;
/// NLP, as provenance of a record.
pub(super) const NLP_CONCEPT: i32 = 32858;
/// The system of concepts that stand for noteward's own names, such as `drug.anticoagulant`.
const OWN: &str = "noteward";
/// The concept of the field that a measurement's event is: a code of the vocabulary `CDM`.
const EVENT_FIELD: (&str, &str) = ("CDM", "note_nlp.note_nlp_id");
/// Comparators and their concepts.
const OPERATORS: [(&str, i32); 4] = [("<", 4_171_756), ("<=", 4_171_754), (">", 4_172_704), (">=", 4_171_755)];

/// A note as the integers and times that OMOP wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoteKeys {
    pub note: i32,
    pub person: i32,
    pub visit: Option<i32>,
    /// Microseconds since 1970-01-01T00:00:00.
    pub time: i64,
}

/// When the notes were processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Processed {
    /// Days since 1970-01-01.
    pub date: i32,
    /// Microseconds since 1970-01-01T00:00:00, where it is known that well.
    pub time: Option<i64>,
}

/// What is the same in all rows.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub profile: Profile,
    pub note_type: i32,
    pub language: i32,
    pub system: String,
    pub processed: Processed,
    pub has_snippets: bool,
    pub has_measurements: bool,
}

/// How many values of a kind have a concept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// With a concept of the mapping.
    pub mapped: u64,
    /// With concept 0.
    pub unmapped: u64,
}

/// Makes rows.
pub(super) struct RowMaker<'a> {
    settings: &'a Settings,
    concepts: &'a Concepts,
    pub note: TableRows,
    pub note_nlp: TableRows,
    pub measurement: TableRows,
    next_nlp: i32,
    next_measurement: i32,
    /// How many codes of each kind have a concept.
    pub coverage: BTreeMap<&'static str, Coverage>,
    /// Why measurements of the run are no rows of MEASUREMENT.
    pub not_measured: BTreeMap<&'static str, u64>,
    /// Texts that held the character 0, which no database stores; the replacement character stands in its place.
    pub n_with_nul: u64,
}

impl<'a> RowMaker<'a> {
    pub fn new(settings: &'a Settings, concepts: &'a Concepts) -> RowMaker<'a> {
        RowMaker {
            settings,
            concepts,
            note: TableRows::new(&NOTE),
            note_nlp: TableRows::new(&NOTE_NLP),
            measurement: TableRows::new(&MEASUREMENT),
            next_nlp: 1,
            next_measurement: 1,
            coverage: BTreeMap::new(),
            not_measured: BTreeMap::new(),
            n_with_nul: 0,
        }
    }

    /// Rows from here on are numbered from 1 again.
    pub fn restart(&mut self) {
        (self.next_nlp, self.next_measurement) = (1, 1);
    }

    /// Adds the row of a note.
    pub fn push_note(&mut self, rows: &NoteRows, keys: &NoteKeys, text: &str) {
        let kind = rows.note.text("note_type");
        let class = kind.map(|kind| self.concepts.find("note_class", kind));
        let class = class.map(|mapped| self.standard("note_class", mapped)).unwrap_or(UNMAPPED);
        self.n_with_nul += u64::from(text.contains('\0'));
        self.note.push(&[
            ("note_id", Cell::Integer(keys.note)),
            ("person_id", Cell::Integer(keys.person)),
            ("note_date", Cell::Date(day(keys.time))),
            ("note_datetime", Cell::Datetime(keys.time)),
            ("note_type_concept_id", Cell::Integer(self.settings.note_type)),
            ("note_class_concept_id", Cell::Integer(class)),
            ("note_title", kind.into()),
            ("note_text", Cell::Text(&text.replace('\0', "\u{FFFD}"))),
            ("encoding_concept_id", Cell::Integer(UTF8_CONCEPT)),
            ("language_concept_id", Cell::Integer(self.settings.language)),
            ("visit_occurrence_id", keys.visit.into()),
            ("note_source_value", kind.into()),
        ]);
    }

    /// Adds the rows of what was found in a note. The text is needed for snippets only.
    pub fn push_terms(&mut self, rows: &NoteRows, keys: &NoteKeys, text: Option<&str>) -> Result<()> {
        for row in rows.mentions.iter().chain(&rows.facts) {
            let mapped = self.concept_of(row);
            self.push_term(row, keys, text, mapped)?;
        }
        for row in &rows.measurements {
            let mapped = self.measurement_concept(row);
            let term = self.push_term(row, keys, text, mapped)?;
            if self.settings.has_measurements {
                match measured_at(row, keys, self.settings.profile) {
                    Ok(time) => self.push_measurement(row, keys, time, term, mapped)?,
                    Err(reason) => *self.not_measured.entry(reason).or_default() += 1,
                }
            }
        }
        Ok(())
    }

    /// Adds a row of NOTE_NLP; gives its number.
    fn push_term(&mut self, row: &Row, keys: &NoteKeys, text: Option<&str>, mapped: Option<Mapped>) -> Result<i32> {
        let number = next(&mut self.next_nlp, "note_nlp_id")?;
        let stated = Axes::of(row, Profile::Own);
        let section = row.text("section").map(|section| self.concepts.find("section", section));
        let section = section.map(|mapped| self.standard("section", mapped));
        let concept = self.standard("note_nlp", mapped);
        let source = mapped.map_or(UNMAPPED, |mapped| mapped.source);
        let words = row.text("text").or_else(|| row.text("value_text")).unwrap_or_default();
        let snippet = text.filter(|_| self.settings.has_snippets).and_then(|text| snippet(text, row));
        let Processed { date, time } = self.settings.processed;
        let past = if stated.temporality == Temporality::Historical { "past" } else { "present" };
        self.note_nlp.push(&[
            ("note_nlp_id", Cell::Integer(number)),
            ("note_id", Cell::Integer(keys.note)),
            ("section_concept_id", section.into()),
            ("snippet", snippet.as_deref().into()),
            ("offset", row.number("start").map(|start| start.to_string()).as_deref().into()),
            ("lexical_variant", Cell::Text(&words.replace('\0', "\u{FFFD}"))),
            ("note_nlp_concept_id", Cell::Integer(concept)),
            ("note_nlp_source_concept_id", Cell::Integer(source)),
            ("nlp_system", Cell::Text(&self.settings.system)),
            ("nlp_date", Cell::Date(date)),
            ("nlp_datetime", time.map_or(Cell::Null, Cell::Datetime)),
            ("term_exists", exists(Axes::of(row, self.settings.profile)).into()),
            ("term_temporal", Cell::Text(past)),
            ("term_modifiers", Cell::Text(&modifiers(row, stated))),
        ]);
        Ok(number)
    }

    fn push_measurement(
        &mut self,
        row: &Row,
        keys: &NoteKeys,
        time: i64,
        term: i32,
        mapped: Option<Mapped>,
    ) -> Result<()> {
        let number = next(&mut self.next_measurement, "measurement_id")?;
        let concept = self.standard("measurement", mapped);
        let unit = row.text("unit");
        let unit_concept = unit.map(|unit| self.concepts.find("UCUM", unit));
        let unit_concept = unit_concept.map(|mapped| self.standard("unit", mapped));
        let value = row.decimal("value");
        let words = row.text("value_text");
        // A result in words, such as `negative`.
        let result = words.filter(|_| value.is_none()).map(|words| self.concepts.find("result", &words.to_lowercase()));
        let result = result.map(|mapped| self.standard("result", mapped));
        let comparator = row.text("comparator");
        let operator = comparator.and_then(|sign| OPERATORS.iter().find(|(known, _)| *known == sign));
        let event_field = self.event_field();
        self.measurement.push(&[
            ("measurement_id", Cell::Integer(number)),
            ("person_id", Cell::Integer(keys.person)),
            ("measurement_concept_id", Cell::Integer(concept)),
            ("measurement_date", Cell::Date(day(time))),
            ("measurement_datetime", Cell::Datetime(time)),
            ("measurement_type_concept_id", Cell::Integer(NLP_CONCEPT)),
            ("operator_concept_id", operator.map(|(_, concept)| *concept).into()),
            ("value_as_number", value.into()),
            ("value_as_concept_id", result.into()),
            ("unit_concept_id", unit_concept.into()),
            ("visit_occurrence_id", keys.visit.into()),
            ("measurement_source_value", row.text("loinc").or_else(|| row.text("name")).into()),
            ("measurement_source_concept_id", Cell::Integer(mapped.map_or(UNMAPPED, Mapped::own))),
            ("unit_source_value", unit.into()),
            ("value_source_value", words.into()),
            ("measurement_event_id", Cell::Integer(term)),
            ("meas_event_field_concept_id", Cell::Integer(event_field)),
        ]);
        Ok(())
    }

    /// The concept of the field that events of measurements are.
    pub fn event_field(&self) -> i32 {
        self.concepts.find(EVENT_FIELD.0, EVENT_FIELD.1).map_or(UNMAPPED, Mapped::own)
    }

    /// The concepts of a mention or a fact: of its ICD-10-CM code, else of the first of its other codes that has any, else of
    /// its own concept or the class that holds it.
    fn concept_of(&self, row: &Row) -> Option<Mapped> {
        let icd = row.text("icd10cm").and_then(|code| self.concepts.find("ICD10CM", code));
        let others = row.text("codes").unwrap_or_default().split(';').filter_map(|code| code.trim().split_once(':'));
        let mut others = others.filter_map(|(system, code)| self.concepts.find(system, code));
        let own = || row.text("concept_id").and_then(|id| self.concepts.find_path(OWN, id));
        icd.or_else(|| others.next()).or_else(own)
    }

    fn measurement_concept(&self, row: &Row) -> Option<Mapped> {
        let loinc = row.text("loinc").and_then(|code| self.concepts.find("LOINC", code));
        loinc.or_else(|| row.text("name").and_then(|name| self.concepts.find(OWN, name)))
    }

    /// The standard concept, counted.
    fn standard(&mut self, what: &'static str, mapped: Option<Mapped>) -> i32 {
        let concept = mapped.map_or(UNMAPPED, |mapped| mapped.standard);
        let coverage = self.coverage.entry(what).or_default();
        *(if concept == UNMAPPED { &mut coverage.unmapped } else { &mut coverage.mapped }) += 1;
        concept
    }
}

fn next(number: &mut i32, column: &str) -> Result<i32> {
    let this = *number;
    *number = this.checked_add(1).ok_or_else(|| {
        Error::config(format!(
            "{column}: OMOP's integers end at {}; export the run in parts (annotate fewer notes)",
            i32::MAX
        ))
    })?;
    Ok(this)
}

/// When a value was measured, where it is a measurement of the patient: at the time that is stated beside it, else when the
/// note was written.
fn measured_at(row: &Row, keys: &NoteKeys, profile: Profile) -> Result<i64, &'static str> {
    let axes = Axes::of(row, profile);
    let stated = row.time("taken_at");
    match axes {
        Axes { experiencer: Experiencer::Family | Experiencer::Other, .. } => Err("other_person"),
        Axes { temporality: Temporality::Hypothetical, .. } => Err("hypothetical"),
        Axes { presence: Presence::Absent, .. } => Err("denied"),
        Axes { presence: Presence::Possible, .. } => Err("possible"),
        _ if row.flag("plausible") == Some(false) => Err("implausible"),
        Axes { temporality: Temporality::Historical, .. } => stated.ok_or("historical_without_time"),
        // The value that a trend began with was measured at some earlier time.
        _ if row.text("trend") == Some("from") => stated.ok_or("earlier_without_time"),
        _ => Ok(stated.unwrap_or(keys.time)),
    }
}

/// Whether the patient has or had it; `None` where that is possible.
fn exists(axes: Axes) -> Option<&'static str> {
    match axes {
        Axes { experiencer: Experiencer::Family | Experiencer::Other, .. } => Some("N"),
        Axes { temporality: Temporality::Hypothetical, .. } => Some("N"),
        Axes { presence: Presence::Absent, .. } => Some("N"),
        Axes { presence: Presence::Possible, .. } => None,
        Axes { presence: Presence::Present, .. } => Some("Y"),
    }
}

/// What the row says of its term, as `Name=value` joined by commas.
fn modifiers(row: &Row, axes: Axes) -> String {
    let is = |condition: bool| if condition { "true" } else { "false" };
    let subject = match axes.experiencer {
        Experiencer::Patient => "patient",
        Experiencer::Family => "family",
        Experiencer::Other => "other",
    };
    let mut modifiers = format!(
        "Negation={},Subject={subject},Conditional={},Uncertain={},History={}",
        is(axes.presence == Presence::Absent),
        is(axes.temporality == Temporality::Hypothetical),
        if axes.presence == Presence::Possible { "moderate" } else { "false" },
        is(axes.temporality == Temporality::Historical),
    );
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            // Writing into a string cannot fail.
            let _ = write!(modifiers, ",{name}={}", value.replace(',', " "));
        }
    };
    let number = |column: &str| row.decimal(column).map(|number| number.to_string());
    add("Type", row.text("type").or_else(|| row.text("name").map(|_| "measurement")));
    add("Section", row.text("section"));
    add("Code", row.text("icd10cm").map(|code| format!("ICD10CM:{code}")).as_deref());
    add("Code", row.text("loinc").map(|code| format!("LOINC:{code}")).as_deref());
    add("Concept", row.text("concept_id").or_else(|| row.text("name")));
    add("Comparator", row.text("comparator"));
    add("Value", number("value").as_deref());
    add("Unit", row.text("unit"));
    add("End", row.number("end").map(|end| end.to_string()).as_deref());
    add("Row", row.text("mention_id").or_else(|| row.text("measurement_id")));
    modifiers
}

/// The day of a time.
fn day(time: i64) -> i32 {
    const MICROSECONDS: i64 = 86_400_000_000;
    i32::try_from(time.div_euclid(MICROSECONDS)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_patients_does_not_exist() {
        let plain = Axes::default();
        let check = |axes: Axes, expected: Option<&str>| assert_eq!(exists(axes), expected, "{axes:?}");
        check(plain, Some("Y"));
        check(Axes { temporality: Temporality::Historical, ..plain }, Some("Y"));
        check(Axes { presence: Presence::Possible, ..plain }, None);
        check(Axes { presence: Presence::Absent, ..plain }, Some("N"));
        check(Axes { temporality: Temporality::Hypothetical, ..plain }, Some("N"));
        check(Axes { experiencer: Experiencer::Family, ..plain }, Some("N"));
        check(Axes { experiencer: Experiencer::Family, presence: Presence::Possible, ..plain }, Some("N"));
    }

    #[test]
    fn days_begin_at_midnight_also_before_1970() {
        assert_eq!((day(0), day(86_399_999_999), day(-1)), (0, 0, -1));
    }
}
