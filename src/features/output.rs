//! The tables and the dictionary, written block by block.

use std::path::Path;

use polars::prelude::{DataFrame, StatisticsOptions};

use super::folder::{LONG, WIDE};
use super::long::FrameWriter;
use super::report::Written;
use super::wide::{Labels, WideColumns};
use super::work::{Rows, Work};
use super::{dictionary, long, wide};
use crate::{Error, Result};

/// Rows of a row group of the wide table, whose many columns make small groups costly.
const WIDE_ROWS_PER_GROUP: usize = 4096;

/// Writes the tables and the dictionary.
///
/// # Errors
/// The disk refuses something, or the tables of the run do not belong together.
pub(super) fn write(work: &Work<'_>, folder: &Path, max_wide_features: usize) -> Result<Written> {
    let mut n_index_rows = vec![0; work.plan.features.len()];
    let mut long = FrameWriter::new(folder, LONG, StatisticsOptions::default());
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
    let mut writer = FrameWriter::new(folder, WIDE, StatisticsOptions::empty());
    let mut waiting: Option<DataFrame> = None;
    let failed = |error| Error::internal(format!("rows of wide: {error}"));
    work.for_each_block(
        |rows| wide::frame(&rows, &kind, wide),
        |frame| {
            let mut joined = match waiting.take() {
                None => frame,
                Some(mut joined) => {
                    joined.vstack_mut(&frame).map_err(failed)?;
                    joined
                }
            };
            if joined.height() >= WIDE_ROWS_PER_GROUP {
                joined.rechunk_mut();
                return writer.write(&joined);
            }
            waiting = Some(joined);
            Ok(())
        },
    )?;
    if let Some(mut rest) = waiting {
        rest.rechunk_mut();
        writer.write(&rest)?;
    }
    writer.finish()
}
