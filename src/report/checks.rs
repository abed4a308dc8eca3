//! The checks of imaging reports over a run: each report's text is read again, its mentions are those of the run.

use std::path::Path;

use serde::Serialize;

use super::chart::{count, percent};
use super::time;
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::document::SectionKind;
use crate::new_file;
use crate::past_run::{NoteRowStream, NoteRows, NoteSource, NoteTexts, PastRun, Row};
use crate::pipeline::Pipeline;
use crate::quality::{Check, Checker, Finding, Judgement, Outcome, Place, RecordedSex, Report};
use crate::read::patients::{Patients, Sex};
use crate::write::code_points::CodePoints;
use crate::{Error, Result, Span};

/// How the checks came out over a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CheckRates {
    pub reports: String,
    pub others: String,
    pub patients: String,
    pub outcomes: Vec<&'static str>,
    pub rows: Vec<RateRow>,
}

/// How a check came out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RateRow {
    pub check: &'static str,
    pub name: String,
    pub question: String,
    /// Reports by outcome, in the order of [`Outcome::ALL`].
    pub cells: Vec<String>,
    /// Flagged reports among those that pass or are flagged, in percent.
    pub rate: String,
}

/// What is needed to check a run.
pub(super) struct Checking<'a> {
    pub run: &'a PastRun,
    pub source: &'a NoteSource,
    pub pipeline: &'a Pipeline,
    pub checker: &'a Checker,
    /// The patients by the record.
    pub patients: Option<&'a Patients>,
}

/// The columns of the table of checks.
const COLUMNS: [&str; 16] = [
    "note_id",
    "patient_id",
    "note_time",
    "note_type",
    "check",
    "outcome",
    "item",
    "reason",
    "start",
    "end",
    "mention_id",
    "mention_concept",
    "other_start",
    "other_end",
    "other_mention_id",
    "other_concept",
];

impl Checking<'_> {
    /// Checks every imaging report of the run, writes a row for each judgement to a CSV file, and tells the rates.
    ///
    /// # Errors
    /// A text is not to be found or has changed, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<CheckRates> {
        let failed = |error: csv::Error| {
            let error = std::io::Error::other(error);
            Error::io("writing", path, error)
        };
        let file = new_file::create(path)?;
        let mut writer = csv::Writer::from_writer(std::io::BufWriter::new(file));
        writer.write_record(COLUMNS).map_err(failed)?;
        let mut counts = Counts::default();
        let mut notes = NoteRowStream::open(self.run)?;
        let mut texts = NoteTexts::open(self.run, self.source)?;
        while let Some(rows) = notes.next()? {
            if rows.note.text("status") != Some("annotated") {
                continue;
            }
            let note = texts.note(&rows.note)?;
            let Some((judgements, places)) = self.judge(note, &rows) else {
                counts.others += 1;
                continue;
            };
            counts.add(&judgements);
            for (judgement, places) in judgements.iter().zip(places) {
                writer.write_record(record(&rows, judgement, &places)).map_err(failed)?;
            }
        }
        let writer = writer.into_inner().map_err(|error| Error::io("writing", path, error.into_error()))?;
        new_file::finish(writer, path)?;
        Ok(CheckRates { patients: self.told_patients(), ..counts.rates(self.checker) })
    }

    fn recorded_sex(&self, patient: &str) -> Option<RecordedSex> {
        match self.patients?.get(patient)?.sex? {
            Sex::Male => Some(RecordedSex::Male),
            Sex::Female => Some(RecordedSex::Female),
            Sex::Other => None,
        }
    }

    /// What is said of the file of patients.
    fn told_patients(&self) -> String {
        self.patients.map_or_else(String::new, |patients| {
            let (rows, left_out) = (count(patients.n_rows()), count(patients.rejected().len() as u64));
            format!("The file of patients has {rows} rows, of which {left_out} could not be understood.")
        })
    }

    /// The judgements on a note, with their places in code points; `None` where it is no imaging report.
    fn judge(&self, note: crate::Note, rows: &NoteRows) -> Option<(Vec<Judgement>, Vec<[String; 4]>)> {
        let sex = note.meta.patient_id.as_deref().and_then(|patient| self.recorded_sex(patient));
        let document = self.pipeline.segment(note);
        let findings: Vec<Finding<'_>> = rows.mentions.iter().filter_map(|row| finding(row, document.text())).collect();
        let report = Report { document: &document, findings: &findings, sex };
        let judgements = self.checker.check(&report, |kind: SectionKind| self.pipeline.section_name(kind))?;
        let points = CodePoints::of(document.text());
        let place = |place: &Option<Place>| match place {
            Some(place) => [points.before(place.span.start()), points.before(place.span.end())].map(|n| n.to_string()),
            None => [String::new(), String::new()],
        };
        let places = judgements.iter().map(|judgement| {
            let ([start, end], [other_start, other_end]) = (place(&judgement.here), place(&judgement.there));
            [start, end, other_start, other_end]
        });
        let places = places.collect();
        Some((judgements, places))
    }
}

