//! What a run will take and meet, from a scan of its inputs and a run over a sample of their notes.
//!
//! The scan reads the first records of each file, all of them where the inputs are small; it counts what the readers reject,
//! and which sentences come again. How fast distinct sentences become rarer tells how many the whole holds (Heaps, 1978).
//! The sample, spread evenly over the scan, goes through the pipeline as in a run, into a temporary folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::batch::Counts;
use super::flow::{Work, flow_from, reject_repeated};
use super::output::Output;
use super::readings::{CacheUse, CachedReadings};
use super::run::{open_cache, read_options};
use super::{Pipeline, Resources};
use crate::config::Config;
use crate::note::{Note, NoteMeta};
use crate::read::{
    Assembler, Content, InputFile, ReadOptions, Record, SeenIds, check, discover, header, open, share_read,
};
use crate::recognize::ReadingStore;
use crate::write::folder::{Existing, OutputFolder, Taken};
use crate::{Error, Result};

/// Text that the scan reads.
const SCAN_BYTES: u64 = 64 << 20;
/// Notes that the scan keeps for the sample.
const SAMPLE_NOTES: usize = 1024;
/// Text that the sample holds at most.
const SAMPLE_BYTES: usize = 16 << 20;
/// Memory of the note ids: for each, and at most.
const ID_BYTES: f64 = 1.5;
const MOST_ID_BYTES: f64 = 100e6;

/// What a run will take and meet.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Input files.
    pub files: usize,
    /// Their bytes, as they stand on disk.
    pub input_bytes: u64,
    /// The share of them that was looked at.
    pub share_scanned: f64,
    /// Records, as far as can be told from the scan.
    pub records: u64,
    /// Bytes of text.
    pub text_bytes: u64,
    /// Columns of the tables, by name, and the fields for which they are taken.
    pub columns: BTreeMap<String, Option<String>>,
    /// The fields that records have.
    pub fields: Vec<FieldUse>,
    /// Encodings of the texts that were looked at, and how many have them.
    pub encodings: BTreeMap<String, u64>,
    /// Share of the records without a text.
    pub share_empty: f64,
    /// Share of the records that will be rejected.
    pub share_rejected: f64,
    /// Why, and how many of the records that were looked at.
    pub rejects: Vec<Reason>,
    /// Files that were found in folders and hold no notes.
    pub skipped_files: usize,
    /// Share of the sentences' bytes that stood in an earlier sentence.
    pub share_duplicated: f64,
    /// Share of the sentences whose reading will come from the cache; 0 without a model.
    pub cache_hit_rate: f64,
    /// Seconds on this machine with the threads asked for.
    pub seconds: f64,
    /// Seconds of the model among the work of all threads.
    pub model_seconds: f64,
    /// Threads asked for.
    pub threads: usize,
    /// Peak resident bytes; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// Bytes of the output tables.
    pub output_bytes: u64,
    /// Bytes on disk while the tables are assembled from the parts.
    pub disk_bytes: u64,
}

/// A field of the records.
#[derive(Clone, Debug, Serialize)]
pub struct FieldUse {
    /// Its name.
    pub field: &'static str,
    /// Share of the records that have it.
    pub share: f64,
}

/// Why records are rejected.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// The reason, with `#` for each number in it.
    pub reason: String,
    /// Records that were looked at and have it.
    pub records: u64,
}

