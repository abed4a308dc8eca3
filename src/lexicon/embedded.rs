//! The tables under `lexicons/` that the program carries.

use super::TableSource;

macro_rules! tables {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../lexicons/", $name)))),*]
    };
}

/// Every embedded table that is not a table of concepts.
const TABLES: &[(&str, &str)] = &tables![
    "abbreviations.tsv",
    "chronic.tsv",
    "compositions.tsv",
    "cues.tsv",
    "exclusions.tsv",
    "facts/after.tsv",
    "facts/behaviour.tsv",
    "facts/cues.tsv",
    "facts/devices.tsv",
    "facts/drugs.tsv",
    "facts/lasting.tsv",
    "facts/procedures.tsv",
    "facts/section-priors.tsv",
    "facts/states.tsv",
    "facts/words.tsv",
    "inflections.tsv",
    "laterality.tsv",
    "measurement-groups.tsv",
    "measurement-words.tsv",
    "measurements.tsv",
    "modifiers.tsv",
    "qualifiers.tsv",
    "section-kinds.tsv",
    "section-priors.tsv",
    "sections.tsv",
    "senses.tsv",
    "spelling.tsv",
    "units.tsv",
];

/// Those of [`TABLES`] that hold concepts of facts.
const FACTS: [&str; 5] =
    ["facts/behaviour.tsv", "facts/devices.tsv", "facts/drugs.tsv", "facts/procedures.tsv", "facts/states.tsv"];

/// The tables by which terminologies are compiled.
const TERMINOLOGY_TABLES: &[(&str, &str)] =
    &tables!["code-systems.tsv", "dropped-forms.tsv", "terminology-types.tsv", "title-rewrites.tsv",];

/// The tables by which patient features are made of a run.
const FEATURE_TABLES: &[(&str, &str)] = &tables!["groups.tsv", "note-kinds.tsv", "section-holds.tsv"];
/// The tables of reports, and of the checks of imaging reports.
const REPORT_TABLES: &[(&str, &str)] = &tables![
    "icd10cm-chapters.tsv",
    "quality/checks.tsv",
    "quality/critical.tsv",
    "quality/groups.tsv",
    "quality/organs.tsv",
    "quality/phrases.tsv",
    "quality/section-roles.tsv",
    "quality/sites.tsv",
];

/// Every embedded table of concepts.
const CONCEPTS: &[(&str, &str)] = &tables![
    "concepts/cardiology.tsv",
    "concepts/chest-imaging.tsv",
    "concepts/dermatology.tsv",
    "concepts/endocrinology.tsv",
    "concepts/ent.tsv",
    "concepts/gastroenterology.tsv",
    "concepts/general.tsv",
    "concepts/genitourinary.tsv",
    "concepts/hematology.tsv",
    "concepts/infectious.tsv",
    "concepts/injury.tsv",
    "concepts/musculoskeletal.tsv",
    "concepts/neurology.tsv",
    "concepts/obgyn.tsv",
    "concepts/oncology.tsv",
    "concepts/ophthalmology.tsv",
    "concepts/pediatrics.tsv",
    "concepts/psychiatry.tsv",
    "concepts/pulmonology.tsv",
    "concepts/vascular.tsv",
];

/// The tables of concepts, compiled when the program was built.
pub(super) const IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lexicon.image"));

fn source((name, text): &(&str, &str)) -> TableSource {
    TableSource { name: format!("embedded {name}"), text: (*text).to_owned() }
}

/// The tables of concepts.
pub(crate) fn concepts() -> Vec<TableSource> {
    CONCEPTS.iter().map(source).collect()
}

/// The names of the tables of concepts of facts, which a folder of rules may replace.
pub(crate) fn fact_tables() -> impl Iterator<Item = &'static str> {
    FACTS.into_iter()
}

/// The texts of the tables of concepts.
pub(crate) fn concept_texts() -> impl Iterator<Item = &'static str> {
    CONCEPTS.iter().map(|(_, text)| *text)
}

/// A table by its name under `lexicons/`; an empty one where there is none.
pub(crate) fn table(name: &str) -> TableSource {
    let mut tables = TABLES.iter().chain(TERMINOLOGY_TABLES).chain(FEATURE_TABLES).chain(REPORT_TABLES);
    debug_assert!(tables.clone().any(|table| table.0 == name), "{name}");
    tables.find(|table| table.0 == name).map(source).unwrap_or(TableSource { name: name.into(), text: "".into() })
}

/// The names of the tables that a folder of rules may replace.
pub(crate) fn rule_tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.0)
}
