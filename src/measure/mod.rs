//! Measurements: vital signs, laboratory values, ejection fractions and sizes of lesions, as notes state them.
//!
//! Names, units, ranges and the words around values are rows of tables. A sentence is cut into items once; a name reads on to
//! its value, a number that belongs to no name is looked at by itself. Total, linear in the text, and silent where it is not
//! sure: a number in an unknown unit, out of every range of its name, or part of a date or dose is no value.

mod before;
mod convert;
mod lex;
mod moment;
mod named;
mod read;
mod scores;
mod sizes;
mod tables;
mod together;

use std::ops::Range;

use crate::document::{Document, Sentence};
use crate::measurement::{Measurement, MeasurementIndex, MeasurementKind, MeasurementRule, MeasurementWord, UnitIndex};
use crate::token::{Gap, Token};
use crate::{Assertion, Result, Temporality};
use lex::{Item, ItemKind};
use moment::Moment;
use read::{Fluid, Found, Reader};
use tables::{Role, Tables};

pub(crate) use tables::MeasureTables;

/// Most tokens of a heading that are read with the sentence after it.
const MAX_HEADING: usize = 10;

/// Finds the values that notes state.
#[derive(Clone, Debug)]
pub struct Measurer {
    tables: Tables,
}

/// What a sentence leaves to the ones after it.
#[derive(Default)]
struct Carried {
    /// The section whose heading said it.
    section: Option<u32>,
    fluid: Fluid,
    /// Dates of the columns of a table.
    columns: Vec<Moment>,
    /// What the sentence before gave a size to.
    head: Option<u16>,
}

/// A value with its sentence.
struct Placed {
    found: Found,
    sentence: u32,
}

impl Measurer {
    /// Reads the tables.
    pub(crate) fn new(sources: &MeasureTables<'_>) -> Result<Measurer> {
        Ok(Measurer { tables: Tables::parse(sources)? })
    }

    /// The values of a note, in the order of the text, with the assertion of a statement that nothing else qualifies: those
    /// that are wanted, feared or asked for are hypothetical, and those that are the patient's usual ones historical.
    pub fn measure(&self, document: &Document) -> Vec<Measurement> {
        let mut placed: Vec<Placed> = Vec::new();
        let mut carried = Carried::default();
        let mut end = 0;
        let mut previous = 0..0;
        for (index, sentence) in document.sentences().iter().enumerate() {
            let heading = heading_before(end, sentence);
            end = sentence.end_token as usize;
            let found = self.read(document, sentence, heading, previous, &mut carried);
            previous = sentence.tokens();
            placed.extend(found.into_iter().map(|found| Placed { found, sentence: index as u32 }));
        }
        drop_unsupported(&mut placed);
        placed.sort_by_key(|placed| (placed.found.span, placed.found.kind));
        placed.dedup_by_key(|placed| (placed.found.span, placed.found.kind));
        let time = document.note().meta.time;
        placed.iter().filter_map(|placed| self.measurement(placed, time)).collect()
    }

