//! A batch: consecutive records on their way through a worker, and the rows they become.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

use super::Pipeline;
use crate::config::Config;
use crate::encoder::Scratch;
use crate::note::{Note, NoteMeta, Origin, TextEncoding};
use crate::read::{Content, Record};
use crate::recognize::ReadingStore;
use crate::write::measurements::MeasurementRows;
use crate::write::mentions::MentionRows;
use crate::write::notes::{NoteOutcome, NoteRows};
use crate::write::sentences::SentenceRows;
use crate::write::texts::TextRows;
use crate::write::{measurements, mentions, notes, sentences, texts};
use crate::{AnnotatedNote, Result};

/// Consecutive records.
pub(super) struct Batch {
    /// Place among the batches, from 0.
    pub number: u64,
    pub records: Vec<Record>,
    /// Fingerprint of all records up to its last one.
    pub fingerprint: u128,
}

/// The rows of a batch.
pub(super) struct Rows {
    pub number: u64,
    /// Fingerprint of all records up to the last one here.
    pub records: u128,
    pub mentions: RecordBatch,
    pub measurements: RecordBatch,
    pub notes: RecordBatch,
    pub sentences: Option<RecordBatch>,
    pub texts: Option<RecordBatch>,
    /// Lines of `rejects.jsonl`.
    pub rejects: Vec<u8>,
    pub counts: Counts,
}

impl Rows {
    /// The rows of each table, in the order of [`Schemas::tables`].
    pub fn tables(&self) -> impl Iterator<Item = &RecordBatch> {
        let optional = [&self.sentences, &self.texts].into_iter().flatten();
        [&self.mentions, &self.measurements, &self.notes].into_iter().chain(optional)
    }
}

/// What came of notes. They add up: read = annotated + empty + rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records read.
    pub read: u64,
    /// Notes annotated.
    pub annotated: u64,
    /// Notes without text.
    pub empty: u64,
    /// Records rejected.
    pub rejected: u64,
    /// Bytes of text in annotated notes.
    pub text_bytes: u64,
    /// Sentences in annotated notes.
    pub sentences: u64,
    /// Mentions found.
    pub mentions: u64,
    /// Measurements found; none in the counts of versions that did not look for them.
    #[serde(default)]
    pub measurements: u64,
}

impl Counts {
    /// Adds the counts of other notes.
    pub(super) fn add(&mut self, other: &Counts) {
        self.read += other.read;
        self.annotated += other.annotated;
        self.empty += other.empty;
        self.rejected += other.rejected;
        self.text_bytes += other.text_bytes;
        self.sentences += other.sentences;
        self.mentions += other.mentions;
        self.measurements += other.measurements;
    }
}

/// The schemas of the tables that a run writes.
#[derive(Clone)]
pub(super) struct Schemas {
    pub mentions: SchemaRef,
    pub measurements: SchemaRef,
    pub notes: SchemaRef,
    pub sentences: Option<SchemaRef>,
    pub texts: Option<SchemaRef>,
    pub n_kept: usize,
}

impl Schemas {
    pub fn new(config: &Config) -> Schemas {
        Schemas {
            mentions: mentions::schema(),
            measurements: measurements::schema(),
            notes: notes::schema(&config.keep),
            sentences: config.keep_sentences.then(sentences::schema),
            texts: config.keep_text.then(texts::schema),
            n_kept: config.keep.len(),
        }
    }

    /// The tables that a run writes, by name.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, &SchemaRef)> {
        let optional = [("sentences", self.sentences.as_ref()), ("texts", self.texts.as_ref())];
        let optional = optional.into_iter().filter_map(|(name, schema)| Some((name, schema?)));
        let fixed = [("mentions", &self.mentions), ("measurements", &self.measurements), ("notes", &self.notes)];
        fixed.into_iter().chain(optional)
    }
}

/// Collects the rows of a batch.
struct Collector<'a> {
    pipeline: &'a Pipeline,
    inputs: &'a [String],
    mentions: MentionRows,
    measurements: MeasurementRows,
    notes: NoteRows,
    sentences: Option<SentenceRows>,
    texts: Option<TextRows>,
    rejects: Vec<u8>,
    counts: Counts,
}

/// What the workers of a run share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub pipeline: &'a Pipeline,
    /// Readings of sentences that were read before.
    pub store: Option<&'a dyn ReadingStore>,
    /// Names of the input files.
    pub inputs: &'a [String],
    pub schemas: &'a Schemas,
}

