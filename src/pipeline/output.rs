//! What a run writes: parts of consecutive batches, then the finished tables.
//!
//! A part is so many batches, whatever the number of workers; so the tables, which are assembled from the parts, are the
//! same whether or not the run was stopped between two of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

use super::batch::{Counts, Rows, Schemas};
use crate::config::Config;
use crate::write::OutputFormat;
use crate::write::assemble::{PartFile, assemble, join_lines};
use crate::write::folder::{OutputFolder, PartFolder, REJECTS_FILE};
use crate::write::table::TableWriter;
use crate::{Error, Result};

/// Batches of a part: seconds of work, which a killed run does again.
pub(super) const BATCHES_PER_PART: u64 = 128;

/// What a part says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The number of the batch after its last one.
    pub next_batch: u64,
    /// The fingerprint of all records up to there.
    pub records: String,
    /// What came of its notes.
    pub counts: Counts,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
}

/// The parts of a run, done and in work.
pub(super) struct Output<'a> {
    folder: &'a OutputFolder,
    formats: Vec<OutputFormat>,
    schemas: Schemas,
    done: Vec<(PartFolder, Part)>,
    open: Option<OpenPart>,
}

/// The part that rows go to.
struct OpenPart {
    tables: Vec<TableWriter>,
    rejects: BufWriter<File>,
    rejects_path: PathBuf,
    next_batch: u64,
    records: u128,
    counts: Counts,
}

impl<'a> Output<'a> {
    /// The output of a run, with the parts that the folder holds.
    pub fn open(folder: &'a OutputFolder, config: &Config) -> Result<Output<'a>> {
        let mut done = Vec::new();
        for part in folder.parts()? {
            let described = serde_json::from_str(&part.description);
            let described: Part =
                described.map_err(|error| Error::output(&part.path, format!("its description: {error}")))?;
            done.push((part, described));
        }
        Ok(Output { folder, formats: config.format.clone(), schemas: Schemas::new(config), done, open: None })
    }

    /// The schemas of the tables.
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// The parts that are done.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.done.iter().map(|(_, part)| part)
    }

    /// The batch that is to be written next.
    pub fn next_batch(&self) -> u64 {
        self.parts().last().map_or(0, |part| part.next_batch)
    }

    /// What came of the notes of all parts that are done.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.parts().for_each(|part| counts.add(&part.counts));
        counts
    }

    /// Appends the rows of a batch; true where they complete a part.
    pub fn write(&mut self, rows: &Rows) -> Result<bool> {
        let part = match &mut self.open {
            Some(part) => part,
            None => {
                let path = self.folder.begin_part()?;
                self.open.insert(OpenPart::begin(&path, &self.schemas, &self.formats)?)
            }
        };
        part.write(rows)?;
        let is_full = part.next_batch.is_multiple_of(BATCHES_PER_PART);
        if is_full {
            self.close_part()?;
        }
        Ok(is_full)
    }

    /// Completes the part in work; a run without records has one part too.
    pub fn close_part(&mut self) -> Result<()> {
        if self.open.is_none() && self.done.is_empty() {
            let path = self.folder.begin_part()?;
            self.open = Some(OpenPart::begin(&path, &self.schemas, &self.formats)?);
        }
        let Some(open) = self.open.take() else { return Ok(()) };
        let part = open.finish()?;
        let description =
            serde_json::to_string(&part).map_err(|error| Error::internal(format!("a part's description: {error}")))?;
        self.done.push((self.folder.finish_part(self.done.len(), description)?, part));
        Ok(())
    }

    /// Assembles the tables; gives their paths.
    pub fn assemble(&self) -> Result<Vec<PathBuf>> {
        let target = self.folder.begin_final()?;
        let mut written = Vec::new();
        for (name, schema) in self.schemas.tables() {
            for &format in &self.formats {
                let file = |(folder, part): &(PartFolder, Part)| PartFile {
                    path: folder.path.join(format!("{name}.{}", format.extension())),
                    rows: part.rows.get(name).copied().unwrap_or(0),
                };
                let parts: Vec<PartFile> = self.done.iter().map(file).collect();
                written.push(assemble(&target, name, schema, format, &parts)?);
            }
        }
        let rejects = target.join(REJECTS_FILE);
        let parts: Vec<PathBuf> = self.done.iter().map(|(folder, _)| folder.path.join(REJECTS_FILE)).collect();
        join_lines(&rejects, &[], parts.iter().map(PathBuf::as_path))?;
        written.push(rejects);
        Ok(written)
    }
}

impl OpenPart {
    fn begin(folder: &Path, schemas: &Schemas, formats: &[OutputFormat]) -> Result<OpenPart> {
        let rejects_path = folder.join(REJECTS_FILE);
        let rejects = File::create(&rejects_path).map_err(|error| Error::io("creating", &rejects_path, error))?;
        let table =
            |(name, schema): (&'static str, &SchemaRef)| TableWriter::create(folder, name, schema.clone(), formats);
        Ok(OpenPart {
            tables: schemas.tables().map(table).collect::<Result<_>>()?,
            rejects: BufWriter::new(rejects),
            rejects_path,
            next_batch: 0,
            records: 0,
            counts: Counts::default(),
        })
    }

    fn write(&mut self, rows: &Rows) -> Result<()> {
        for (table, batch) in self.tables.iter_mut().zip(rows.tables()) {
            table.write(batch)?;
        }
        self.rejects.write_all(&rows.rejects).map_err(|error| Error::io("writing", &self.rejects_path, error))?;
        self.next_batch = rows.number + 1;
        self.records = rows.records;
        self.counts.add(&rows.counts);
        Ok(())
    }

    fn finish(self) -> Result<Part> {
        let rejects = self.rejects.into_inner().map_err(std::io::IntoInnerError::into_error);
        let flushed = rejects.and_then(|file| file.sync_all());
        flushed.map_err(|error| Error::io("writing", &self.rejects_path, error))?;
        let mut rows = BTreeMap::new();
        for table in self.tables {
            let name = table.name().to_owned();
            rows.insert(name, table.finish()?);
        }
        let records = format!("{:032x}", self.records);
        Ok(Part { next_batch: self.next_batch, records, counts: self.counts, rows })
    }
}
