//! The tables and the dictionary, written block by block.

use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, StatisticsOptions};

use super::folder::{LONG, WIDE};
use super::long::FrameWriter;
use super::report::Written;
use super::wide::{Labels, WideColumns};
use super::work::{Rows, Work};
use super::{dictionary, long, wide};
use crate::write::folder::create;
use crate::{Error, Result};

/// Rows of a row group of the wide table, whose many columns make small groups costly.
const WIDE_ROWS_PER_GROUP: usize = 4096;
/// Columns times row groups of a file of the wide table; each takes some 4 KB of memory while the file is written.
const MAX_CHUNKS_PER_FILE: usize = 40_000;

/// Writes the tables and the dictionary.
///
/// # Errors
/// The disk refuses something, or the tables of the run do not belong together.
pub(super) fn write(work: &Work<'_>, folder: &Path, max_wide_features: usize) -> Result<Written> {
    let mut n_index_rows = vec![0; work.plan.features.len()];
    let mut long = FrameWriter::new(folder.join(LONG), LONG, StatisticsOptions::default());
    let make = |rows: Rows<'_>| {
        let mut features: Vec<u32> = Vec::new();
        for index in &rows {
            let of_index = index.rows.chunk_by(|left, right| left.feature == right.feature);
            features.extend(of_index.filter_map(|rows| rows.first().map(|row| row.feature)));
        }
        Ok((features, long::frame(&rows, work.plan)?))
    };
    work.for_each_block(make, |(features, frame)| {
        for feature in features {
            if let Some(n_rows) = n_index_rows.get_mut(feature as usize) {
                *n_rows += 1;
            }
        }
        long.write(&frame)
    })?;
    let long_rows = long.finish()?;
    let wide = WideColumns::choose(work.plan, &n_index_rows, work.windows, max_wide_features);
    let wide_rows = write_wide(work, folder, &wide)?;
    dictionary::write(folder, work.plan, &n_index_rows, &wide)?;
    Ok(Written {
        features: n_index_rows.iter().filter(|n_rows| **n_rows > 0).count() as u64,
        long_rows,
        wide_rows,
        wide_columns: wide.columns.len() as u64,
    })
}

fn write_wide(work: &Work<'_>, folder: &Path, wide: &WideColumns) -> Result<u64> {
    let labels = || work.cohort.rows().filter_map(|row| row.label.as_deref());
    let kind = match labels().next() {
        None => Labels::None,
        Some(_) if labels().all(|label| wide::number(label).is_some()) => Labels::Numbers,
        Some(_) => Labels::Texts,
    };
    let groups_per_part = (MAX_CHUNKS_PER_FILE / wide.columns.len().max(1)).max(1);
    let rows_per_part = groups_per_part.saturating_mul(WIDE_ROWS_PER_GROUP);
    let is_one_file = work.cohort.rows().count() <= rows_per_part;
    let rows_per_part = if is_one_file { usize::MAX } else { rows_per_part };
    let mut writer = WideWriter::create(folder, WIDE_ROWS_PER_GROUP, rows_per_part)?;
    work.for_each_block(|rows| wide::frame(&rows, &kind, wide), |frame| writer.write(frame))?;
    writer.finish()
}

/// Writes the wide table as one file, or as numbered parts in a folder of its name: the description of the groups and columns
/// of a file stays in memory until it is complete.
struct WideWriter {
    path: PathBuf,
    rows_per_group: usize,
    rows_per_part: usize,
    /// Rows that are no group yet.
    waiting: Option<DataFrame>,
    part: FrameWriter,
    n_parts: usize,
    /// Rows of the parts that are complete.
    n_rows: u64,
}

impl WideWriter {
    /// A table in `folder`; `usize::MAX` rows a part make it one file.
    fn create(folder: &Path, rows_per_group: usize, rows_per_part: usize) -> Result<WideWriter> {
        let path = folder.join(WIDE);
        if rows_per_part < usize::MAX {
            create(&path)?;
        }
        let part = FrameWriter::new(part_path(&path, 0, rows_per_part), WIDE, StatisticsOptions::empty());
        Ok(WideWriter { path, rows_per_group, rows_per_part, waiting: None, part, n_parts: 1, n_rows: 0 })
    }

    fn write(&mut self, frame: DataFrame) -> Result<()> {
        let joined = match self.waiting.take() {
            None => frame,
            Some(mut joined) => {
                let failed = |error| Error::internal(format!("rows of wide: {error}"));
                joined.vstack_mut(&frame).map_err(failed)?;
                joined
            }
        };
        if joined.height() >= self.rows_per_group {
            return self.write_group(joined);
        }
        self.waiting = Some(joined);
        Ok(())
    }

    fn write_group(&mut self, mut group: DataFrame) -> Result<()> {
        if self.part.n_rows() >= self.rows_per_part as u64 {
            let path = part_path(&self.path, self.n_parts, self.rows_per_part);
            let next = FrameWriter::new(path, WIDE, StatisticsOptions::empty());
            self.n_rows += std::mem::replace(&mut self.part, next).finish()?;
            self.n_parts += 1;
        }
        group.rechunk_mut();
        self.part.write(&group)
    }

    /// Completes the table; gives the number of its rows.
    fn finish(mut self) -> Result<u64> {
        if let Some(rest) = self.waiting.take() {
            self.write_group(rest)?;
        }
        Ok(self.n_rows + self.part.finish()?)
    }
}

fn part_path(table: &Path, part: usize, rows_per_part: usize) -> PathBuf {
    if rows_per_part == usize::MAX { table.to_owned() } else { table.join(format!("part-{part:05}.parquet")) }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, IntoColumn, NewChunkedArray, ParquetReader, SerReader, UInt32Chunked};

    use super::*;

    #[test]
    fn parts_hold_all_rows_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = WideWriter::create(folder.path(), 10, 20).unwrap();
        for first in (0..70).step_by(7) {
            let numbers = UInt32Chunked::from_iter_values("n".into(), first..first + 7);
            let columns: Vec<Column> = vec![numbers.into_column()];
            writer.write(DataFrame::new(7, columns).unwrap()).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), 70);
        let mut found: Vec<u32> = Vec::new();
        for part in 0..3 {
            let file = std::fs::File::open(part_path(&folder.path().join(WIDE), part, 20)).unwrap();
            let frame = ParquetReader::new(file).finish().unwrap();
            found.extend(frame.column("n").unwrap().u32().unwrap().into_no_null_iter());
        }
        assert_eq!(found, (0..70).collect::<Vec<_>>());
    }
}
