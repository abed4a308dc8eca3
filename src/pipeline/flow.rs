//! The flow of records: reader, bounded batches, workers, rows in input order.
//!
//! One thread reads, the pool's threads annotate, the calling thread writes. A batch needs a permit from its reading to
//! its writing, and there are four for each worker: memory is bounded by them, whatever the number of notes. Batches are
//! numbered and written in order, so that the output does not depend on the number of workers.
//!
//! A run that goes on reads its inputs from the start: it needs the note ids, and it checks that the records of the parts
//! that are done are those that were read then. They are not annotated again.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use xxhash_rust::xxh3::Xxh3;

use super::Pipeline;
use super::batch::{Batch, Counts, Rows, Shared, process};
use super::output::{BATCHES_PER_PART, Output, Part};
use crate::config::Config;
use crate::encoder::Scratch;
use crate::read::patients::Patients;
use crate::read::{Assembler, Content, InputFile, ReadOptions, Record, SeenIds, Source, open};
use crate::recognize::ReadingStore;
use crate::{Error, Result};

/// A batch is full with so many bytes of text, or so many records.
#[derive(Clone, Copy)]
struct BatchSize {
    bytes: usize,
    records: usize,
}

/// Without a model: a few milliseconds of work.
const LARGE_BATCH: BatchSize = BatchSize { bytes: 96 * 1024, records: 512 };
/// With a model, whose work on a text takes a hundred times as long: the workers still end at about the same time.
const SMALL_BATCH: BatchSize = BatchSize { bytes: 16 * 1024, records: 128 };
/// Batches between reader and writer, for each worker.
const BATCHES_PER_WORKER: usize = 4;

/// What a run works on, and with what.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub config: &'a Config,
    pub pipeline: &'a Pipeline,
    pub store: Option<&'a dyn ReadingStore>,
    pub files: &'a [InputFile],
    pub options: &'a ReadOptions,
    pub patients: Option<&'a Patients>,
    pub stop: Option<&'a AtomicBool>,
}

/// How the flow ended.
pub(super) enum End {
    /// Every record is written; the sources know their hashes.
    Complete(Vec<Source>),
    /// It was asked to stop, and did after a part.
    Stopped,
}

/// Moves every record that is not done from the inputs to the output. `progress` hears the counts, and how many bytes of the
/// inputs were read.
pub(super) fn flow(work: Work<'_>, output: &mut Output<'_>, progress: &mut dyn FnMut(&Counts, u64)) -> Result<End> {
    let read_bytes = AtomicU64::new(0);
    let mut progress = |counts: &Counts| progress(counts, read_bytes.load(Ordering::Relaxed));
    flow_from(work, output, &mut progress, |batcher| read(work, batcher, &read_bytes))
}

/// Moves the records that `read` pushes to the output; it gives their number, and the sources.
pub(super) fn flow_from(
    work: Work<'_>,
    output: &mut Output<'_>,
    progress: &mut dyn FnMut(&Counts),
    read: impl FnOnce(Batcher<'_>) -> Result<(u64, Vec<Source>)> + Send,
) -> Result<End> {
    let n_workers = work.config.threads.get();
    let n_permits = n_workers * BATCHES_PER_WORKER;
    let (permit_sender, permits) = bounded::<()>(n_permits);
    let (batch_sender, batches) = bounded::<Batch>(n_permits);
    let (row_sender, finished) = bounded::<Result<Rows>>(n_permits);
    for _ in 0..n_permits {
        permit_sender.send(()).map_err(|_| Error::internal("the permits are gone"))?;
    }
    let inputs: Vec<String> = work.files.iter().map(|file| file.path.display().to_string()).collect();
    let schemas = output.schemas().clone();
    let Work { pipeline, store, patients, .. } = work;
    let shared = Shared { pipeline, store, inputs: &inputs, schemas: &schemas, patients };
    let done: Vec<Part> = output.parts().cloned().collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_workers)
        .thread_name(|index| format!("annotate-{index}"))
        .build()
        .map_err(|error| Error::internal(format!("the workers cannot be started: {error}")))?;
    thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let size = if work.pipeline.has_model() { SMALL_BATCH } else { LARGE_BATCH };
            read(Batcher::new(size, batch_sender, permits, &done))
        });
        let written = pool.in_place_scope(|workers| {
            for _ in 0..n_workers {
                let (batches, row_sender) = (batches.clone(), row_sender.clone());
                workers.spawn(move |_| {
                    let mut scratch = Scratch::default();
                    for batch in batches {
                        let rows = process(shared, batch, &mut scratch);
                        if row_sender.send(rows).is_err() {
                            break;
                        }
                    }
                });
            }
            drop((batches, row_sender));
            // Its ends of the channels go with it, also on an error, which ends reader and workers.
            write(finished, permit_sender, output, work.stop, progress)
        });
        let read = reader.join().map_err(|_| Error::internal("the reader panicked"))?;
        if written? == Written::UntilStopped {
            return Ok(End::Stopped);
        }
        let (n_read, sources) = read?;
        output.close_part()?;
        let counts = output.counts();
        let n_written = counts.annotated + counts.empty + counts.rejected;
        if n_read != counts.read || n_read != n_written {
            return Err(Error::internal(format!("{n_read} records were read and {n_written} written")));
        }
        Ok(End::Complete(sources))
    })
}