/// Estimates a run of `annotate`; the sample takes about so long, and less where there is little.
///
/// # Errors
/// What would keep the run from starting.
pub fn estimate(config: &Config, sample_time: Duration) -> Result<Estimate> {
    let started = Instant::now();
    let resources = Resources::load(config)?;
    let pipeline = Pipeline::new(&resources)?;
    let load_seconds = started.elapsed().as_secs_f64();
    let mut discovered = discover(&config.input, &config.out)?;
    let options = read_options(config)?;
    check(&mut discovered, &options)?;
    let files = &discovered.files;
    let mut scan = Scan::default();
    scan.read(config, &pipeline, files, &options)?;
    let mut columns = BTreeMap::new();
    for file in files {
        for name in header(file, &options)?.unwrap_or_default() {
            let field = options.columns.field_of(&name);
            columns.insert(name, field.map(|field| field.names()[0].to_owned()));
        }
    }
    let sample = Sample::run(config, &pipeline, &options, scan.take_sample(), sample_time)?;
    let growth = 1.0 / scan.share().max(f64::MIN_POSITIVE);
    let records = (scan.counts.read as f64 * growth).round() as u64;
    let records = records.min(config.limit.unwrap_or(u64::MAX));
    let growth = records as f64 / scan.counts.read.max(1) as f64;
    let text_bytes = scan.counts.text_bytes as f64 * growth;
    let sentences = scan.sentences.n_all as f64 * growth;
    let distinct = scan.sentences.distinct_after(growth);
    let cost = sample.cost(text_bytes, if config.no_cache { sentences } else { distinct });
    let output_bytes = (sample.output_bytes as f64 * text_bytes / sample.counts.text_bytes.max(1) as f64) as u64;
    let of_records = |n: u64| n as f64 / scan.counts.read.max(1) as f64;
    let ids = (records as f64 * ID_BYTES).min(MOST_ID_BYTES) - (scan.counts.read as f64 * ID_BYTES).min(MOST_ID_BYTES);
    Ok(Estimate {
        files: files.len(),
        input_bytes: files.iter().filter_map(|file| Some(std::fs::metadata(&file.path).ok()?.len())).sum(),
        share_scanned: 1.0 / growth.max(1.0),
        records,
        text_bytes: text_bytes as u64,
        columns,
        fields: scan.fields(),
        encodings: scan.encodings,
        share_empty: of_records(scan.counts.empty),
        share_rejected: of_records(scan.counts.rejected),
        rejects: scan.reasons.into_iter().map(|(reason, records)| Reason { reason, records }).collect(),
        skipped_files: discovered.skipped.len(),
        share_duplicated: 1.0 - scan.sentences.distinct_bytes as f64 / scan.sentences.bytes.max(1) as f64,
        cache_hit_rate: if sample.cache.is_some() { 1.0 - distinct / sentences.max(1.0) } else { 0.0 },
        seconds: load_seconds + (cost.model + cost.other) / config.threads.get() as f64,
        model_seconds: cost.model,
        threads: config.threads.get(),
        memory_bytes: sample.memory_bytes.map(|bytes| bytes + ids as u64),
        output_bytes,
        disk_bytes: output_bytes * 2,
    })
}

/// What the records of the inputs are.
#[derive(Default)]
struct Scan {
    counts: Counts,
    encodings: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
    with_field: [u64; 5],
    sentences: Sentences,
    /// Records that were read, and how many there are in all, file by file.
    expected: f64,
    sample: Vec<Record>,
    /// Of so many records one is kept for the sample.
    stride: u64,
}

impl Scan {
    fn read(&mut self, config: &Config, pipeline: &Pipeline, files: &[InputFile], options: &ReadOptions) -> Result<()> {
        let mut seen = SeenIds::default();
        self.stride = 1;
        let limit = config.limit.unwrap_or(u64::MAX);
        for (index, file) in files.iter().enumerate() {
            // What earlier files left of the text to be read goes to the later ones.
            let room = (SCAN_BYTES - self.counts.text_bytes.min(SCAN_BYTES)) / (files.len() - index) as u64;
            let (rows, source) = open(file, index as u32, options)?;
            let assembler = Assembler::new(file, options);
            let (before, bytes_before) = (self.counts.read, self.counts.text_bytes);
            let mut is_whole = true;
            for row in rows {
                if self.counts.read >= limit || self.counts.text_bytes - bytes_before > room {
                    is_whole = self.counts.read >= limit;
                    break;
                }
                let mut record = assembler.record(row);
                reject_repeated(&mut record, &mut seen)?;
                self.add(record, pipeline);
            }
            let n_records = self.counts.read - before;
            let share = if is_whole { None } else { share_read(file, &source, n_records) };
            self.expected += n_records as f64 / share.unwrap_or(1.0).max(f64::MIN_POSITIVE);
        }
        Ok(())
    }

