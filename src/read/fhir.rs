//! FHIR R4 DocumentReference as a note: the first plain-text attachment that holds its data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::columns::Field;
use super::{Fields, RawText};

/// The fields of a DocumentReference.
///
/// # Errors
/// What is missing or wrong in it.
pub(super) fn document_reference(resource: &Map<String, Value>, n_kept: usize) -> Result<Fields, String> {
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
    set(Field::NoteId, text(&["id"]));
    set(Field::PatientId, text(&["subject", "reference"]).and_then(identifier));
    set(Field::EncounterId, text(&["context", "encounter", "0", "reference"]).and_then(identifier));
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