/// Annotates a batch.
pub(super) fn process(shared: Shared<'_>, mut batch: Batch, scratch: &mut Scratch) -> Result<Rows> {
    let Shared { pipeline, inputs, schemas, .. } = shared;
    let mut annotated = annotate(shared, &mut batch.records, scratch).into_iter();
    let mut collector = Collector {
        pipeline,
        inputs,
        mentions: MentionRows::default(),
        measurements: MeasurementRows::default(),
        notes: NoteRows::new(schemas.n_kept),
        sentences: schemas.sentences.as_ref().map(|_| SentenceRows::default()),
        texts: schemas.texts.as_ref().map(|_| TextRows::default()),
        rejects: Vec::new(),
        counts: Counts::default(),
    };
    for record in batch.records {
        let is_note = matches!(record.content, Content::Text(..));
        let note = if is_note { annotated.next().flatten() } else { None };
        collector.push(record, note);
    }
    let sentences = match (collector.sentences, &schemas.sentences) {
        (Some(rows), Some(schema)) => Some(rows.finish(schema.clone())?),
        _ => None,
    };
    let texts = match (collector.texts, &schemas.texts) {
        (Some(rows), Some(schema)) => Some(rows.finish(schema.clone())?),
        _ => None,
    };
    Ok(Rows {
        number: batch.number,
        records: batch.fingerprint,
        mentions: collector.mentions.finish(schemas.mentions.clone())?,
        measurements: collector.measurements.finish(schemas.measurements.clone())?,
        notes: collector.notes.finish(schemas.notes.clone())?,
        sentences,
        texts,
        rejects: collector.rejects,
        counts: collector.counts,
    })
}

/// Annotates the notes among records, whose texts it may take; `None` for a note that the program failed on.
///
/// The one place where a panic is caught: a fault of this program costs its note and not the run.
fn annotate(shared: Shared<'_>, records: &mut [Record], scratch: &mut Scratch) -> Vec<Option<AnnotatedNote>> {
    let Shared { pipeline, store, .. } = shared;
    let alone = |note: Note| catch_unwind(AssertUnwindSafe(|| pipeline.annotate(note))).ok();
    if !pipeline.has_model() {
        let notes = records.iter_mut().filter_map(|record| match &mut record.content {
            Content::Text(text, _) => Some(Note { meta: record.meta.clone(), text: std::mem::take(text) }),
            _ => None,
        });
        return notes.map(alone).collect();
    }
    // With a model, notes go through it together, and one by one where that fails.
    let notes = || {
        records.iter().filter_map(|record| match &record.content {
            Content::Text(text, _) => Some(Note { meta: record.meta.clone(), text: text.clone() }),
            _ => None,
        })
    };
    let together = catch_unwind(AssertUnwindSafe(|| pipeline.annotate_all(notes().collect(), store, scratch)));
    match together {
        Ok(annotated) => annotated.into_iter().map(Some).collect(),
        Err(_) => notes().map(alone).collect(),
    }
}

impl Collector<'_> {
    fn push(&mut self, record: Record, note: Option<AnnotatedNote>) {
        self.counts.read += 1;
        let Record { meta, origin, content, remark } = record;
        match (content, note) {
            (Content::Text(_, encoding), Some(note)) => self.annotated(&note, encoding, &origin, remark),
            (Content::Text(..), None) => {
                self.rejected(&meta, &origin, "a fault of the program while annotating this note");
            }
            (Content::Empty, _) => {
                self.counts.empty += 1;
                self.note(&meta, &origin, &NoteOutcome::Empty, remark);
            }
            (Content::Rejected(reason), _) => self.rejected(&meta, &origin, &reason),
        }
    }

    fn annotated(&mut self, note: &AnnotatedNote, encoding: TextEncoding, origin: &Origin, remark: Option<&str>) {
        self.counts.annotated += 1;
        self.counts.text_bytes += note.document.text().len() as u64;
        self.counts.sentences += note.document.sentences().len() as u64;
        self.counts.mentions += note.annotations.len() as u64;
        self.counts.measurements += note.measurements.len() as u64;
        self.note(&note.document.note().meta, origin, &NoteOutcome::Annotated(note, encoding), remark);
        self.mentions.push(note, self.pipeline);
        self.measurements.push(note, self.pipeline);
        if let Some(sentences) = &mut self.sentences {
            sentences.push(&note.document, self.pipeline);
        }
        if let Some(texts) = &mut self.texts {
            texts.push(note.document.note());
        }
    }

    fn rejected(&mut self, meta: &NoteMeta, origin: &Origin, reason: &str) {
        self.counts.rejected += 1;
        self.note(meta, origin, &NoteOutcome::Rejected(reason), None);
        let line = serde_json::json!({
            "file": self.input(origin),
            "record": origin.record,
            "line": origin.line,
            "byte_start": origin.bytes.map(|(start, _)| start),
            "byte_end": origin.bytes.map(|(_, end)| end),
            "note_id": meta.id,
            "reason": reason,
        });
        self.rejects.extend_from_slice(line.to_string().as_bytes());
        self.rejects.push(b'\n');
    }

    fn note(&mut self, meta: &NoteMeta, origin: &Origin, outcome: &NoteOutcome<'_>, remark: Option<&str>) {
        let input = self.input(origin).to_owned();
        self.notes.push(meta, origin, &input, outcome, remark, self.pipeline);
    }

    fn input(&self, origin: &Origin) -> &str {
        self.inputs.get(origin.input as usize).map_or("", String::as_str)
    }
}
