//! The run: reader, bounded batches, workers, rows in input order, files.
//!
//! One thread reads, the pool's threads annotate, the calling thread writes. A batch needs a permit from its reading to
//! its writing, and there are four for each worker: memory is bounded by them, whatever the number of notes. Batches are
//! numbered and written in order, so that the output does not depend on the number of workers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::batch::{Batch, Counts, Rows, Schemas, Shared, process};
use super::readings::{CacheUse, CachedReadings};
use super::run_file::{RunFile, Timings};
use super::{Pipeline, Resources};
use crate::cache::CacheOptions;
use crate::config::{Config, Engine};
use crate::encoder::Scratch;
use crate::read::{
    Assembler, ColumnChoice, Content, InputFile, ReadOptions, Record, SeenIds, Source, check, discover, open,
};
use crate::recognize::ReadingStore;
use crate::write::folder::{OutputFolder, REJECTS_FILE, Replace};
use crate::write::table::TableWriter;
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

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What came of the notes written so far.
    pub counts: Counts,
    /// What the cache spared so far; `None` without a cache or a model.
    pub cache: Option<CacheUse>,
    /// Bytes of the input files, where they are all files.
    pub input_bytes: Option<u64>,
}

/// What a finished run did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunReport {
    /// What came of the notes.
    pub counts: Counts,
    /// Files found in folders that hold no notes; `run.json` says why.
    pub skipped: Vec<PathBuf>,
    /// What the cache spared; `None` without a cache or a model.
    pub cache: Option<CacheUse>,
    /// What went wrong and cost no note, such as a damaged cache.
    pub warnings: Vec<String>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Runs `annotate`: reads the inputs, annotates them, and writes the output folder.
///
/// `progress` is called on the calling thread after each batch that is written.
///
/// # Errors
/// The run cannot start (configuration, tables, inputs, output folder) or cannot go on (disk).
pub fn run(config: &Config, replace: Replace, progress: &mut dyn FnMut(&Progress)) -> Result<RunReport> {
    let started = Instant::now();
    let resources = Resources::load(config)?;
    let pipeline = Pipeline::new(&resources)?;
    let mut discovered = discover(&config.input, &config.out)?;
    let options = read_options(config)?;
    check(&mut discovered, &options)?;
    let folder = OutputFolder::take(&config.out, replace)?;
    let loaded = started.elapsed().as_secs_f64();
    let mut output = Output::create(&folder, config)?;
    let input_bytes = total_bytes(&discovered.files);
    let readings = open_cache(config, &pipeline)?;
    let store = readings.as_ref().map(|readings| readings as &dyn ReadingStore);
    let usage = || readings.as_ref().map(CachedReadings::usage);
    let work = Work { config, pipeline: &pipeline, store, files: &discovered.files, options: &options };
    let (counts, sources) = flow(work, &mut output, &mut |counts| {
        progress(&Progress { counts: *counts, cache: usage(), input_bytes });
    })?;
    let cache = usage();
    let warnings: Vec<String> = readings.and_then(CachedReadings::close).into_iter().collect();
    let timings = Timings { load: loaded, total: started.elapsed().as_secs_f64(), cache };
    let described = RunFile {
        config,
        resources: &resources,
        pipeline: &pipeline,
        files: &discovered.files,
        sources: &sources,
        skipped: &discovered.skipped,
        counts: &counts,
        timings: &timings,
    };
    let described = described.to_json()?;
    output.finish(folder, &described)?;
    let skipped = discovered.skipped.into_iter().map(|skipped| skipped.path).collect();
    Ok(RunReport { counts, skipped, cache, warnings, seconds: timings.total })
}

/// The cache of a run; `None` where nothing is worth keeping, or the model's answers depend on what it reads beside.
fn open_cache(config: &Config, pipeline: &Pipeline) -> Result<Option<CachedReadings>> {
    if config.no_cache || !pipeline.has_model() || config.engine == Engine::RustBert {
        return Ok(None);
    }
    let options = CacheOptions { folder: config.cache.clone(), bytes: config.cache_size.map(|size| size.0) };
    CachedReadings::open(&options).map(Some)
}

