//! Marked notes: the gold standard, and predictions in its form or as a run.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, RecordBatch, StringArray};
use serde::Deserialize;

use super::AXES;
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::mention::MentionType;
use crate::read::run_table;
use crate::write::mentions;
use crate::{Error, Result, Span};

/// A note with its marked mentions. `Debug` is left out: it holds text.
pub(super) struct MarkedNote {
    pub id: String,
    pub text: String,
    pub note_type: Option<String>,
    pub mentions: Vec<MarkedMention>,
}

/// A marked mention; offsets in code points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MarkedMention {
    pub start: u32,
    pub end: u32,
    pub kind: String,
    pub axes: [bool; AXES.len()],
    /// Empty where there is none.
    pub code: String,
    /// The rules that decided its assertion, as `mentions` has them; empty where none did, or none is known.
    pub rule: String,
}

#[derive(Deserialize)]
struct RawNote {
    id: String,
    #[serde(default)]
    text: String,
    #[serde(alias = "note_type")]
    category: Option<String>,
    entities: Vec<RawMention>,
}

#[derive(Deserialize)]
struct RawMention {
    start: u32,
    end: u32,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    negated: bool,
    #[serde(default)]
    possible: bool,
    #[serde(default)]
    historical: bool,
    #[serde(default)]
    hypothetical: bool,
    #[serde(default)]
    other_experiencer: bool,
    code: Option<String>,
}

impl From<RawMention> for MarkedMention {
    fn from(raw: RawMention) -> MarkedMention {
        MarkedMention {
            start: raw.start,
            end: raw.end,
            kind: raw.kind,
            axes: [raw.negated, raw.possible, raw.historical, raw.hypothetical, raw.other_experiencer],
            code: raw.code.unwrap_or_default(),
            rule: String::new(),
        }
    }
}

impl MarkedMention {
    pub fn mention_type(&self) -> Option<MentionType> {
        MentionType::from_name(&self.kind)
    }

    /// The values of presence, temporality and experiencer that the axes come to.
    pub fn values(&self) -> [&'static str; 3] {
        let [negated, possible, historical, hypothetical, is_others] = self.axes;
        let chosen = |first: bool, second: bool, names: [&'static str; 3]| match (first, second) {
            (true, _) => names[0],
            (false, true) => names[1],
            (false, false) => names[2],
        };
        [
            chosen(negated, possible, ["absent", "possible", "present"]),
            chosen(historical, hypothetical, ["historical", "hypothetical", "current"]),
            chosen(is_others, false, ["other", "other", "patient"]),
        ]
    }

    /// The axes in words: `absent, historical`, or `present`.
    pub fn assertion(&self) -> String {
        let set = AXES.iter().zip(self.axes).filter(|(_, is_set)| *is_set);
        let names: Vec<&str> = set.map(|(name, _)| *name).collect();
        if names.is_empty() { "present".to_owned() } else { names.join(", ") }
    }
}

impl MarkedNote {
    /// The byte before which each code point stands, and the end.
    pub fn byte_offsets(&self) -> Vec<usize> {
        let ends = std::iter::once(self.text.len());
        self.text.char_indices().map(|(byte, _)| byte).chain(ends).collect()
    }

    /// The mentions' spans in bytes; empty where they lie outside the text.
    pub fn byte_spans(&self) -> Vec<Span> {
        let bytes = self.byte_offsets();
        let byte = |point: u32| bytes.get(point as usize).copied().unwrap_or(self.text.len());
        let spans = self.mentions.iter().map(|mention| Span::new(&self.text, byte(mention.start)..byte(mention.end)));
        spans.map(Option::unwrap_or_default).collect()
    }

    /// The words under a mention.
    pub fn words(&self, mention: &MarkedMention) -> String {
        self.points(mention.start, mention.end)
    }

    /// The mention in brackets, with some words around it.
    pub fn context(&self, mention: &MarkedMention) -> String {
        const AROUND: u32 = 50;
        let before = self.points(mention.start.saturating_sub(AROUND), mention.start);
        let after = self.points(mention.end, mention.end.saturating_add(AROUND));
        let line = format!("{before}[{}]{after}", self.words(mention));
        line.replace(['\n', '\r', '\t'], " ")
    }

