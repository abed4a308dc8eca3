//! A run over files: what it needs is loaded, records flow from the inputs into parts, parts become tables.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

use super::batch::Counts;
use super::flow::{End, Work, flow};
use super::output::Output;
use super::readings::{CacheUse, CachedReadings};
use super::run_file::{RunFile, Timings};
use super::state::{compare, compare_finished, parts_of_run, state};
use super::{Pipeline, Resources, patients};
use crate::cache::CacheOptions;
use crate::config::{Config, Engine};
use crate::read::{ColumnChoice, InputFile, ReadOptions, check, discover};
use crate::recognize::ReadingStore;
use crate::write::Names;
use crate::write::folder::{Existing, OutputFolder, Taken};
use crate::{Error, ErrorKind, Result};

/// How a run begins and how it may be stopped.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions<'a> {
    /// What is done with the run that the output folder holds.
    pub existing: Existing,
    /// Once this is set, the run stops after the part in work, with an error that says how to go on.
    pub stop: Option<&'a AtomicBool>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What came of the notes written so far.
    pub counts: Counts,
    /// What came of the notes that were done before this run went on with them.
    pub resumed: Counts,
    /// What the cache spared so far; `None` without a cache or a model.
    pub cache: Option<CacheUse>,
    /// The share of the input that was read so far, in 0..=1; `None` where its size is not known.
    pub share_read: Option<f64>,
}

/// What a finished run did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunReport {
    /// What came of the notes.
    pub counts: Counts,
    /// What came of the notes that were done before this run went on with them; all, where it was finished.
    pub resumed: Counts,
    /// Files found in folders that hold no notes; `run.json` says why.
    pub skipped: Vec<PathBuf>,
    /// What the cache spared; `None` without a cache or a model.
    pub cache: Option<CacheUse>,
    /// What went wrong and cost no note, such as a damaged cache or patients that contradict their notes.
    pub warnings: Vec<String>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Runs `annotate`: reads the inputs, annotates them, and writes the output folder.
///
/// `progress` is called on the calling thread after each batch that is written.
///
/// # Errors
/// The run cannot start (configuration, tables, inputs, output folder), cannot go on (disk), or was stopped.
pub fn run(config: &Config, options: RunOptions<'_>, progress: &mut dyn FnMut(&Progress)) -> Result<RunReport> {
    let started = Instant::now();
    let resources = Resources::load(config)?;
    let pipeline = Pipeline::new(&resources)?;
    let mut discovered = discover(&config.input, &config.out)?;
    let read_options = read_options(config)?;
    check(&mut discovered, &read_options)?;
    let files = &discovered.files;
    let patients = patients::load(config)?;
    let mut parts = parts_of_run(config, &resources, &pipeline);
    parts["patients"] = patients::identity(patients.as_ref());
    let folder = match OutputFolder::take(&config.out, options.existing)? {
        Taken::Held(folder) => folder,
        Taken::Finished(described) => {
            let skipped = discovered.skipped.iter().map(|skipped| skipped.path.clone()).collect();
            return finished_before(config, &described, &parts, files, skipped, started);
        }
    };
    begin_or_go_on(config, &folder, &state(&parts, files))?;
    let readings = open_cache(config, &pipeline)?;
    let loaded = started.elapsed().as_secs_f64();
    let mut output = Output::open(&folder, config)?;
    let resumed = output.counts();
    let input_bytes = total_bytes(files);
    let store = readings.as_ref().map(|readings| readings as &dyn ReadingStore);
    let usage = || readings.as_ref().map(CachedReadings::usage);
    let work = Work {
        config,
        pipeline: &pipeline,
        store,
        files,
        options: &read_options,
        patients: patients.as_ref(),
        stop: options.stop,
    };
    let end = flow(work, &mut output, &mut |counts, read_bytes| {
        let of_bytes = input_bytes.map(|all| read_bytes as f64 / all.max(1) as f64);
        let of_limit = config.limit.map(|limit| counts.read as f64 / limit.max(1) as f64);
        let share_read = of_bytes.into_iter().chain(of_limit).reduce(f64::max).map(|share| share.min(1.0));
        progress(&Progress { counts: *counts, resumed, cache: usage(), share_read });
    });
    let cache = usage();
    let mut warnings: Vec<String> = readings.and_then(CachedReadings::close).into_iter().collect();
    let sources = match end? {
        End::Complete(sources) => sources,
        End::Stopped => {
            return Err(ErrorKind::Stopped { path: config.out.clone(), done: output.counts().read }.into());
        }
    };
    let counts = output.counts();
    if let Some(patients) = &patients {
        warnings.extend(counts.patients.warnings(patients));
    }
    let tables = output.assemble()?;
    let (total, ended) = (started.elapsed().as_secs_f64(), Timestamp::now());
    let timings = Timings { load: loaded, total, ended, resumed, cache };
    let described = RunFile {
        config,
        resources: &resources,
        pipeline: &pipeline,
        files,
        sources: &sources,
        skipped: &discovered.skipped,
        patients: patients.as_ref(),
        counts: &counts,
        timings: &timings,
    };
    folder.commit(&tables, &described.to_json()?)?;
    let skipped = discovered.skipped.into_iter().map(|skipped| skipped.path).collect();
    Ok(RunReport { counts, resumed, skipped, cache, warnings, seconds: timings.total })
}

/// Says what the run is made of, or checks that the one that goes on is made of the same.
fn begin_or_go_on(config: &Config, folder: &OutputFolder, asked: &Value) -> Result<()> {
    match folder.state()? {
        None => folder.set_state(&asked.to_string()),
        Some(begun) => {
            let begun = serde_json::from_str(&begun);
            let begun = begun.map_err(|error| Error::output(&config.out, format!("the state of its run: {error}")))?;
            compare(config, &begun, asked)
        }
    }
}

/// The report of a run that was finished before.
fn finished_before(
    config: &Config,
    described: &str,
    parts: &Value,
    files: &[InputFile],
    skipped: Vec<PathBuf>,
    started: Instant,
) -> Result<RunReport> {
    let unreadable = |error| Error::output(&config.out, format!("its run.json: {error}"));
    let run: Value = serde_json::from_str(described).map_err(unreadable)?;
    compare_finished(config, &run, parts, files)?;
    let counts: Counts = serde_json::from_value(run["counts"].clone()).map_err(unreadable)?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(RunReport { counts, resumed: counts, skipped, cache: None, warnings: Vec::new(), seconds })
}

/// The cache of a run; `None` where nothing is worth keeping, or the model's answers depend on what it reads beside.
pub(super) fn open_cache(config: &Config, pipeline: &Pipeline) -> Result<Option<CachedReadings>> {
    if config.no_cache || !pipeline.has_model() || config.engine == Engine::RustBert {
        return Ok(None);
    }
    let options = CacheOptions {
        folder: config.cache.clone(),
        bytes: config.cache_size.map(|size| size.0),
        key: pipeline.segment_key().copied(),
    };
    CachedReadings::open(&options).map(Some)
}

/// How the inputs of a run are read.
pub(crate) fn read_options(config: &Config) -> Result<ReadOptions> {
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
