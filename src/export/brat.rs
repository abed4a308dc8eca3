//! BRAT standoff: the text of a note and its annotations, for people who review in BRAT.
//!
//! Offsets are code points, as BRAT counts them. A span over a line break is written in fragments, since BRAT draws line by
//! line. Axes are attributes, where they are not the default; codes and values are notes of annotators.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::axes::Axes;
use super::ledger::Table;
use super::{Exporting, Written};
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::past_run::{NoteRowStream, NoteRows, NoteTexts, Row};
use crate::{Error, Result};

/// The types of annotations and their attributes, as BRAT wants to know them.
const ANNOTATION_CONF: &str = "\
[entities]
Symptom
Finding
Diagnosis
Measurement
Procedure
Drug
Device
Behaviour
State
Demographic

[relations]

[events]

[attributes]
Presence\tArg:<ENTITY>, Value:Absent|Possible
Temporality\tArg:<ENTITY>, Value:Historical|Hypothetical
Experiencer\tArg:<ENTITY>, Value:Family|Other
";

/// The folder of the notes, and the list that says which file is which note.
const DOCUMENTS: &str = "documents";
const INDEX: &str = "documents.csv";

/// The longest name made of an identifier.
const MAX_NAME: usize = 100;

/// Writes a text and its annotations for each annotated note.
pub(super) fn export(exporting: &mut Exporting<'_>) -> Result<Written> {
    let documents = exporting.folder.join(DOCUMENTS);
    fs::create_dir(&documents).map_err(|error| Error::io("creating", &documents, error))?;
    write(&exporting.folder.join("annotation.conf"), ANNOTATION_CONF)?;
    let index = exporting.folder.join(INDEX);
    let listing = |error: csv::Error| Error::io("writing", &index, std::io::Error::other(error));
    let mut list = csv::Writer::from_path(&index).map_err(listing)?;
    list.write_record(["document", "note_id", "patient_id"]).map_err(listing)?;
    let mut names = FileNames::default();
    let mut n_spans = 0;
    let mut texts = NoteTexts::open(exporting.run, &exporting.options.notes)?;
    let mut stream = NoteRowStream::open(exporting.run)?;
    while let Some(rows) = stream.next()? {
        if exporting.ledger.lose_without_text(&rows) {
            continue;
        }
        let text = texts.note(&rows.note)?.text;
        let name = names.of(rows.id());
        let annotations = annotations(exporting, &rows, &text)?;
        write(&documents.join(format!("{name}.txt")), &text)?;
        write(&documents.join(format!("{name}.ann")), &annotations.lines)?;
        list.write_record([&name, rows.id(), rows.note.text("patient_id").unwrap_or_default()]).map_err(listing)?;
        exporting.ledger.write(Table::Notes);
        n_spans += annotations.n_spans;
    }
    list.flush().map_err(|error| Error::io("writing", &index, error))?;
    Ok(Written::from([("documents", exporting.ledger.n_written(Table::Notes)), ("annotations", n_spans)]))
}

/// The annotations of a note, as they are written.
#[derive(Default)]
struct Annotations {
    lines: String,
    n_spans: u64,
    n_attributes: u64,
}

fn annotations(exporting: &mut Exporting<'_>, rows: &NoteRows, text: &str) -> Result<Annotations> {
    let mut annotations = Annotations::default();
    let tables =
        [(Table::Mentions, &rows.mentions), (Table::Measurements, &rows.measurements), (Table::Facts, &rows.facts)];
    for (table, rows) in tables {
        for row in rows {
            let axes = Axes::of(row, exporting.options.profile);
            let kind = if table == Table::Measurements { "measurement" } else { row.text("type").unwrap_or_default() };
            annotations.push(row, kind, axes, text).ok_or_else(|| {
                let id = row.text("note_id").unwrap_or_default();
                Error::input(exporting.run.folder(), format!("a row of note {id:?} has no place within its text"))
            })?;
            exporting.ledger.write(table);
        }
    }
    Ok(annotations)
}

impl Annotations {
    /// Adds a row; `None` where it has no place in the text.
    fn push(&mut self, row: &Row, kind: &str, axes: Axes, text: &str) -> Option<()> {
        let byte = |column: &str| row.number(column).and_then(|byte| usize::try_from(byte).ok());
        let span = byte("start_byte")?..byte("end_byte")?;
        let words = text.get(span)?;
        let start = usize::try_from(row.number("start")?).ok()?;
        self.n_spans += 1;
        let number = self.n_spans;
        let fragments = fragments(words, start);
        let places: Vec<String> = fragments.iter().map(|(start, end, _)| format!("{start} {end}")).collect();
        let words: Vec<&str> = fragments.iter().map(|(_, _, words)| *words).collect();
        let lines = &mut self.lines;
        // Writing into a string cannot fail.
        let _ = writeln!(lines, "T{number}\t{} {}\t{}", capitalised(kind), places.join(";"), words.join(" "));
        for (axis, value) in attributes(axes) {
            self.n_attributes += 1;
            let _ = writeln!(lines, "A{}\t{axis} T{number} {value}", self.n_attributes);
        }
        if let Some(note) = note_of(row) {
            let _ = writeln!(lines, "#{number}\tAnnotatorNotes T{number}\t{note}");
        }
        Some(())
    }
}

