//! Warnings in the forms of other systems: FHIR R4 RiskAssessment, one a line, and MEDS events.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde_json::{Value, json};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::rows::{Warning, civil};
use crate::write::OutputFormat;
use crate::write::assemble::{PartFile, assemble, join_lines};
use crate::write::table::TableWriter;
use crate::{Error, Result};

/// Another form of the warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningForm {
    /// FHIR R4 RiskAssessment, one a line: `risk_assessments.ndjson`.
    Fhir,
    /// MEDS events, the ends of each interval: `meds.parquet`.
    Meds,
}

impl WarningForm {
    /// The file in which it is written.
    pub(super) fn file(self) -> &'static str {
        match self {
            WarningForm::Fhir => "risk_assessments.ndjson",
            WarningForm::Meds => "meds.parquet",
        }
    }

    /// Makes the file in `made` of the files of the parts.
    pub(super) fn assemble(self, made: &Path, parts: &[(PathBuf, u64)]) -> Result<PathBuf> {
        match self {
            WarningForm::Fhir => {
                let target = made.join(self.file());
                let paths: Vec<PathBuf> = parts.iter().map(|(folder, _)| folder.join(self.file())).collect();
                join_lines(&target, &[], paths.iter().map(PathBuf::as_path))?;
                Ok(target)
            }
            WarningForm::Meds => {
                let part = |(folder, n): &(PathBuf, u64)| PartFile { path: folder.join(self.file()), rows: 2 * n };
                let parts: Vec<PartFile> = parts.iter().map(part).collect();
                assemble(made, "meds", &meds_schema(), OutputFormat::Parquet, &parts)
            }
        }
    }
}

/// Writes the warnings of a part in another form.
pub(super) enum FormWriter {
    Fhir { path: PathBuf, file: BufWriter<File> },
    Meds { table: TableWriter, rows: Box<MedsRows> },
}

impl FormWriter {
    pub fn create(form: WarningForm, folder: &Path) -> Result<FormWriter> {
        Ok(match form {
            WarningForm::Fhir => {
                let path = folder.join(form.file());
                let file = File::create(&path).map_err(|error| Error::io("creating", &path, error))?;
                FormWriter::Fhir { path, file: BufWriter::new(file) }
            }
            WarningForm::Meds => FormWriter::Meds {
                table: TableWriter::create(folder, "meds", meds_schema(), &[OutputFormat::Parquet])?,
                rows: Box::default(),
            },
        })
    }

    pub fn push(&mut self, warning: &Warning<'_>) -> Result<()> {
        match self {
            FormWriter::Fhir { path, file } => {
                writeln!(file, "{}", risk_assessment(warning)).map_err(|error| Error::io("writing", path, error))
            }
            FormWriter::Meds { rows, .. } => {
                rows.push(warning);
                Ok(())
            }
        }
    }

    /// Writes what was collected.
    pub fn flush(&mut self) -> Result<()> {
        match self {
            FormWriter::Fhir { path, file } => file.flush().map_err(|error| Error::io("writing", path, error)),
            FormWriter::Meds { table, rows } => table.write(&std::mem::take(&mut **rows).finish()?),
        }
    }

    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        match self {
            FormWriter::Fhir { .. } => Ok(()),
            FormWriter::Meds { table, .. } => table.finish().map(|_| ()),
        }
    }
}

/// A warning as a RiskAssessment. An interval that is not decided is `preliminary`; clock times stand as UTC.
fn risk_assessment(warning: &Warning<'_>) -> Value {
    let identity = format!("{}\t{}\t{}", warning.patient, warning.score, warning.time);
    let reference = |kind: &str, id: &str| {
        let fits = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        if fits { json!({ "reference": format!("{kind}/{id}") }) } else { json!({ "identifier": { "value": id } }) }
    };
    let risk = if warning.decided {
        warning.labels.0.to_owned()
    } else {
        format!("{} to {}", warning.labels.0, warning.labels.1)
    };
    let rationale = match (warning.min == warning.max, warning.missing) {
        (true, _) => format!("{}: {}", warning.name, warning.min),
        (false, "") => format!("{}: between {} and {}", warning.name, warning.min, warning.max),
        (false, missing) => {
            let missing = missing.replace(';', ", ");
            format!("{}: between {} and {}; not known: {missing}", warning.name, warning.min, warning.max)
        }
    };
    let mut resource = json!({
        "resourceType": "RiskAssessment",
        "id": format!("{:032x}", xxh3_128(identity.as_bytes())),
        "status": if warning.decided { "final" } else { "preliminary" },
        "method": { "text": warning.title },
        "code": { "text": warning.name },
        "subject": reference("Patient", warning.patient),
        "occurrenceDateTime": format!("{}Z", civil(warning.time)),
        "prediction": [{ "qualitativeRisk": { "text": risk }, "rationale": rationale }],
        "note": [{ "text": warning.source }],
    });
    if let Some(fields) = resource.as_object_mut() {
        fields.extend(warning.encounter.map(|encounter| ("encounter".to_owned(), reference("Encounter", encounter))));
        fields.extend(warning.advice.map(|advice| ("mitigation".to_owned(), json!(advice))));
    }
    resource
}

fn meds_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("subject_id", DataType::Int64, false),
        Field::new("time", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("code", DataType::Utf8, false),
        Field::new("numeric_value", DataType::Float32, true),
    ]))
}

/// Collects events; a subject's stand together, in the order of time.
#[derive(Default)]
pub(super) struct MedsRows {
    subject_id: Int64Builder,
    time: TimestampMicrosecondBuilder,
    code: StringBuilder,
    numeric_value: Float32Builder,
}

impl MedsRows {
    fn push(&mut self, warning: &Warning<'_>) {
        for (end, value) in [("min", warning.min), ("max", warning.max)] {
            self.subject_id.append_value(subject_id(warning.patient));
            self.time.append_value(warning.time);
            self.code.append_value(format!("SCORE//{}//{end}", warning.score.to_uppercase()));
            self.numeric_value.append_value(value as f32);
        }
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.subject_id.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.code.finish()),
            Arc::new(self.numeric_value.finish()),
        ];
        RecordBatch::try_new(meds_schema(), columns).map_err(|error| Error::internal(format!("rows of meds: {error}")))
    }
}

/// The integer of a patient in MEDS: its number where it is one, a hash otherwise, the same in every export.
fn subject_id(patient: &str) -> i64 {
    let numeric = patient.parse().ok().filter(|number: &i64| number.to_string() == patient);
    numeric.unwrap_or_else(|| i64::try_from(xxh3_64(patient.as_bytes()) >> 1).unwrap_or_default())
}
