//! The tables as files.

use std::path::Path;

use super::columns::{MEASUREMENT, NOTE, NOTE_NLP, OmopTable, TableRows};
use super::ids::{IdKind, Ids};
use super::rows::{NoteKeys, RowMaker};
use super::{NO_PATIENT, NO_TIME, OmopOptions, OmopTableName, Snippets, hold};
use crate::Result;
use crate::export::{Exporting, Written};
use crate::past_run::{NoteRowStream, NoteTexts};
use crate::write::table::TableWriter;

/// Rows of a batch, and bytes of its texts.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 4 << 20;

/// Writes every table in every format.
pub(super) fn write(
    exporting: &mut Exporting<'_>,
    options: &OmopOptions,
    maker: &mut RowMaker<'_>,
) -> Result<(Written, Ids)> {
    let kinds = [IdKind::Note, IdKind::Person, IdKind::Visit];
    let beside = exporting.folder.join("ids.csv");
    let ids_file = options.ids.as_deref().unwrap_or(&beside);
    let mut ids = Ids::assign(exporting.run, &kinds, options.ids.as_deref(), ids_file, 0)?;
    let mut tables = TableFiles::create(exporting.folder, options)?;
    let needs_text = tables.note.is_some() || (options.snippets == Snippets::Written && tables.note_nlp.is_some());
    let mut texts = NoteTexts::open(exporting.run, &exporting.options.notes)?;
    let mut stream = NoteRowStream::open(exporting.run)?;
    let mut n_bytes = 0;
    while let Some(rows) = stream.next()? {
        if exporting.ledger.lose_without_text(&rows) {
            continue;
        }
        let note = ids.of(IdKind::Note, rows.id())?;
        let Some(patient) = rows.note.text("patient_id") else {
            exporting.ledger.lose_note(&rows, NO_PATIENT)?;
            continue;
        };
        let Some(time) = rows.note.time("note_time") else {
            exporting.ledger.lose_note(&rows, NO_TIME)?;
            continue;
        };
        let person = ids.of(IdKind::Person, patient)?;
        let visit = rows.note.text("encounter_id").map(|id| ids.of(IdKind::Visit, id)).transpose()?;
        let keys = NoteKeys { note, person, visit, time };
        let text = if needs_text { Some(texts.note(&rows.note)?.text) } else { None };
        if let Some(text) = text.as_deref().filter(|_| tables.note.is_some()) {
            maker.push_note(&rows, &keys, text);
            n_bytes += text.len();
        }
        if tables.note_nlp.is_some() {
            maker.push_terms(&rows, &keys, text.as_deref())?;
        }
        hold(&mut exporting.ledger, &rows, options);
        if n_bytes >= BATCH_BYTES || maker.note_nlp.n_rows() >= BATCH_ROWS {
            n_bytes = 0;
            tables.write(maker)?;
        }
    }
    tables.write(maker)?;
    Ok((tables.finish()?, ids))
}

/// The files of the tables that are asked for.
struct TableFiles {
    note: Option<TableWriter>,
    note_nlp: Option<TableWriter>,
    measurement: Option<TableWriter>,
}

impl TableFiles {
    fn create(folder: &Path, options: &OmopOptions) -> Result<TableFiles> {
        let file = |name, table: &OmopTable| {
            let is_asked_for = options.tables.contains(&name);
            let create = || TableWriter::create_whole(folder, table.name, table.schema(), &options.formats);
            is_asked_for.then(create).transpose()
        };
        Ok(TableFiles {
            note: file(OmopTableName::Note, &NOTE)?,
            note_nlp: file(OmopTableName::NoteNlp, &NOTE_NLP)?,
            measurement: file(OmopTableName::Measurement, &MEASUREMENT)?,
        })
    }

    /// Writes the rows that were made.
    fn write(&mut self, maker: &mut RowMaker<'_>) -> Result<()> {
        write_rows(&mut self.note, &mut maker.note)?;
        write_rows(&mut self.note_nlp, &mut maker.note_nlp)?;
        write_rows(&mut self.measurement, &mut maker.measurement)
    }

    fn finish(self) -> Result<Written> {
        let mut written = Written::new();
        for writer in [self.note, self.note_nlp, self.measurement].into_iter().flatten() {
            written.insert(writer.name(), writer.finish()?);
        }
        Ok(written)
    }
}

fn write_rows(writer: &mut Option<TableWriter>, rows: &mut TableRows) -> Result<()> {
    let batch = rows.take()?;
    writer.as_mut().map_or(Ok(()), |writer| writer.write(&batch))
}
