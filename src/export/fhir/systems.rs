//! Names that FHIR gives to vocabularies and to kinds of observations.

use serde_json::{Value, json};

/// What a run calls a vocabulary, and its canonical URL: the list of HL7 where it is there, else the vocabulary's own.
const SYSTEMS: [(&str, &str); 19] = [
    ("DOID", "http://purl.obolibrary.org/obo/doid.owl"),
    ("EFO", "http://www.ebi.ac.uk/efo/efo.owl"),
    ("HP", "http://human-phenotype-ontology.org"),
    ("ICD10", "http://hl7.org/fhir/sid/icd-10"),
    ("ICD10CM", "http://hl7.org/fhir/sid/icd-10-cm"),
    ("ICD11", "http://id.who.int/icd/release/11/mms"),
    ("ICD9CM", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("LOINC", "http://loinc.org"),
    ("MEDDRA", "http://terminology.hl7.org/CodeSystem/mdr"),
    ("MESH", "http://terminology.hl7.org/CodeSystem/MSH"),
    ("MONDO", "http://purl.obolibrary.org/obo/mondo.owl"),
    ("NCIT", "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"),
    ("NOTEWARD", "urn:noteward:concept"),
    ("OMIM", "http://www.omim.org"),
    ("ORPHA", "http://www.orpha.net"),
    ("RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("SNOMEDCT", "http://snomed.info/sct"),
    ("SYMP", "http://purl.obolibrary.org/obo/symp.owl"),
    ("UMLS", "http://terminology.hl7.org/CodeSystem/umls"),
];

/// Vocabularies whose codes carry their name: `HP:0001945`.
const WITH_PREFIX: [&str; 5] = ["DOID", "EFO", "HP", "MONDO", "SYMP"];

/// Measurements that are vital signs.
const VITAL_SIGNS: [&str; 10] = [
    "heart_rate",
    "respiratory_rate",
    "systolic_bp",
    "diastolic_bp",
    "mean_arterial_pressure",
    "temperature",
    "oxygen_saturation",
    "weight",
    "height",
    "bmi",
];

/// Measurements of an examination at the bed.
const EXAM: [&str; 5] = ["oxygen_flow", "fio2", "gcs", "pain_score", "urine_output"];

/// Measurements in images.
const IMAGING: [&str; 3] = ["ejection_fraction", "nodule_size", "lesion_size"];

/// A code of a vocabulary; one that FHIR does not know gets a name in noteward's own space.
pub(super) fn coding(vocabulary: &str, code: &str, display: Option<&str>) -> Value {
    let known = SYSTEMS.iter().find(|(name, _)| *name == vocabulary).map(|(_, url)| (*url).to_owned());
    let system = known.unwrap_or_else(|| format!("urn:noteward:codes:{}", vocabulary.to_ascii_lowercase()));
    let code = if WITH_PREFIX.contains(&vocabulary) { format!("{vocabulary}:{code}") } else { code.to_owned() };
    match display {
        Some(display) => json!({ "system": system, "code": code, "display": display }),
        None => json!({ "system": system, "code": code }),
    }
}

/// A concept of one of FHIR's own vocabularies.
pub(super) fn concept(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

/// The category of an observation.
pub(super) fn category(code: &str) -> Value {
    json!([concept("http://terminology.hl7.org/CodeSystem/observation-category", code)])
}

/// The category of a measurement.
pub(super) fn category_of_measurement(name: &str) -> &'static str {
    match name {
        name if VITAL_SIGNS.contains(&name) => "vital-signs",
        name if EXAM.contains(&name) => "exam",
        name if IMAGING.contains(&name) => "imaging",
        _ => "laboratory",
    }
}

/// The category of a mention or a fact, where FHIR has one.
pub(super) fn category_of_kind(kind: &str) -> Option<&'static str> {
    match kind {
        "finding" => Some("exam"),
        "procedure" => Some("procedure"),
        "drug" | "device" => Some("therapy"),
        "behaviour" => Some("social-history"),
        _ => None,
    }
}
