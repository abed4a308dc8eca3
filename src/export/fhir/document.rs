//! What the resources of a bundle share: the note as a DocumentReference, the way back to it, and the Provenance.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use super::FhirOptions;
use crate::past_run::{NoteRows, Row};
use crate::read::{ENCOUNTER_SYSTEM, NOTE_SYSTEM, PATIENT_SYSTEM};

/// A note on its way to a bundle.
pub(super) struct Document<'a> {
    pub options: &'a FhirOptions,
    /// When its rows were made.
    recorded: &'a str,
    pub note: &'a Row,
    pub id: String,
    pub patient: Value,
    pub encounter: Option<Value>,
    pub date: Option<String>,
}

impl<'a> Document<'a> {
    /// The document of a note; `None` where nobody is named whom it is about.
    pub fn of(rows: &'a NoteRows, options: &'a FhirOptions, recorded: &'a str) -> Option<Document<'a>> {
        let note = &rows.note;
        let patient = reference("Patient", note.text("patient_id")?, PATIENT_SYSTEM);
        let encounter = note.text("encounter_id").map(|id| reference("Encounter", id, ENCOUNTER_SYSTEM));
        let date = note.time("note_time").and_then(|time| instant(time, options));
        Some(Document { options, recorded, note, id: resource_id(rows.id()), patient, encounter, date })
    }

    /// The DocumentReference, with the text where it is wanted.
    pub fn resource(&self, text: Option<&str>) -> Value {
        let mut attachment = json!({ "contentType": "text/plain; charset=utf-8" });
        if let Some(text) = text {
            attachment["data"] = STANDARD.encode(text).into();
            attachment["size"] = text.len().into();
        }
        let mut resource = json!({
            "resourceType": "DocumentReference",
            "id": self.id,
            "identifier": [{ "system": NOTE_SYSTEM, "value": self.note.text("note_id") }],
            "status": "current",
            "subject": self.patient,
            "content": [{ "attachment": attachment }],
        });
        set(&mut resource, "date", self.date.clone());
        set(&mut resource, "type", self.note.text("note_type").map(|kind| json!({ "text": kind })));
        set(&mut resource, "author", self.note.text("author").map(|author| json!([{ "display": author }])));
        set(&mut resource, "context", self.encounter.as_ref().map(|encounter| json!({ "encounter": [encounter] })));
        resource
    }

    /// A resource that a row of the note makes, with the span it was read from; `null` values are left out.
    pub fn derived(&self, kind: &str, id: &str, row: &Row, fields: Value) -> Value {
        let number = |column: &str| row.number(column).unwrap_or_default();
        let (start, end) = (number("start"), number("end"));
        let mut resource = Map::new();
        resource.insert("resourceType".to_owned(), kind.into());
        resource.insert("id".to_owned(), resource_id(id).into());
        let span = json!([
            { "url": "reference", "valueReference": { "reference": format!("DocumentReference/{}", self.id) } },
            { "url": "path", "valueString": "DocumentReference.content[0].attachment.data" },
            { "url": "offset", "valueInteger": start },
            { "url": "length", "valueInteger": end.saturating_sub(start) },
        ]);
        let derivation = "http://hl7.org/fhir/StructureDefinition/derivation-reference";
        resource.insert("extension".to_owned(), json!([{ "url": derivation, "extension": span }]));
        if let Value::Object(fields) = fields {
            resource.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Value::Object(resource)
    }

    /// The Provenance of resources that were derived from the note.
    pub fn provenance(&self, derived: &[Value], program: &str) -> Value {
        let targets = derived.iter().map(|resource| json!({ "reference": local(resource) }));
        json!({
            "resourceType": "Provenance",
            "id": format!("p-{}", hash(&self.id)),
            "target": targets.collect::<Vec<_>>(),
            "recorded": self.recorded,
            "activity": { "text": "information extracted from the text of a note" },
            "agent": [{
                "type": super::systems::concept(
                    "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                    "assembler",
                ),
                "who": { "type": "Device", "display": program },
            }],
            "entity": [{
                "role": "source",
                "what": { "reference": format!("DocumentReference/{}", self.id) },
            }],
        })
    }
}

/// Sets a field that has a value.
fn set(resource: &mut Value, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        resource[field] = value.into();
    }
}

/// How a resource is referred to.
pub(super) fn local(resource: &Value) -> String {
    let field = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", field("resourceType"), field("id"))
}

/// A reference to a resource that the bundle does not hold, with the identifier as the run has it.
fn reference(kind: &str, id: &str, system: &str) -> Value {
    let reference = format!("{kind}/{}", resource_id(id));
    json!({ "reference": reference, "identifier": { "system": system, "value": id } })
}

/// An identifier as FHIR allows it: itself, or a hash of it.
fn resource_id(id: &str) -> String {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if (1..=64).contains(&id.len()) && id.bytes().all(is_allowed) { id.to_owned() } else { format!("h-{}", hash(id)) }
}

fn hash(id: &str) -> String {
    blake3::hash(id.as_bytes()).to_hex().chars().take(32).collect()
}

/// A time of a run, at the offset that holds for its clocks.
pub(super) fn instant(time: i64, options: &FhirOptions) -> Option<String> {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let clock = epoch.checked_add(SignedDuration::from_micros(time)).ok()?;
    Some(format!("{clock}{}", options.utc_offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_identifiers_are_as_fhir_wants_them() {
        let options = FhirOptions { utc_offset: "+01:00".parse().unwrap(), ..FhirOptions::default() };
        assert_eq!(instant(1_740_925_200_000_000, &options).as_deref(), Some("2025-03-02T14:20:00+01:00"));
        assert_eq!(instant(500_000, &FhirOptions::default()).as_deref(), Some("1970-01-01T00:00:00.5Z"));
        assert_eq!(resource_id("N0101"), "N0101");
        assert_eq!(resource_id("notes.csv#3").len(), 34);
        assert_ne!(resource_id("a b"), resource_id("a_b"));
    }
}