    /// The share of all records that was read.
    fn share(&self) -> f64 {
        if self.expected > 0.0 { self.counts.read as f64 / self.expected } else { 1.0 }
    }

    fn add(&mut self, record: Record, pipeline: &Pipeline) {
        let number = self.counts.read;
        self.counts.read += 1;
        let NoteMeta { patient_id, encounter_id, time, note_type, author, .. } = &record.meta;
        let has = [patient_id.is_some(), encounter_id.is_some(), time.is_some(), note_type.is_some(), author.is_some()];
        self.with_field.iter_mut().zip(has).for_each(|(count, has)| *count += u64::from(has));
        match &record.content {
            Content::Empty => self.counts.empty += 1,
            Content::Rejected(reason) => {
                self.counts.rejected += 1;
                *self.reasons.entry(without_numbers(reason)).or_default() += 1;
            }
            Content::Text(text, encoding) => {
                self.counts.annotated += 1;
                self.counts.text_bytes += text.len() as u64;
                *self.encodings.entry(encoding.name().to_owned()).or_default() += 1;
                self.sentences.add(pipeline, text);
            }
        }
        if number.is_multiple_of(self.stride) {
            self.sample.push(record);
            if self.sample.len() >= SAMPLE_NOTES {
                self.stride *= 2;
                let mut is_kept = false;
                self.sample.retain(|_| {
                    is_kept = !is_kept;
                    is_kept
                });
            }
        }
    }

    /// Records spread evenly over those that were read, such that any first few of them are so too.
    fn take_sample(&mut self) -> Vec<Record> {
        let records = std::mem::take(&mut self.sample);
        let bits = records.len().next_power_of_two().trailing_zeros();
        let mut spread: Vec<(u32, Record)> = (0u32..).zip(records).collect();
        // Numbers with their bits turned around jump over the whole range.
        spread.sort_by_key(|(index, _)| index.reverse_bits() >> (32 - bits.clamp(1, 31)));
        spread.into_iter().map(|(_, record)| record).collect()
    }

    fn fields(&self) -> Vec<FieldUse> {
        let names = ["patient_id", "encounter_id", "note_time", "note_type", "author"];
        let share = |count: u64| count as f64 / self.counts.read.max(1) as f64;
        names.into_iter().zip(self.with_field).map(|(field, count)| FieldUse { field, share: share(count) }).collect()
    }
}

/// Sentences of which a model would have to say something, and the distinct ones among them.
#[derive(Default)]
struct Sentences {
    n_all: u64,
    bytes: u64,
    distinct_bytes: u64,
    seen: FxHashSet<u64>,
    /// Numbers of all and of distinct ones, note by note.
    course: Vec<(u64, u64)>,
}

impl Sentences {
    fn add(&mut self, pipeline: &Pipeline, text: &str) {
        let document = pipeline.segment(Note::new("", text));
        for sentence in document.sentences() {
            let words = sentence.span.of(text);
            if !words.chars().any(char::is_alphabetic) {
                continue;
            }
            let section = document.section_of(sentence).map_or(0, |section| 1 + u64::from(section.kind.0));
            self.n_all += 1;
            self.bytes += words.len() as u64;
            if self.seen.insert(xxh3_64_with_seed(words.as_bytes(), section)) {
                self.distinct_bytes += words.len() as u64;
            }
        }
        self.course.push((self.n_all, self.seen.len() as u64));
    }

    /// How many distinct ones there will be when there are `growth` times as many.
    fn distinct_after(&self, growth: f64) -> f64 {
        let n_distinct = self.seen.len() as f64;
        let middle = self.course.get(self.course.len() / 2).copied().unwrap_or_default();
        let (all, distinct) = (self.n_all as f64 / middle.0.max(1) as f64, n_distinct / middle.1.max(1) as f64);
        let exponent = if all > 1.0 { (distinct.ln() / all.ln()).clamp(0.0, 1.0) } else { 1.0 };
        n_distinct * growth.powf(exponent)
    }
}

