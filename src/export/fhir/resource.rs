//! Rows as resources: conditions, observations, family history.

use serde_json::{Value, json};

use super::document::{Document, instant};
use super::systems::{category, category_of_kind, category_of_measurement, coding, concept};
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::export::axes::Axes;
use crate::past_run::Row;

/// A resource, or why the row becomes none.
type Made = Result<Value, &'static str>;

/// A mention: a Condition for a diagnosis, an Observation for a symptom or a finding, a FamilyMemberHistory for what relatives
/// have.
pub(super) fn of_mention(document: &Document<'_>, row: &Row, axes: Axes) -> Made {
    match (axes.temporality, axes.experiencer) {
        (Temporality::Hypothetical, _) => Err("hypothetical"),
        (_, Experiencer::Other) => Err("other_experiencer"),
        (_, Experiencer::Family) => family_history(document, row, axes),
        (_, Experiencer::Patient) if row.text("type") == Some("diagnosis") => Ok(condition(document, row, axes)),
        (_, Experiencer::Patient) => Ok(observation(document, row, axes)),
    }
}

/// A fact: an Observation, since a note that names a drug or a procedure is no order and no record of it.
pub(super) fn of_fact(document: &Document<'_>, row: &Row, axes: Axes) -> Made {
    match (axes.temporality, axes.experiencer) {
        (Temporality::Hypothetical, _) => Err("hypothetical"),
        (_, Experiencer::Other | Experiencer::Family) => Err("other_experiencer"),
        _ => Ok(observation(document, row, axes)),
    }
}

/// A measurement: an Observation with its value.
pub(super) fn of_measurement(document: &Document<'_>, row: &Row, axes: Axes) -> Made {
    match axes {
        Axes { temporality: Temporality::Hypothetical, .. } => return Err("hypothetical"),
        Axes { experiencer: Experiencer::Other | Experiencer::Family, .. } => return Err("other_experiencer"),
        Axes { presence: Presence::Absent, .. } => return Err("denied"),
        _ => {}
    }
    let name = row.text("name").unwrap_or_default();
    let loinc = row.text("loinc").map(|code| json!([coding("LOINC", code, None)]));
    let mut code = json!({ "text": name.replace('_', " ") });
    code["coding"] = loinc.unwrap_or_else(|| json!([coding("NOTEWARD", name, None)]));
    let taken_at = row.time("taken_at").and_then(|time| instant(time, document.options));
    // A value of before, and the first of a change, were not measured at the time of the note.
    let is_of_the_note = axes.temporality == Temporality::Current && row.text("trend") != Some("from");
    let site: Vec<&str> = [row.text("laterality"), row.text("site")].into_iter().flatten().collect();
    let mut fields = json!({
        "status": status(document),
        "category": category(category_of_measurement(name)),
        "code": code,
        "subject": document.patient,
        "encounter": document.encounter,
        "effectiveDateTime": taken_at.or_else(|| document.date.clone().filter(|_| is_of_the_note)),
        "bodySite": (!site.is_empty()).then(|| json!({ "text": site.join(" ") })),
        "method": row.text("method").map(|method| json!({ "text": method.replace('_', " ") })),
        "derivedFrom": [{ "reference": format!("DocumentReference/{}", document.id) }],
    });
    let (field, value) = value_of(row);
    fields[field] = value;
    let id = row.text("measurement_id").unwrap_or_default();
    let mut resource = document.derived("Observation", id, row, fields);
    extend(&mut resource, "trend", row.text("trend"));
    extend(&mut resource, "comparator", row.text("comparator").filter(|sign| *sign == "~"));
    extend(&mut resource, "presence", (axes.presence == Presence::Possible).then_some("possible"));
    Ok(resource)
}

/// The value of a measurement and the field that holds it. A value that cannot be is an error, which holds no value.
fn value_of(row: &Row) -> (&'static str, Value) {
    if row.flag("plausible") == Some(false) {
        return ("dataAbsentReason", concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "error"));
    }
    match row.decimal("value") {
        Some(value) => {
            let mut quantity = quantity(value, row.text("unit"));
            if let Some(comparator) = row.text("comparator").filter(|sign| *sign != "~") {
                quantity["comparator"] = comparator.into();
            }
            ("valueQuantity", quantity)
        }
        None => ("valueString", row.text("value_text").unwrap_or_default().into()),
    }
}

