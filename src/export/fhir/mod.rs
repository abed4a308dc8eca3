//! FHIR R4: a transaction Bundle a note, one a line.
//!
//! A bundle holds the note as a DocumentReference, a resource for each row, and a Provenance. Its requests are updates under
//! stable identifiers, so that a bundle that is posted again changes nothing. Patients and encounters are referred to and not
//! sent: a server's own are never overwritten. Offsets are code points of the attachment's text.

mod document;
mod resource;
mod systems;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::axes::Axes;
use super::ledger::Table;
use super::{Exporting, Written};
use crate::past_run::{NoteRowStream, NoteRows, NoteTexts, PastRun, Row};
use crate::write::folder::RUN_FILE;
use crate::{Error, Result};

use document::{Document, local};

/// The file of bundles.
const BUNDLES: &str = "bundles.ndjson";

/// How a run is exported to FHIR.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FhirOptions {
    /// What is stated as there is `confirmed`, and observations are `final`; else `unconfirmed` and `preliminary`.
    pub confirmed: bool,
    /// DocumentReferences hold no text.
    pub without_text: bool,
    /// The offset of the clocks by which notes were timed.
    pub utc_offset: UtcOffset,
    /// When the rows were made, for Provenance; by default, when the description of the run was written.
    pub recorded: Option<Instant>,
    /// The server's address, to which identifiers are relative.
    pub base_url: String,
}

impl Default for FhirOptions {
    fn default() -> FhirOptions {
        FhirOptions {
            confirmed: false,
            without_text: false,
            utc_offset: UtcOffset::default(),
            recorded: None,
            base_url: "http://example.org/fhir".to_owned(),
        }
    }
}

/// An offset from UTC as FHIR writes it: `Z` or `+01:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UtcOffset(String);

impl Default for UtcOffset {
    fn default() -> UtcOffset {
        UtcOffset("Z".to_owned())
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UtcOffset {
    type Err = String;

    fn from_str(text: &str) -> Result<UtcOffset, String> {
        let is_offset = || {
            let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
            let is_number = |part: &str, limit: u8| part.len() == 2 && part.parse::<u8>().is_ok_and(|n| n <= limit);
            (is_number(hours, 14) && is_number(minutes, 59)).then_some(())
        };
        if text == "Z" || is_offset().is_some() {
            return Ok(UtcOffset(text.to_owned()));
        }
        Err(format!("expected Z or an offset such as +01:00, found {text:?}"))
    }
}

/// A point in time as FHIR writes it: `2026-01-31T12:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant(String);

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Instant, String> {
        let time: Timestamp =
            text.parse().map_err(|_| format!("expected an instant such as 2026-01-31T12:00:00Z, found {text:?}"))?;
        Ok(Instant(time.to_string()))
    }
}

impl Instant {
    /// When a run ended, to the second; of a run that does not say, when its description was written.
    fn of_run(run: &PastRun) -> Result<Instant> {
        if let Some(ended) = run.description().timings.ended.as_deref().and_then(|ended| ended.parse().ok()) {
            return Ok(ended);
        }
        let path = run.folder().join(RUN_FILE);
        let written = std::fs::metadata(&path).and_then(|file| file.modified());
        let written = written.map_err(|error| Error::io("reading", &path, error))?;
        let time = Timestamp::try_from(written).ok().and_then(|time| Timestamp::from_second(time.as_second()).ok());
        Ok(Instant(time.unwrap_or_default().to_string()))
    }
}

/// Writes a bundle for each annotated note.
pub(super) fn export(exporting: &mut Exporting<'_>, options: &FhirOptions) -> Result<Written> {
    let path = exporting.folder.join(BUNDLES);
    let mut file = BufWriter::new(File::create(&path).map_err(|error| Error::io("creating", &path, error))?);
    let writing = |error: std::io::Error| Error::io("writing", &path, error);
    let recorded = options.recorded.clone().map_or_else(|| Instant::of_run(exporting.run), Ok)?;
    let mut written = Written::new();
    let mut texts = NoteTexts::open(exporting.run, &exporting.options.notes)?;
    let mut stream = NoteRowStream::open(exporting.run)?;
    while let Some(rows) = stream.next()? {
        if exporting.ledger.lose_without_text(&rows) {
            continue;
        }
        let Some(document) = Document::of(&rows, options, &recorded.0) else {
            exporting.ledger.lose_note(&rows, "no_patient")?;
            continue;
        };
        let text = if options.without_text { None } else { Some(texts.note(&rows.note)?.text) };
        let resources = resources(exporting, &document, &rows, text.as_deref());
        for resource in &resources {
            *written.entry(kind_of(resource)).or_default() += 1;
        }
        serde_json::to_writer(&mut file, &bundle(resources, options)).map_err(|error| writing(error.into()))?;
        file.write_all(b"\n").map_err(writing)?;
        *written.entry("bundles").or_default() += 1;
    }
    let file = file.into_inner().map_err(|error| writing(error.into_error()))?;
    file.sync_all().map_err(writing)?;
    Ok(written)
}

/// The resources of a note: itself, its rows, and where they come from.
fn resources(
    exporting: &mut Exporting<'_>,
    document: &Document<'_>,
    rows: &NoteRows,
    text: Option<&str>,
) -> Vec<Value> {
    type Make = fn(&Document<'_>, &Row, Axes) -> Result<Value, &'static str>;
    let tables: [(Table, &[Row], Make); 3] = [
        (Table::Mentions, &rows.mentions, resource::of_mention),
        (Table::Measurements, &rows.measurements, resource::of_measurement),
        (Table::Facts, &rows.facts, resource::of_fact),
    ];
    let mut derived = Vec::new();
    let mut ids = BTreeSet::new();
    for (table, of_table, make) in tables {
        for row in of_table {
            let made = make(document, row, Axes::of(row, exporting.options.profile));
            // A bundle may update a resource once.
            let made =
                made.and_then(|resource| if ids.insert(local(&resource)) { Ok(resource) } else { Err("same_id") });
            exporting.ledger.count(table, made.as_ref().map(|_| ()).map_err(|reason| *reason));
            derived.extend(made);
        }
    }
    exporting.ledger.write(Table::Notes);
    let program = format!("noteward {}", exporting.run.description().version);
    let provenance = (!derived.is_empty()).then(|| document.provenance(&derived, &program));
    std::iter::once(document.resource(text)).chain(derived).chain(provenance).collect()
}

fn bundle(resources: Vec<Value>, options: &FhirOptions) -> Value {
    let base = options.base_url.trim_end_matches('/');
    let entries = resources.into_iter().map(|resource| {
        let url = local(&resource);
        json!({
            "fullUrl": format!("{base}/{url}"),
            "resource": resource,
            "request": { "method": "PUT", "url": url },
        })
    });
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries.collect::<Vec<_>>() })
}

fn kind_of(resource: &Value) -> &'static str {
    match resource.get("resourceType").and_then(Value::as_str) {
        Some("DocumentReference") => "DocumentReference",
        Some("Condition") => "Condition",
        Some("FamilyMemberHistory") => "FamilyMemberHistory",
        Some("Provenance") => "Provenance",
        _ => "Observation",
    }
}