/// What was written.
#[derive(PartialEq, Eq)]
enum Written {
    All,
    UntilStopped,
}

/// Writes rows in the order of their batches, until there are no more, or a part is complete and the run is to stop.
fn write(
    finished: Receiver<Result<Rows>>,
    permits: Sender<()>,
    output: &mut Output<'_>,
    stop: Option<&AtomicBool>,
    progress: &mut dyn FnMut(&Counts),
) -> Result<Written> {
    let mut counts = output.counts();
    let mut waiting: BTreeMap<u64, Rows> = BTreeMap::new();
    let mut next = output.next_batch();
    for rows in finished {
        let rows = rows?;
        waiting.insert(rows.number, rows);
        while let Some(rows) = waiting.remove(&next) {
            let completed_part = output.write(&rows)?;
            counts.add(&rows.counts);
            progress(&counts);
            next += 1;
            if completed_part && stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return Ok(Written::UntilStopped);
            }
            // The reader may be done and gone.
            let _ = permits.try_send(());
        }
    }
    if !waiting.is_empty() {
        return Err(Error::internal("a batch is missing"));
    }
    Ok(Written::All)
}

/// Reads every input, and hands on batches; gives the number of records, and the sources.
fn read(work: Work<'_>, mut batcher: Batcher<'_>, read_bytes: &AtomicU64) -> Result<(u64, Vec<Source>)> {
    let Work { config, files, options, .. } = work;
    let mut seen = SeenIds::default();
    let mut sources: Vec<Source> = Vec::with_capacity(files.len());
    let mut n_read = 0;
    let mut bytes_before = 0;
    let limit = config.limit.unwrap_or(u64::MAX);
    for (index, file) in files.iter().enumerate() {
        let (rows, source) = open(file, index as u32, options)?;
        let assembler = Assembler::new(file, options);
        for row in rows {
            if n_read >= limit {
                break;
            }
            let mut record = assembler.record(row);
            reject_repeated(&mut record, &mut seen)?;
            n_read += 1;
            if !batcher.push(record).map_err(|problem| Error::output(&config.out, problem))? {
                sources.push(source);
                return Ok((n_read, sources));
            }
            read_bytes.store(bytes_before + source.n_read(), Ordering::Relaxed);
        }
        // Parquet is read in places, and not through its source.
        bytes_before += std::fs::metadata(&file.path).map_or_else(|_| source.n_read(), |metadata| metadata.len());
        sources.push(source);
    }
    batcher.finish().map_err(|problem| Error::output(&config.out, problem))?;
    Ok((n_read, sources))
}

/// Rejects a record whose note_id was seen before in the run.
pub(super) fn reject_repeated(record: &mut Record, seen: &mut SeenIds) -> Result<()> {
    if matches!(record.content, Content::Rejected(_)) {
        return Ok(());
    }
    let fresh = seen
        .insert(&record.meta.id)
        .map_err(|error| Error::io("keeping note ids in a temporary file in", &std::env::temp_dir(), error))?;
    if !fresh {
        let reason = "the note_id stands in an earlier row of this run; rows that are lines of one note need --line-column, and must stand together";
        record.content = Content::Rejected(reason.into());
    }
    Ok(())
}