/// The values that are not the default.
fn attributes(axes: Axes) -> impl Iterator<Item = (&'static str, &'static str)> {
    let presence = match axes.presence {
        Presence::Present => None,
        Presence::Absent => Some("Absent"),
        Presence::Possible => Some("Possible"),
    };
    let temporality = match axes.temporality {
        Temporality::Current => None,
        Temporality::Historical => Some("Historical"),
        Temporality::Hypothetical => Some("Hypothetical"),
    };
    let experiencer = match axes.experiencer {
        Experiencer::Patient => None,
        Experiencer::Family => Some("Family"),
        Experiencer::Other => Some("Other"),
    };
    let axes = [("Presence", presence), ("Temporality", temporality), ("Experiencer", experiencer)];
    axes.into_iter().filter_map(|(axis, value)| value.map(|value| (axis, value)))
}

/// Code, concept and value of a row.
fn note_of(row: &Row) -> Option<String> {
    let icd = row.text("icd10cm").map(|code| format!("ICD10CM:{code}"));
    let loinc = row.text("loinc").map(|code| format!("LOINC:{code}"));
    let concept = row.text("concept_name").or_else(|| row.text("concept_id")).or_else(|| row.text("name"));
    let number = row.decimal("value").map(|value| value.to_string());
    let comparator = row.text("comparator").filter(|_| number.is_some());
    let value = number.map(|number| format!("{}{number}", comparator.unwrap_or_default()));
    let unit = row.text("unit").filter(|_| value.is_some());
    let parts = [icd.as_deref(), loinc.as_deref(), concept, value.as_deref(), unit];
    let note: Vec<&str> = parts.into_iter().flatten().collect();
    (!note.is_empty()).then(|| note.join(" ").replace(['\n', '\r', '\t'], " "))
}

/// The parts of a span that stand on one line each, from code point to code point, without the white space at their ends.
fn fragments(words: &str, start: usize) -> Vec<(usize, usize, &str)> {
    let mut fragments = Vec::new();
    let mut at = start;
    for line in words.split_inclusive(['\n', '\r']) {
        let trimmed = line.trim();
        let before = line.chars().take_while(|character| character.is_whitespace()).count();
        if !trimmed.is_empty() {
            fragments.push((at + before, at + before + trimmed.chars().count(), trimmed));
        }
        at += line.chars().count();
    }
    fragments
}

fn capitalised(kind: &str) -> String {
    let mut characters = kind.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Names of files, made of identifiers: the same for the same run, and different on any file system.
#[derive(Default)]
struct FileNames {
    taken: HashSet<String>,
}

impl FileNames {
    /// The identifier, where it is a safe name that is free; else what is safe of it, and a hash.
    fn of(&mut self, id: &str) -> String {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name: String = id.chars().map(|c| if is_safe(c) { c } else { '_' }).take(MAX_NAME).collect();
        let is_free = name == id && !id.is_empty() && !id.starts_with('.') && self.take(&name);
        if is_free {
            return name;
        }
        let hash = blake3::hash(id.as_bytes()).to_hex();
        let name = format!("{}-{}", name.trim_start_matches('.'), hash.get(..16).unwrap_or_default());
        self.take(&name);
        name
    }

    /// Whether no file has the name, in any case of its letters; it is taken from there on.
    fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_ascii_lowercase())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Error::io("writing", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_over_lines_is_written_in_fragments() {
        assert_eq!(fragments("chest pain", 5), [(5, 15, "chest pain")]);
        assert_eq!(fragments("brüsk\r\n  pain", 0), [(0, 5, "brüsk"), (9, 13, "pain")]);
    }

    #[test]
    fn names_are_safe_and_different() {
        let mut names = FileNames::default();
        let made = ["N1", "n1", "a/b", "a_b", ".hidden", "..", ""].map(|id| names.of(id));
        assert_eq!((made[0].as_str(), made[3].as_str()), ("N1", "a_b"));
        let folded: HashSet<String> = made.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), made.len());
        assert!(made.iter().all(|name| !name.starts_with('.') && !name.contains('/')), "{made:?}");
    }
}
