//! FHIR R4 DocumentReference as a note: the first plain-text attachment that holds its data. A Bundle is the note of its one
//! DocumentReference.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::columns::Field;
use super::{Fields, RawText};

/// Identifiers as a run has them, in resources that `export` writes.
pub(crate) const NOTE_SYSTEM: &str = "urn:noteward:note";
pub(crate) const PATIENT_SYSTEM: &str = "urn:noteward:patient";
pub(crate) const ENCOUNTER_SYSTEM: &str = "urn:noteward:encounter";

/// The fields of a resource; `None` where it is no resource that may be a note.
pub(super) fn note(resource: &Map<String, Value>, n_kept: usize) -> Option<Result<Fields, String>> {
    match resource.get("resourceType").and_then(Value::as_str)? {
        "DocumentReference" => Some(document_reference(resource, n_kept)),
        "Bundle" => Some(bundle(resource).and_then(|document| document_reference(document, n_kept))),
        _ => None,
    }
}

/// The one DocumentReference of a bundle.
fn bundle(resource: &Map<String, Value>) -> Result<&Map<String, Value>, String> {
    let entries = resource.get("entry").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let resources = entries.iter().filter_map(|entry| entry.get("resource").and_then(Value::as_object));
    let is_document = |resource: &&Map<String, Value>| {
        resource.get("resourceType").and_then(Value::as_str) == Some("DocumentReference")
    };
    let documents: Vec<&Map<String, Value>> = resources.filter(is_document).collect();
    match documents.as_slice() {
        [document] => Ok(document),
        documents => Err(format!("Bundle with {} DocumentReferences: expected one", documents.len())),
    }
}

/// The value of an identifier of a system, in an identifier or a list of them.
fn identified(identifiers: Option<&Value>, system: &str) -> Option<String> {
    let identifiers = identifiers?;
    let all = identifiers.as_array().map_or(std::slice::from_ref(identifiers), Vec::as_slice);
    let own = all.iter().find(|identifier| identifier.get("system").and_then(Value::as_str) == Some(system))?;
    own.get("value").and_then(Value::as_str).map(str::to_owned)
}

/// The fields of a DocumentReference.
///
/// # Errors
/// What is missing or wrong in it.
fn document_reference(resource: &Map<String, Value>, n_kept: usize) -> Result<Fields, String> {
    let text = |pointer: &[&str]| -> Option<String> {
        let mut value = resource.get(*pointer.first()?)?;
        for step in pointer.iter().skip(1) {
            value = match step.parse::<usize>() {
                Ok(index) => value.get(index)?,
                Err(_) => value.get(*step)?,
            };
        }
        value.as_str().map(str::to_owned)
    };
    let identifier = |reference: String| reference.rsplit('/').next().map(str::to_owned);
    let mut fields = Fields { kept: vec![None; n_kept], ..Fields::default() };
    let mut set = |field: Field, value: Option<String>| {
        if let Some(place) = fields.values.get_mut(field as usize) {
            *place = value;
        }
    };
    let subject = resource.get("subject").and_then(|subject| subject.get("identifier"));
    let encounter = resource.get("context").and_then(|context| context.get("encounter")?.get(0)?.get("identifier"));
    set(Field::NoteId, identified(resource.get("identifier"), NOTE_SYSTEM).or_else(|| text(&["id"])));
    let patient = || text(&["subject", "reference"]).and_then(identifier);
    set(Field::PatientId, identified(subject, PATIENT_SYSTEM).or_else(patient));
    let visit = || text(&["context", "encounter", "0", "reference"]).and_then(identifier);
    set(Field::EncounterId, identified(encounter, ENCOUNTER_SYSTEM).or_else(visit));
    set(Field::NoteTime, text(&["date"]));
    set(Field::NoteType, text(&["type", "text"]).or_else(|| text(&["type", "coding", "0", "display"])));
    set(
        Field::Author,
        text(&["author", "0", "display"]).or_else(|| text(&["author", "0", "reference"]).and_then(identifier)),
    );
    let contents = resource.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let attachments = contents.iter().filter_map(|content| content.get("attachment"));
    let mut plain = attachments.filter(|attachment| {
        attachment.get("contentType").and_then(Value::as_str).is_none_or(|kind| kind.starts_with("text/plain"))
    });
    let data = plain.find_map(|attachment| attachment.get("data").and_then(Value::as_str));
    let Some(data) = data else {
        return Err("DocumentReference without a text/plain attachment that holds its data".into());
    };
    let bytes = STANDARD
        .decode(data.trim())
        .map_err(|_| "DocumentReference whose attachment data is not valid base64".to_owned())?;
    fields.text = Some(RawText::Bytes(bytes));
    Ok(fields)
}