/// A mention of a row.
fn finding<'a>(row: &'a Row, text: &str) -> Option<Finding<'a>> {
    let byte = |column: &str| row.number(column).and_then(|byte| usize::try_from(byte).ok());
    Some(Finding {
        mention_id: row.text("mention_id")?,
        span: Span::new(text, byte("start_byte")?..byte("end_byte")?)?,
        presence: match row.text("presence") {
            Some("absent") => Presence::Absent,
            Some("possible") => Presence::Possible,
            _ => Presence::Present,
        },
        temporality: match row.text("temporality") {
            Some("historical") => Temporality::Historical,
            Some("hypothetical") => Temporality::Hypothetical,
            _ => Temporality::Current,
        },
        experiencer: match row.text("experiencer") {
            Some("family") => Experiencer::Family,
            Some("other") => Experiencer::Other,
            _ => Experiencer::Patient,
        },
        concept_id: row.text("concept_id"),
    })
}

/// A row of the table of checks.
fn record(rows: &NoteRows, judgement: &Judgement, places: &[String; 4]) -> [String; COLUMNS.len()] {
    let note = |column: &str| rows.note.text(column).unwrap_or_default().to_owned();
    let id = |place: &Option<Place>| place.as_ref().and_then(|place| place.mention_id.clone()).unwrap_or_default();
    let concept = |id: &str| {
        let row = rows.mentions.iter().find(|row| !id.is_empty() && row.text("mention_id") == Some(id));
        row.and_then(|row| row.text("concept_id")).unwrap_or_default().to_owned()
    };
    let (here, there) = (id(&judgement.here), id(&judgement.there));
    let (concept_here, concept_there) = (concept(&here), concept(&there));
    let [start, end, other_start, other_end] = places.clone();
    [
        note("note_id"),
        note("patient_id"),
        rows.note.time("note_time").map_or_else(String::new, time::minute),
        note("note_type"),
        judgement.check.name().to_owned(),
        judgement.outcome.name().to_owned(),
        judgement.item.clone(),
        judgement.reason.clone(),
        start,
        end,
        here,
        concept_here,
        other_start,
        other_end,
        there,
        concept_there,
    ]
}

/// Reports by check and outcome.
#[derive(Default)]
struct Counts {
    reports: u64,
    others: u64,
    cells: [[u64; Outcome::ALL.len()]; Check::ALL.len()],
}

impl Counts {
    /// Counts each report once a check: judgements of a check have one outcome.
    fn add(&mut self, judgements: &[Judgement]) {
        self.reports += 1;
        for (check, cells) in Check::ALL.into_iter().zip(&mut self.cells) {
            let outcome = judgements.iter().find(|judgement| judgement.check == check).map(|found| found.outcome);
            for (known, cell) in Outcome::ALL.into_iter().zip(cells) {
                *cell += u64::from(Some(known) == outcome);
            }
        }
    }

    fn rates(&self, checker: &Checker) -> CheckRates {
        let rows = checker.questions().zip(&self.cells).map(|((check, name, question), cells)| {
            let of = |outcome: Outcome| {
                Outcome::ALL.iter().zip(cells).find(|(known, _)| **known == outcome).map_or(0, |(_, &n)| n)
            };
            let (passed, flagged) = (of(Outcome::Pass), of(Outcome::Flag));
            RateRow {
                check: check.name(),
                name: name.to_owned(),
                question: question.to_owned(),
                cells: cells.iter().map(|&n| count(n)).collect(),
                rate: if passed + flagged == 0 { "–".to_owned() } else { percent(flagged, passed + flagged) },
            }
        });
        CheckRates {
            reports: count(self.reports),
            others: count(self.others),
            patients: String::new(),
            outcomes: Outcome::ALL.iter().map(|outcome| outcome.name()).collect(),
            rows: rows.collect(),
        }
    }
}