/// What the pipeline did with some notes.
struct Sample {
    counts: Counts,
    seconds: f64,
    cache: Option<CacheUse>,
    output_bytes: u64,
    memory_bytes: Option<u64>,
    threads: f64,
}

/// Seconds of all threads.
struct Cost {
    model: f64,
    other: f64,
}

impl Sample {
    fn run(
        config: &Config,
        pipeline: &Pipeline,
        options: &ReadOptions,
        records: Vec<Record>,
        time: Duration,
    ) -> Result<Sample> {
        let place =
            tempfile::tempdir().map_err(|error| Error::io("creating a folder in", &std::env::temp_dir(), error))?;
        let Taken::Held(folder) = OutputFolder::take(place.path(), Existing::Refuse)? else {
            return Err(Error::internal("a new folder holds a run"));
        };
        let config = Config { cache: None, cache_size: None, out: place.path().to_owned(), ..config.clone() };
        let readings = open_cache(&config, pipeline)?;
        let store = readings.as_ref().map(|readings| readings as &dyn ReadingStore);
        let mut output = Output::open(&folder, &config)?;
        let work = Work { config: &config, pipeline, store, files: &[], options, patients: None, stop: None };
        let started = Instant::now();
        flow_from(work, &mut output, &mut |_| {}, |mut batcher| {
            let (mut n_read, mut n_bytes) = (0, 0);
            for record in records {
                if started.elapsed() > time || n_bytes > SAMPLE_BYTES {
                    break;
                }
                if let Content::Text(text, _) = &record.content {
                    n_bytes += text.len();
                }
                n_read += 1;
                if !batcher.push(record).map_err(Error::internal)? {
                    return Ok((n_read, Vec::new()));
                }
            }
            batcher.finish().map_err(Error::internal)?;
            Ok((n_read, Vec::new()))
        })?;
        let tables = output.assemble()?;
        let seconds = started.elapsed().as_secs_f64();
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(Sample {
            counts: output.counts(),
            seconds,
            cache: readings.as_ref().map(CachedReadings::usage),
            output_bytes: tables.iter().map(|path| size(path)).sum(),
            memory_bytes: peak_memory(),
            threads: config.threads.get() as f64,
        })
    }

    /// What a text of so many bytes costs in which the model reads so many sentences.
    fn cost(&self, text_bytes: f64, read: f64) -> Cost {
        let usage = self.cache.unwrap_or_default();
        let other = (self.seconds * self.threads - usage.model_seconds).max(0.0);
        Cost {
            model: usage.model_seconds * read / usage.read.max(1) as f64,
            other: other * text_bytes / self.counts.text_bytes.max(1) as f64,
        }
    }
}

/// The most memory that this process had, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// A reason with `#` for each number, so that equal ones are counted together.
fn without_numbers(reason: &str) -> String {
    let mut plain = String::with_capacity(reason.len());
    for character in reason.chars() {
        if !character.is_ascii_digit() {
            plain.push(character);
        } else if !plain.ends_with('#') {
            plain.push('#');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_sentences_go_on_becoming_rarer() {
        let mut sentences =
            Sentences { n_all: 400, course: vec![(100, 100), (200, 141), (400, 200)], ..Sentences::default() };
        sentences.seen.extend(0..200u64);
        // Twice as many gave the square root of two as many.
        let expected = 200.0 * 2.0f64.powf((200.0f64 / 141.0).ln() / 2.0f64.ln());
        assert!((sentences.distinct_after(2.0) - expected).abs() < 1e-9);
        assert_eq!(sentences.distinct_after(1.0), 200.0);
    }

    #[test]
    fn reasons_are_counted_without_their_numbers() {
        assert_eq!(without_numbers("expected 12 fields, found 3"), "expected # fields, found #");
    }
}