fn quantity(value: f64, unit: Option<&str>) -> Value {
    match unit {
        Some(unit) => json!({ "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit }),
        None => json!({ "value": value }),
    }
}

fn condition(document: &Document<'_>, row: &Row, axes: Axes) -> Value {
    let verification = match axes.presence {
        Presence::Present if document.options.confirmed => "confirmed",
        Presence::Present => "unconfirmed",
        Presence::Possible => "provisional",
        Presence::Absent => "refuted",
    };
    let clinical = match (axes.presence, axes.temporality) {
        (Presence::Absent, _) => None,
        (_, Temporality::Historical) => Some("inactive"),
        _ => Some("active"),
    };
    let clinical = clinical.map(|code| concept("http://terminology.hl7.org/CodeSystem/condition-clinical", code));
    let fields = json!({
        "clinicalStatus": clinical,
        "verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", verification),
        "code": code_of(row),
        "subject": document.patient,
        "encounter": document.encounter,
        "recordedDate": document.date,
    });
    document.derived("Condition", row.text("mention_id").unwrap_or_default(), row, fields)
}

/// A symptom, a finding or a fact: whether it is there, or its number.
fn observation(document: &Document<'_>, row: &Row, axes: Axes) -> Value {
    let is_current = axes.temporality == Temporality::Current;
    let mut fields = json!({
        "status": status(document),
        "category": category_of_kind(row.text("type").unwrap_or_default()).map(category),
        "code": code_of(row),
        "subject": document.patient,
        "encounter": document.encounter,
        "effectiveDateTime": document.date.as_ref().filter(|_| is_current),
        "derivedFrom": [{ "reference": format!("DocumentReference/{}", document.id) }],
    });
    let number = row.decimal("value").filter(|_| axes.presence == Presence::Present);
    match number {
        Some(value) => fields["valueQuantity"] = quantity(value, row.text("unit")),
        None => fields["valueCodeableConcept"] = presence(axes.presence),
    }
    let mut resource = document.derived("Observation", row.text("mention_id").unwrap_or_default(), row, fields);
    extend(&mut resource, "temporality", (!is_current).then_some(axes.temporality.name()));
    resource
}

fn family_history(document: &Document<'_>, row: &Row, axes: Axes) -> Made {
    if axes.presence == Presence::Absent {
        return Err("absent_in_family");
    }
    // A reader that does not know this must not take the condition for certain.
    let possible = json!([{ "url": "urn:noteward:presence", "valueCode": "possible" }]);
    let relationship = concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "FAMMEMB");
    let fields = json!({
        "modifierExtension": (axes.presence == Presence::Possible).then_some(possible),
        "status": "partial",
        "patient": document.patient,
        "date": document.date,
        "relationship": relationship,
        "condition": [{ "code": code_of(row) }],
    });
    Ok(document.derived("FamilyMemberHistory", row.text("mention_id").unwrap_or_default(), row, fields))
}

/// The codes of a mention or a fact, and its name; the words of the note where it has no concept.
fn code_of(row: &Row) -> Value {
    let name = row.text("concept_name");
    let icd = row.text("icd10cm").map(|code| coding("ICD10CM", code, None));
    let others =
        row.text("codes").into_iter().flat_map(|codes| codes.split(';')).filter_map(|code| code.split_once(':'));
    let own = row.text("concept_id").map(|id| coding("NOTEWARD", id, name));
    let codings: Vec<Value> =
        icd.into_iter().chain(others.map(|(vocabulary, code)| coding(vocabulary, code, None))).chain(own).collect();
    let mut code = json!({ "text": name.or_else(|| row.text("text")).unwrap_or_default() });
    if !codings.is_empty() {
        code["coding"] = codings.into();
    }
    code
}

/// Whether something is there, in words of SNOMED CT.
fn presence(presence: Presence) -> Value {
    let (code, display) = match presence {
        Presence::Present => ("52101004", "Present"),
        Presence::Absent => ("2667000", "Absent"),
        Presence::Possible => ("371930009", "Possible"),
    };
    json!({ "coding": [coding("SNOMEDCT", code, Some(display))] })
}

/// Nobody has reviewed what a program read, unless the user says that it counts.
fn status(document: &Document<'_>) -> &'static str {
    if document.options.confirmed { "final" } else { "preliminary" }
}

/// Adds an extension of noteward's own.
fn extend(resource: &mut Value, name: &str, value: Option<&str>) {
    let extensions = resource.get_mut("extension").and_then(Value::as_array_mut);
    if let (Some(value), Some(extensions)) = (value, extensions) {
        extensions.push(json!({ "url": format!("urn:noteward:{name}"), "valueCode": value }));
    }
}
