//! MEDS 0.4, the Medical Event Data Standard: events by subject, in the order of time.
//!
//! An event's time is that of its note, when what it says became known; a time that the note states stands beside it. The
//! assertion is a part of the code, so that a program that reads codes alone never takes a denial for the disease. Subjects are
//! sorted on disk, so memory is bounded but for the codes and a few words a subject.

mod codes;
mod event;
mod sort;
mod splits;
mod subjects;
mod tables;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use arrow_schema::SchemaRef;
use serde_json::json;

use super::axes::Axes;
use super::ledger::Table;
use super::{Exporting, Written};
use crate::past_run::{NoteRowStream, NoteRows, Row};
use crate::read::patients::Sex;
use crate::write::folder::create;
use crate::{Error, Result};

use codes::{Code, Codes};
use event::{Event, Key, Said};
use sort::{Sorted, Sorter};
pub use splits::Splits;
use subjects::Subjects;
use tables::{DataRows, ParquetFile};

/// The version of the standard.
const MEDS_VERSION: &str = "0.4.1";
/// Rows of a batch on their way to a file.
const ROWS_PER_BATCH: usize = 50_000;

/// How a run is exported to MEDS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MedsOptions {
    /// A file of patients: patient_id, birth_date, sex.
    pub patients: Option<PathBuf>,
    /// Subjects of a data file.
    pub subjects_per_shard: NonZeroUsize,
    /// The shares of the splits.
    pub splits: Splits,
}

impl Default for MedsOptions {
    fn default() -> MedsOptions {
        let subjects_per_shard = NonZeroUsize::MIN.saturating_add(9_999);
        MedsOptions { patients: None, subjects_per_shard, splits: Splits::default() }
    }
}

/// Writes `data`, `metadata`, and `subject_ids.csv` where identifiers of patients are no numbers.
pub(super) fn export(exporting: &mut Exporting<'_>, options: &MedsOptions) -> Result<Written> {
    let mut collector = Collector {
        options,
        codes: Codes::default(),
        subjects: Subjects::read(options.patients.as_deref())?,
        sorter: Sorter::new(exporting.folder),
        n_events: 0,
    };
    let mut stream = NoteRowStream::open(exporting.run)?;
    while let Some(rows) = stream.next()? {
        if !exporting.ledger.lose_without_text(&rows) {
            collector.note(exporting, &rows)?;
        }
    }
    collector.subjects()?;
    let Collector { codes, subjects, sorter, n_events, .. } = collector;
    let n_shards = write_data(exporting.folder, sorter.finish()?, &codes, options)?;
    write_metadata(exporting, &codes, &subjects, options)?;
    let n_rejected = subjects.write_rejected(&exporting.folder.join("rejected_patients.csv"))?;
    Ok(Written::from([
        ("events", n_events),
        ("rejected_rows_of_patients", n_rejected),
        ("subjects", subjects.ids().iter().count() as u64),
        ("subjects_of_contradictory_sex", subjects.n_contradictory()),
        ("codes", codes.sorted().len() as u64),
        ("shards", n_shards),
    ]))
}

/// The code of a row.
type CodeOf = fn(&Row, Axes) -> Option<Code>;

/// Makes events of the rows of notes.
struct Collector<'a> {
    options: &'a MedsOptions,
    codes: Codes,
    subjects: Subjects,
    sorter: Sorter,
    n_events: u64,
}

impl Collector<'_> {
    fn note(&mut self, exporting: &mut Exporting<'_>, rows: &NoteRows) -> Result<()> {
        let Some(patient_id) = rows.note.text("patient_id") else {
            return exporting.ledger.lose_note(rows, "no_patient");
        };
        let Some(time) = rows.note.time("note_time") else {
            return exporting.ledger.lose_note(rows, "no_time");
        };
        let subject = self.subjects.number(patient_id).map_err(|other| {
            let problem = format!(
                "patients {patient_id:?} and {other:?} come to the same integer; give one of them another identifier"
            );
            Error::input(exporting.run.folder(), problem)
        })?;
        let note_type = rows.note.text("note_type");
        self.push(subject, Some(time), codes::of_note(note_type), (None, None), Some(Said::in_note(&rows.note)))?;
        exporting.ledger.write(Table::Notes);
        let tables: [(Table, &[Row], CodeOf); 3] = [
            (Table::Mentions, &rows.mentions, codes::of_mention),
            (Table::Measurements, &rows.measurements, codes::of_measurement),
            (Table::Facts, &rows.facts, codes::of_fact),
        ];
        for (table, of_table, code_of) in tables {
            for row in of_table {
                let axes = Axes::of(row, exporting.options.profile);
                let Some(code) = code_of(row, axes) else {
                    exporting.ledger.lose(table, "no_concept");
                    continue;
                };
                self.subjects.learn(subject, row, axes);
                let said = Said::in_row(&rows.note, row, axes);
                self.push(subject, Some(time), code, value_of(row, table), Some(said))?;
                exporting.ledger.write(table);
            }
        }
        Ok(())
    }

    /// Adds what is known of each subject besides its notes.
    fn subjects(&mut self) -> Result<()> {
        for known in self.subjects.known() {
            let sex = known.sex.map_or("unknown", Sex::name);
            let sex = codes::of_subject(&format!("SEX//{sex}"), &format!("Sex: {sex}"));
            self.push(known.subject, None, sex, (None, None), None)?;
            if let Some(birth) = known.birth {
                let code = codes::of_subject("MEDS_BIRTH", "Birth");
                self.push(known.subject, Some(birth), code, (None, None), None)?;
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        subject: i64,
        time: Option<i64>,
        code: Code,
        (number, text): (Option<f32>, Option<String>),
        said: Option<Said>,
    ) -> Result<()> {
        let key = Key { split: self.options.splits.of(subject), subject, time, sequence: self.n_events };
        self.n_events += 1;
        self.sorter.push(Event { key, code: self.codes.number(code), number, text, said })
    }
}

/// The number of a row, or the words of a result that is none.
fn value_of(row: &Row, table: Table) -> (Option<f32>, Option<String>) {
    let number = row.decimal("value").map(|value| value as f32);
    let is_worded = table == Table::Measurements && number.is_none();
    (number, row.text("value_text").filter(|_| is_worded).map(str::to_owned))
}

/// Writes the data, a file for so many subjects of a split; gives the number of files.
fn write_data(folder: &Path, mut events: Sorted, codes: &Codes, options: &MedsOptions) -> Result<u64> {
    let data = folder.join("data");
    create(&data)?;
    let schema = tables::data_schema();
    let mut shards = Shards { data: &data, schema, options, open: None, n_shards: 0 };
    let mut rows = DataRows::default();
    let mut last: Option<Key> = None;
    while let Some(event) = events.next()? {
        let is_other = last.is_none_or(|last| (last.split, last.subject) != (event.key.split, event.key.subject));
        let is_full = rows.n_rows >= ROWS_PER_BATCH;
        if is_full || (is_other && shards.ends_before(event.key.split)) {
            shards.write(&mut rows)?;
        }
        if is_other {
            shards.begin_subject(event.key.split)?;
        }
        last = Some(event.key);
        rows.push(&event, codes);
    }
    shards.write(&mut rows)?;
    shards.finish()
}

/// The data files, one after another.
struct Shards<'a> {
    data: &'a Path,
    schema: SchemaRef,
    options: &'a MedsOptions,
    open: Option<Shard>,
    n_shards: u64,
}