fn read_options(config: &Config) -> Result<ReadOptions> {
    let mut columns =
        ColumnChoice { map: BTreeMap::new(), keep: config.keep.clone(), line: config.line_column.clone() };
    for (field, column) in &config.map {
        columns.add_mapping(&format!("{field}={column}"))?;
    }
    Ok(ReadOptions { columns, max_note_bytes: config.max_note_bytes })
}

fn total_bytes(files: &[InputFile]) -> Option<u64> {
    files.iter().map(|file| std::fs::metadata(&file.path).ok().map(|metadata| metadata.len())).sum()
}

/// The files that a run writes.
struct Output {
    mentions: TableWriter,
    notes: TableWriter,
    /// Tables that the configuration asks for: `sentences`, `texts`.
    optional: Vec<TableWriter>,
    rejects: BufWriter<File>,
    rejects_path: PathBuf,
    schemas: Schemas,
}

impl Output {
    fn create(folder: &OutputFolder, config: &Config) -> Result<Output> {
        let schemas = Schemas::new(config);
        let partial = folder.partial();
        let rejects_path = partial.join(REJECTS_FILE);
        let rejects = File::create(&rejects_path).map_err(|error| Error::io("creating", &rejects_path, error))?;
        let optional = [("sentences", &schemas.sentences), ("texts", &schemas.texts)];
        let optional = optional
            .into_iter()
            .filter_map(|(name, schema)| Some((name, schema.clone()?)))
            .map(|(name, schema)| TableWriter::create(partial, name, schema, &config.format))
            .collect::<Result<_>>()?;
        Ok(Output {
            mentions: TableWriter::create(partial, "mentions", schemas.mentions.clone(), &config.format)?,
            notes: TableWriter::create(partial, "notes", schemas.notes.clone(), &config.format)?,
            optional,
            rejects: BufWriter::new(rejects),
            rejects_path,
            schemas,
        })
    }

    fn write(&mut self, rows: &Rows) -> Result<()> {
        self.mentions.write(&rows.mentions)?;
        self.notes.write(&rows.notes)?;
        let batches = [&rows.sentences, &rows.texts].into_iter().flatten();
        for (table, batch) in self.optional.iter_mut().zip(batches) {
            table.write(batch)?;
        }
        self.rejects.write_all(&rows.rejects).map_err(|error| Error::io("writing", &self.rejects_path, error))
    }

    fn finish(mut self, folder: OutputFolder, described: &str) -> Result<()> {
        self.rejects.flush().map_err(|error| Error::io("writing", &self.rejects_path, error))?;
        let mut tables = self.mentions.finish()?;
        tables.extend(self.notes.finish()?);
        for table in self.optional {
            tables.extend(table.finish()?);
        }
        folder.commit(&tables, &self.rejects_path, described)
    }
}

/// What a run works on, and with what.
#[derive(Clone, Copy)]
struct Work<'a> {
    config: &'a Config,
    pipeline: &'a Pipeline,
    store: Option<&'a dyn ReadingStore>,
    files: &'a [InputFile],
    options: &'a ReadOptions,
}

/// Moves every record from the inputs to the output; gives the counts, and the sources with their hashes.
fn flow(work: Work<'_>, output: &mut Output, progress: &mut dyn FnMut(&Counts)) -> Result<(Counts, Vec<Source>)> {
    let Work { config, pipeline, store, files, options } = work;
    let n_workers = config.threads.get();
    let n_permits = n_workers * BATCHES_PER_WORKER;
    let (permit_sender, permits) = bounded::<()>(n_permits);
    let (batch_sender, batches) = bounded::<Batch>(n_permits);
    let (row_sender, finished) = bounded::<Result<Rows>>(n_permits);
    for _ in 0..n_permits {
        permit_sender.send(()).map_err(|_| Error::internal("the permits are gone"))?;
    }
    let names: Vec<String> = files.iter().map(|file| file.path.display().to_string()).collect();
    let schemas = output.schemas.clone();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_workers)
        .thread_name(|index| format!("annotate-{index}"))
        .build()
        .map_err(|error| Error::internal(format!("the workers cannot be started: {error}")))?;
    thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let size = if pipeline.has_model() { SMALL_BATCH } else { LARGE_BATCH };
            let batcher = Batcher::new(size, batch_sender, &permits);
            read(files, options, config.limit, batcher)
        });
        let written = pool.in_place_scope(|workers| {
            for _ in 0..n_workers {
                let (batches, row_sender) = (batches.clone(), row_sender.clone());
                let shared = Shared { pipeline, store, inputs: &names, schemas: &schemas };
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
            // Dropping the channel's end, also on an error, ends workers and reader.
            write(finished, &permit_sender, output, progress)
        });
        drop(permit_sender);
        let read = reader.join().map_err(|_| Error::internal("the reader panicked"))?;
        let counts = written?;
        let (n_read, sources) = read?;
        let n_written = counts.annotated + counts.empty + counts.rejected;
        if n_read != counts.read || n_read != n_written {
            return Err(Error::internal(format!("{n_read} records were read and {n_written} written")));
        }
        Ok((counts, sources))
    })
}