    /// What the tables know of a measurement.
    pub fn kind(&self, kind: MeasurementIndex) -> Option<MeasurementKind<'_>> {
        self.tables.kinds.get(usize::from(kind.0)).map(described)
    }

    /// Every measurement of the tables.
    pub fn kinds(&self) -> impl Iterator<Item = MeasurementKind<'_>> {
        self.tables.kinds.iter().map(described)
    }

    /// A unit in UCUM.
    pub fn unit(&self, unit: UnitIndex) -> Option<&str> {
        self.tables.units.get(usize::from(unit.0)).map(|unit| unit.ucum.as_str())
    }

    /// A normalised word.
    pub fn word(&self, word: MeasurementWord) -> Option<&str> {
        self.tables.values.get(usize::from(word.0)).map(String::as_str)
    }

    /// The name of a rule, such as `heart_rate:pulse`.
    pub fn rule_name(&self, rule: MeasurementRule) -> &str {
        self.tables.rules.get(rule.0 as usize).map_or("", String::as_str)
    }

    /// Every word that the tables know, as keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> {
        self.tables.keys()
    }

    /// The values of a sentence, with the heading before it; `previous` is the sentence before.
    fn read(
        &self,
        document: &Document,
        sentence: &Sentence,
        heading: Range<usize>,
        previous: Range<usize>,
        carried: &mut Carried,
    ) -> Vec<Found> {
        let text = document.text();
        if carried.section != sentence.section {
            *carried = Carried { section: sentence.section, ..Carried::default() };
        }
        let tokens = document.tokens().get(heading.start..sentence.end_token as usize).unwrap_or(&[]);
        let first = tokens.first().map_or(0, |token| token.span.start());
        let stated = text.get(first..sentence.span.end()).unwrap_or("");
        if !has_digit(stated) && !tokens.iter().any(|token| self.tables.begins_result(token.stem)) {
            let heading = tokens.get(..heading.len()).unwrap_or(&[]);
            carried.fluid = self.fluid_of(text, heading).unwrap_or(carried.fluid);
            carried.head = None;
            return Vec::new();
        }
        let items = lex::items(&self.tables, text, tokens);
        let columns = columns(&self.tables, &items);
        if let Some(columns) = columns {
            carried.columns = columns;
            return Vec::new();
        }
        let mut reader = Reader {
            tables: &self.tables,
            text,
            items: &items,
            columns: &carried.columns,
            fluid: carried.fluid,
            target: None,
            used: vec![false; items.len()],
            found: Vec::new(),
            before: document.tokens().get(previous).unwrap_or(&[]),
            head: carried.head,
        };
        let heading_end = tokens.get(heading.len()).map_or(first, |token| token.span.start());
        let mut said = carried.fluid;
        let mut at = 0;
        while let Some(item) = items.get(at) {
            reader.note_role(at);
            if item.span.end() <= heading_end {
                said = reader.fluid;
            }
            at = reader.step(at).unwrap_or(at + 1).max(at + 1);
        }
        let after_heading = items.partition_point(|item| item.span.start() < heading_end);
        if let Some((moment, next)) = reader.leading_moment(after_heading) {
            reader.give_moment(moment, next);
        }
        let (found, head) = (std::mem::take(&mut reader.found), reader.head);
        carried.fluid = said;
        carried.head = head.filter(|&head| found.iter().any(|found| found.kind == head));
        found
    }

    /// The fluid that a heading names.
    fn fluid_of(&self, text: &str, heading: &[Token]) -> Option<Fluid> {
        (0..heading.len()).rev().find_map(|index| {
            let (_, entry) = self.tables.longest(text, heading.get(index..)?)?;
            let entry = self.tables.entries.get(entry as usize)?;
            if entry.has(Role::OtherSpecimen) {
                return Some(Fluid::Other);
            }
            entry.has(Role::Urine).then_some(Fluid::Urine)
        })
    }

    fn measurement(&self, placed: &Placed, time: Option<crate::NoteTime>) -> Option<Measurement> {
        let found = &placed.found;
        let kind = self.tables.kinds.get(usize::from(found.kind))?;
        let temporality = match found {
            Found { target: true, .. } => Temporality::Hypothetical,
            Found { usual: true, .. } => Temporality::Historical,
            _ => Temporality::Current,
        };
        Some(Measurement {
            kind: MeasurementIndex(found.kind),
            span: found.span,
            statement: found.statement,
            value: found.value.map(rounded),
            comparator: found.comparator,
            stated_value: found.stated.map(rounded),
            stated_unit: found.unit.map(UnitIndex),
            plausible: found.value.is_none_or(|value| kind.is_plausible(value)),
            assertion: Assertion { temporality, ..Assertion::default() },
            trend: found.trend,
            taken_at: found.moment.and_then(|moment| moment.resolve(time)),
            site: found.site.map(MeasurementWord),
            laterality: found.side.map(MeasurementWord),
            method: found.method.map(MeasurementWord),
            sentence: placed.sentence,
            rule: MeasurementRule(found.rule),
        })
    }
}