const OTHER_INPUT: &str = "--resume: the input is not what it was: records that are done read otherwise; bring the input back, or begin anew with --force";

/// Groups records into numbered batches, and leaves out those that are done.
pub(super) struct Batcher<'a> {
    size: BatchSize,
    batches: Sender<Batch>,
    permits: Receiver<()>,
    /// Parts that are done and whose records were not all read again.
    done: &'a [Part],
    /// The first batch that is not done.
    first: u64,
    number: u64,
    records: Vec<Record>,
    n_bytes: usize,
    /// Fingerprint of all records so far.
    fingerprint: Xxh3,
}

impl<'a> Batcher<'a> {
    fn new(size: BatchSize, batches: Sender<Batch>, permits: Receiver<()>, done: &'a [Part]) -> Batcher<'a> {
        let first = done.last().map_or(0, |part| part.next_batch);
        let fingerprint = Xxh3::new();
        Batcher { size, batches, permits, done, first, number: 0, records: Vec::new(), n_bytes: 0, fingerprint }
    }

    /// Adds a record; false when nobody takes batches any more.
    pub fn push(&mut self, record: Record) -> Result<bool, &'static str> {
        if let Content::Text(text, _) = &record.content {
            self.n_bytes += text.len();
        }
        add_fingerprint(&mut self.fingerprint, &record);
        self.records.push(record);
        let full = self.n_bytes >= self.size.bytes || self.records.len() >= self.size.records;
        if full { self.flush() } else { Ok(true) }
    }

    /// Sends what was grouped, or checks it against the part that it belongs to.
    fn flush(&mut self) -> Result<bool, &'static str> {
        if self.records.is_empty() {
            return Ok(true);
        }
        let number = self.number;
        let fingerprint = self.fingerprint.digest128();
        let records = std::mem::take(&mut self.records);
        self.number += 1;
        self.n_bytes = 0;
        if number < self.first {
            if let Some((part, rest)) = self.done.split_first()
                && part.next_batch == self.number
            {
                if part.records != format!("{fingerprint:032x}") {
                    return Err(OTHER_INPUT);
                }
                self.done = rest;
            }
            return Ok(true);
        }
        // Only the last part of a run is shorter than the others.
        if !self.first.is_multiple_of(BATCHES_PER_PART) {
            return Err(OTHER_INPUT);
        }
        let batch = Batch { number, records, fingerprint };
        Ok(self.permits.recv().is_ok() && self.batches.send(batch).is_ok())
    }

    /// Sends the last batch; what was done must have been read.
    pub fn finish(mut self) -> Result<(), &'static str> {
        self.flush()?;
        if self.done.iter().any(|part| part.next_batch > 0) { Err(OTHER_INPUT) } else { Ok(()) }
    }
}

/// Adds everything that a record gives to the rows.
fn add_fingerprint(fingerprint: &mut Xxh3, record: &Record) {
    let mut add = |text: Option<&str>| match text {
        None => fingerprint.write_u64(u64::MAX),
        Some(text) => {
            fingerprint.write_u64(text.len() as u64);
            fingerprint.update(text.as_bytes());
        }
    };
    let Record { meta, origin, content, remark } = record;
    add(Some(&meta.id));
    for field in [&meta.patient_id, &meta.encounter_id, &meta.note_type, &meta.author].into_iter().chain(&meta.kept) {
        add(field.as_deref());
    }
    add(*remark);
    let (kind, text) = match content {
        Content::Text(text, encoding) => (encoding.name(), text.as_str()),
        Content::Empty => ("empty", ""),
        Content::Rejected(reason) => ("rejected", reason.as_str()),
    };
    add(Some(kind));
    add(Some(text));
    let (start, end) = origin.bytes.unwrap_or((u64::MAX, u64::MAX));
    let time = meta.time.map_or(i64::MIN, |time| time.0) as u64;
    for number in [time, u64::from(origin.input), origin.record, origin.line.unwrap_or(u64::MAX), start, end] {
        fingerprint.write_u64(number);
    }
}