/// A data file in work.
struct Shard {
    file: ParquetFile,
    split: u32,
    number: usize,
    n_subjects: usize,
}

impl Shards<'_> {
    /// Whether the file ends before a subject of a split that comes next.
    fn ends_before(&self, split: u32) -> bool {
        let limit = self.options.subjects_per_shard.get();
        self.open.as_ref().is_some_and(|shard| shard.split != split || shard.n_subjects >= limit)
    }

    /// Goes on with the file, or begins the next one.
    fn begin_subject(&mut self, split: u32) -> Result<()> {
        if self.open.is_none() || self.ends_before(split) {
            let last = self.open.take();
            let number = last.as_ref().filter(|last| last.split == split).map_or(0, |last| last.number + 1);
            last.map(|last| last.file.finish()).transpose()?;
            let path = self.data.join(self.options.splits.name(split)).join(format!("{number}.parquet"));
            let file = ParquetFile::create(path, &self.schema)?;
            self.open = Some(Shard { file, split, number, n_subjects: 0 });
            self.n_shards += 1;
        }
        if let Some(shard) = &mut self.open {
            shard.n_subjects += 1;
        }
        Ok(())
    }

    fn write(&mut self, rows: &mut DataRows) -> Result<()> {
        match &mut self.open {
            Some(shard) => shard.file.write(&rows.finish(&self.schema)?),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<u64> {
        self.open.map(|shard| shard.file.finish()).transpose()?;
        Ok(self.n_shards)
    }
}

/// Writes codes, splits, the description of the dataset, and the integers of patients that are no numbers.
fn write_metadata(exporting: &Exporting<'_>, codes: &Codes, subjects: &Subjects, options: &MedsOptions) -> Result<()> {
    let metadata = exporting.folder.join("metadata");
    create(&metadata)?;
    ParquetFile::write_whole(&metadata.join("codes.parquet"), &tables::codes(&codes.sorted())?)?;
    let splits = subjects.ids().iter().map(|(subject, _)| (subject, options.splits.name(options.splits.of(subject))));
    ParquetFile::write_whole(&metadata.join("subject_splits.parquet"), &tables::subject_splits(splits)?)?;
    let dataset = json!({
        "dataset_name": "clinical notes",
        "dataset_version": exporting.run.description().version,
        "etl_name": "noteward",
        "etl_version": env!("CARGO_PKG_VERSION"),
        "meds_version": MEDS_VERSION,
        "raw_source_id_columns": tables::SOURCE_IDS,
        "code_modifier_columns": tables::CODE_MODIFIERS,
        "additional_value_modality_columns": [],
        "site_id_columns": [],
        "other_extension_columns": tables::EXTENSIONS,
    });
    let path = metadata.join("dataset.json");
    std::fs::write(&path, format!("{dataset:#}\n")).map_err(|error| Error::io("writing", &path, error))?;
    if subjects.ids().is_made() {
        write_subject_ids(&exporting.folder.join("subject_ids.csv"), subjects)?;
    }
    Ok(())
}

fn write_subject_ids(path: &Path, subjects: &Subjects) -> Result<()> {
    let failed = |error: csv::Error| Error::io("writing", path, std::io::Error::other(error));
    let mut table = csv::Writer::from_path(path).map_err(failed)?;
    table.write_record(["subject_id", "patient_id"]).map_err(failed)?;
    for (subject, patient_id) in subjects.ids().iter() {
        table.write_record([&subject.to_string(), patient_id]).map_err(failed)?;
    }
    table.flush().map_err(|error| Error::io("writing", path, error))
}