impl Reader<'_> {
    /// Takes note of what an item says of those after it.
    fn note_role(&mut self, at: usize) {
        if self.is(at, ';') {
            self.target = None;
            self.fluid = Fluid::Unsaid;
            return;
        }
        let Some(entry) = self.entry(at) else { return };
        if entry.has(Role::OtherSpecimen) {
            self.fluid = Fluid::Other;
        } else if entry.has(Role::Urine) {
            self.fluid = Fluid::Urine;
        } else if entry.has(Role::Blood) {
            self.fluid = Fluid::Unsaid;
        }
        if entry.has(Role::Target) && !entry.has(Role::Not) {
            self.target.get_or_insert(at);
        }
    }

    /// Reads what begins at an item; gives the item after it.
    fn step(&mut self, at: usize) -> Option<usize> {
        let item = self.item(at)?;
        if self.used.get(at).copied().unwrap_or(true) {
            return None;
        }
        match item.kind {
            ItemKind::Phrase(_) if self.has(at, Role::Not) => None,
            ItemKind::Phrase(_) => {
                let grouped = self.group(at);
                grouped.or_else(|| self.named(at)).or_else(|| self.result_before(at))
            }
            ItemKind::Number { .. } => self.before(at),
            _ => None,
        }
    }
}

fn described(kind: &tables::Kind) -> MeasurementKind<'_> {
    MeasurementKind { name: &kind.name, loinc: kind.loinc.as_deref(), unit: kind.unit.as_deref() }
}

/// Whether a text holds a digit; block by block without a way out inside, which the compiler makes wide instructions of.
fn has_digit(text: &str) -> bool {
    text.as_bytes().chunks(64).any(|block| block.iter().fold(false, |found, byte| found | byte.is_ascii_digit()))
}

/// A number without the noise of its conversion: twelve significant digits.
fn rounded(value: f64) -> f64 {
    // A whole number of so many digits has no noise.
    if value.fract() == 0.0 && value.abs() < 1e12 {
        return value;
    }
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// The tokens from the heading of a sentence on, where one stands right before it and belongs to no other sentence.
fn heading_before(end: usize, sentence: &Sentence) -> Range<usize> {
    let first = sentence.first_token as usize;
    let start = end.max(first.saturating_sub(MAX_HEADING)).min(first);
    start..first
}

/// The dates of a line that holds nothing else: the columns of a table.
fn columns(tables: &Tables, items: &[Item]) -> Option<Vec<Moment>> {
    let mut moments = Vec::new();
    let mut at = 0;
    while let Some(item) = items.get(at) {
        let whole = |index: usize| items.get(index).and_then(Item::number);
        match item.kind {
            ItemKind::Moment(moment) if moment.day.is_some() => {
                moments.push(moment);
                at += 1;
            }
            ItemKind::Moment(moment) => {
                let last = moments.last_mut()?;
                *last = Moment::with(*last, moment);
                at += 1;
            }
            ItemKind::Number { .. }
                if items.get(at + 1).is_some_and(|slash| slash.is('/') && slash.before == Gap::None) =>
            {
                moments.push(Moment::month_day(whole(at)?, whole(at + 2)?)?);
                at += 3;
            }
            ItemKind::Mark(_) => at += 1,
            ItemKind::Phrase(_) if item.has(tables, Role::When) || item.has(tables, Role::Blood) => at += 1,
            ItemKind::Other if at == 0 => at += 1,
            _ => return None,
        }
    }
    (moments.len() >= 2).then_some(moments)
}

/// Drops single letters with whole numbers that nothing beside them supports: another value in their sentence, or, after a
/// colon, one in the sentence next to it.
fn drop_unsupported(placed: &mut Vec<Placed>) {
    let supports: Vec<(u32, u16, bool, bool)> = placed
        .iter()
        .map(|placed| (placed.sentence, placed.found.kind, placed.found.weak, placed.found.separated))
        .collect();
    let mut index = 0usize;
    placed.retain(|this| {
        let here = index;
        index += 1;
        if !this.found.weak {
            return true;
        }
        let near = supports.get(here.saturating_sub(24)..(here + 25).min(supports.len())).unwrap_or(&[]);
        near.iter().any(|&(sentence, kind, _, separated)| {
            let apart = sentence.abs_diff(this.sentence);
            kind != this.found.kind && (apart == 0 || apart == 1 && this.found.separated && separated)
        })
    });
}