    fn points(&self, start: u32, end: u32) -> String {
        self.text.chars().skip(start as usize).take(end.saturating_sub(start) as usize).collect()
    }
}

/// Reads the gold standard: one JSON object a line.
///
/// # Errors
/// The file cannot be read, or a line is not in this form.
pub(super) fn gold(path: &Path) -> Result<Vec<MarkedNote>> {
    let file = std::fs::File::open(path).map_err(|error| Error::io("opening", path, error))?;
    let mut notes = Vec::new();
    for (index, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| Error::io("reading", path, error))?;
        if line.trim().is_empty() {
            continue;
        }
        let raw: RawNote = serde_json::from_str(&line).map_err(|error| {
            let expected = "a note as JSON: id, text, entities [{start, end, type, negated, possible, historical, \
                            hypothetical, other_experiencer, code}]";
            // serde's message may quote a value, which may be text of a note.
            let place = format!("line {}, column {}", index + 1, error.column());
            Error::input(path, format!("{place}: expected {expected}"))
        })?;
        let mentions = raw.entities.into_iter().map(MarkedMention::from).collect();
        notes.push(MarkedNote { id: raw.id, text: raw.text, note_type: raw.category, mentions });
    }
    Ok(notes)
}

/// Reads a prediction: a run, or a file in the form of the gold standard.
pub(super) fn predicted(path: &Path) -> Result<HashMap<String, Vec<MarkedMention>>> {
    if !path.is_dir() {
        return Ok(gold(path)?.into_iter().map(|note| (note.id, note.mentions)).collect());
    }
    let mut notes: HashMap<String, Vec<MarkedMention>> = HashMap::new();
    let columns = ["note_id", "start", "end", "type", "presence", "temporality", "experiencer", "icd10cm", "rule"];
    run_table::read(path, "mentions", &mentions::schema(), &columns, |batch| {
        let bad = |name: &str| Error::input(path, format!("mentions: column {name} is missing or of another type"));
        let text = |name: &str| {
            batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>()).ok_or_else(|| bad(name))
        };
        let number = |name: &str| {
            batch
                .column_by_name(name)
                .and_then(|column| column.as_primitive_opt::<UInt32Type>())
                .ok_or_else(|| bad(name))
        };
        let (ids, starts, ends, kinds) = (text("note_id")?, number("start")?, number("end")?, text("type")?);
        let (presences, times, persons) = (text("presence")?, text("temporality")?, text("experiencer")?);
        let (codes, rules) = (text("icd10cm")?, text("rule")?);
        for row in 0..batch.num_rows() {
            let axes = [
                presences.value(row) == Presence::Absent.name(),
                presences.value(row) == Presence::Possible.name(),
                times.value(row) == Temporality::Historical.name(),
                times.value(row) == Temporality::Hypothetical.name(),
                persons.value(row) != Experiencer::Patient.name(),
            ];
            let optional = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
            notes.entry(ids.value(row).to_owned()).or_default().push(MarkedMention {
                start: starts.value(row),
                end: ends.value(row),
                kind: kinds.value(row).to_owned(),
                axes,
                code: optional(codes).unwrap_or_default(),
                rule: optional(rules).unwrap_or_default(),
            });
        }
        Ok(())
    })?;
    add_notes_without_mentions(path, &mut notes)?;
    Ok(notes)
}

/// A note that the run annotated without finding anything is not missing.
fn add_notes_without_mentions(run: &Path, notes: &mut HashMap<String, Vec<MarkedMention>>) -> Result<()> {
    let kept: Vec<String> = Vec::new();
    run_table::read(run, "notes", &crate::write::notes::schema(&kept), &["note_id"], |batch: &RecordBatch| {
        let ids = batch.column_by_name("note_id").and_then(|column| column.as_string_opt::<i32>());
        for id in ids.into_iter().flat_map(|ids| ids.iter().flatten()) {
            notes.entry(id.to_owned()).or_default();
        }
        Ok(())
    })
}
