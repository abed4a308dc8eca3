//! The codes of events, each with its description and its parents.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::assertion::{Experiencer, Presence, Temporality};
use crate::export::axes::Axes;
use crate::past_run::Row;

/// Index of a code in [`Codes`].
pub(super) type CodeNumber = u32;

/// What `codes.parquet` says of a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    pub code: String,
    pub description: String,
    pub parents: BTreeSet<String>,
}

/// Every code that an event has.
#[derive(Default)]
pub(super) struct Codes {
    numbers: FxHashMap<String, CodeNumber>,
    codes: Vec<Code>,
}

impl Codes {
    /// The number of a code. Its description is the first one; parents come together.
    pub fn number(&mut self, code: Code) -> CodeNumber {
        if let Some(&number) = self.numbers.get(&code.code) {
            if let Some(known) = self.codes.get_mut(number as usize) {
                known.parents.extend(code.parents);
            }
            return number;
        }
        let number = self.codes.len() as CodeNumber;
        self.numbers.insert(code.code.clone(), number);
        self.codes.push(code);
        number
    }

    /// The code of a number.
    pub fn name(&self, number: CodeNumber) -> &str {
        self.codes.get(number as usize).map_or("", |code| code.code.as_str())
    }

    /// Every code, in order.
    pub fn sorted(&self) -> Vec<&Code> {
        let mut codes: Vec<&Code> = self.codes.iter().collect();
        codes.sort_by(|a, b| a.code.cmp(&b.code));
        codes
    }
}

/// The code of a mention: `ICD10CM//I50.9//present`; where it has no ICD-10-CM code, its first other code, or its concept.
pub(super) fn of_mention(row: &Row, axes: Axes) -> Option<Code> {
    let others: Vec<(&str, &str)> = row
        .text("codes")
        .into_iter()
        .flat_map(|codes| codes.split(';'))
        .filter_map(|code| code.split_once(':'))
        .collect();
    let icd = row.text("icd10cm").map(|code| ("ICD10CM", code));
    let own = row.text("concept_id").map(|concept| ("NOTEWARD", concept));
    let (vocabulary, code) = icd.or_else(|| others.first().copied()).or(own)?;
    let suffix = suffix(axes);
    let mut parents = BTreeSet::new();
    let category = code.split('.').next().filter(|category| icd.is_some() && *category != code);
    parents.extend(category.map(|category| format!("{vocabulary}//{category}{suffix}")));
    // Parents without an assertion are for what is there: a roll-up must not take a denial for the disease.
    if axes.is_plain() {
        let ontology = icd.into_iter().chain(others);
        parents.extend(ontology.map(|(vocabulary, code)| format!("{vocabulary}/{code}")));
        parents.extend(category.map(|category| format!("{vocabulary}/{category}")));
    }
    let name = row.text("concept_name").unwrap_or(code);
    Some(Code { code: format!("{vocabulary}//{code}{suffix}"), description: described(name, axes), parents })
}

/// The code of a fact: `NOTEWARD//drug.anticoagulant.warfarin//present`, whose parents are the classes of its path.
pub(super) fn of_fact(row: &Row, axes: Axes) -> Option<Code> {
    let path = row.text("concept_id")?;
    let suffix = suffix(axes);
    let classes = path.match_indices('.').filter_map(|(end, _)| path.get(..end));
    let parents = classes.map(|class| format!("NOTEWARD//{class}{suffix}")).collect();
    let unit = row.text("unit").map(|unit| format!(", in {unit}")).unwrap_or_default();
    let description = format!("{}{unit}", described(row.text("concept_name").unwrap_or(path), axes));
    Some(Code { code: format!("NOTEWARD//{path}{suffix}"), description, parents })
}

/// The code of a measurement: `LOINC//8867-4` where it is a plain value of the patient, and more behind it where it is not.
pub(super) fn of_measurement(row: &Row, axes: Axes) -> Option<Code> {
    let name = row.text("name")?;
    let base = row.text("loinc").map_or_else(|| format!("NOTEWARD//{name}"), |code| format!("LOINC//{code}"));
    let mut parts = if axes.is_plain() { String::new() } else { suffix(axes) };
    // `to` is the value that holds; the others are of another time, or bounds.
    if let Some(trend) = row.text("trend").filter(|trend| *trend != "to") {
        parts.push_str("//");
        parts.push_str(trend);
    }
    if row.flag("plausible") == Some(false) {
        parts.push_str("//implausible");
    }
    let unit = row.text("unit").map(|unit| format!(", in {unit}")).unwrap_or_default();
    let words = parts.replace("//", ", ");
    let description = format!("{}{words}{unit}", name.replace('_', " "));
    let parents =
        row.text("loinc").filter(|_| parts.is_empty()).map(|code| format!("LOINC/{code}")).into_iter().collect();
    Some(Code { code: format!("{base}{parts}"), description, parents })
}

/// The code of a note itself.
pub(super) fn of_note(note_type: Option<&str>) -> Code {
    let kind = note_type.unwrap_or("unknown");
    let description = format!("A note: {kind}");
    Code { code: format!("NOTE//{kind}"), description, parents: BTreeSet::from(["NOTE".to_owned()]) }
}

/// The code of what is known of a subject.
pub(super) fn of_subject(code: &str, description: &str) -> Code {
    Code { code: code.to_owned(), description: description.to_owned(), parents: BTreeSet::new() }
}

/// The assertion as parts of a code: the presence always, the other axes where they are not the default.
fn suffix(axes: Axes) -> String {
    words(axes).map(|word| format!("//{word}")).collect()
}

fn described(name: &str, axes: Axes) -> String {
    format!("{name}: {}", words(axes).collect::<Vec<_>>().join(", "))
}

fn words(axes: Axes) -> impl Iterator<Item = &'static str> {
    debug_assert!(Presence::default() == Presence::Present);
    let temporality = (axes.temporality != Temporality::Current).then(|| axes.temporality.name());
    let experiencer = (axes.experiencer != Experiencer::Patient).then(|| axes.experiencer.name());
    [Some(axes.presence.name()), temporality, experiencer].into_iter().flatten()
}