/// Writes rows in the order of their batches.
fn write(
    finished: Receiver<Result<Rows>>,
    permits: &Sender<()>,
    output: &mut Output,
    progress: &mut dyn FnMut(&Counts),
) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut waiting: BTreeMap<u64, Rows> = BTreeMap::new();
    let mut next = 0;
    for rows in finished {
        let rows = rows?;
        waiting.insert(rows.number, rows);
        while let Some(rows) = waiting.remove(&next) {
            output.write(&rows)?;
            counts.add(&rows.counts);
            progress(&counts);
            next += 1;
            // The reader may be done and gone.
            let _ = permits.try_send(());
        }
    }
    if !waiting.is_empty() {
        return Err(Error::internal("a batch is missing"));
    }
    Ok(counts)
}

/// Reads every input, and hands on batches; gives the number of records, and the sources.
fn read(
    files: &[InputFile],
    options: &ReadOptions,
    limit: Option<u64>,
    mut batcher: Batcher<'_>,
) -> Result<(u64, Vec<Source>)> {
    let mut seen = SeenIds::default();
    let mut sources = Vec::with_capacity(files.len());
    let mut n_read = 0;
    let limit = limit.unwrap_or(u64::MAX);
    for (index, file) in files.iter().enumerate() {
        let (rows, source) = open(file, index as u32, options)?;
        let assembler = Assembler::new(file, options);
        sources.push(source);
        for row in rows {
            if n_read >= limit {
                break;
            }
            let mut record = assembler.record(row);
            reject_repeated(&mut record, &mut seen)?;
            n_read += 1;
            if !batcher.push(record) {
                return Ok((n_read, sources));
            }
        }
    }
    batcher.flush();
    Ok((n_read, sources))
}

/// Rejects a record whose note_id was seen before in the run.
fn reject_repeated(record: &mut Record, seen: &mut SeenIds) -> Result<()> {
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

/// Groups records into numbered batches.
struct Batcher<'a> {
    size: BatchSize,
    batches: Sender<Batch>,
    permits: &'a Receiver<()>,
    number: u64,
    records: Vec<Record>,
    n_bytes: usize,
}

impl<'a> Batcher<'a> {
    fn new(size: BatchSize, batches: Sender<Batch>, permits: &'a Receiver<()>) -> Batcher<'a> {
        Batcher { size, batches, permits, number: 0, records: Vec::new(), n_bytes: 0 }
    }

    /// Adds a record; false when nobody takes batches any more.
    fn push(&mut self, record: Record) -> bool {
        if let Content::Text(text, _) = &record.content {
            self.n_bytes += text.len();
        }
        self.records.push(record);
        let full = self.n_bytes >= self.size.bytes || self.records.len() >= self.size.records;
        !full || self.flush()
    }

    /// Sends what was grouped.
    fn flush(&mut self) -> bool {
        if self.records.is_empty() {
            return true;
        }
        if self.permits.recv().is_err() {
            return false;
        }
        let batch = Batch { number: self.number, records: std::mem::take(&mut self.records) };
        self.number += 1;
        self.n_bytes = 0;
        self.batches.send(batch).is_ok()
    }
}
