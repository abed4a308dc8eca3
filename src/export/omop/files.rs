//! The tables as files.

use super::columns::{MEASUREMENT, NOTE, NOTE_NLP, TableRows};
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
    let has = |table| options.tables.contains(&table);
    let tables =
        [(OmopTableName::Note, &NOTE), (OmopTableName::NoteNlp, &NOTE_NLP), (OmopTableName::Measurement, &MEASUREMENT)];
    let writer = |(name, table): (OmopTableName, &'static super::columns::OmopTable)| {
        let folder = exporting.folder;
        has(name).then(|| TableWriter::create_whole(folder, table.name, table.schema(), &options.formats)).transpose()
    };
    let [mut notes, mut terms, mut measurements] = {
        let [note, note_nlp, measurement] = tables;
        [writer(note)?, writer(note_nlp)?, writer(measurement)?]
    };
    let has_snippets = options.snippets == Snippets::Written && has(OmopTableName::NoteNlp);
    let needs_text = has(OmopTableName::Note) || has_snippets;
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
        if let Some(text) = text.as_deref().filter(|_| notes.is_some()) {
            maker.push_note(&rows, &keys, text);
            n_bytes += text.len();
        }
        if terms.is_some() {
            maker.push_terms(&rows, &keys, text.as_deref())?;
        }
        hold(&mut exporting.ledger, &rows, options);
        if n_bytes >= BATCH_BYTES || maker.note_nlp.n_rows() >= BATCH_ROWS {
            n_bytes = 0;
            flush(&mut notes, &mut maker.note)?;
            flush(&mut terms, &mut maker.note_nlp)?;
            flush(&mut measurements, &mut maker.measurement)?;
        }
    }
    flush(&mut notes, &mut maker.note)?;
    flush(&mut terms, &mut maker.note_nlp)?;
    flush(&mut measurements, &mut maker.measurement)?;
    let mut written = Written::new();
    for writer in [notes, terms, measurements].into_iter().flatten() {
        written.insert(writer.name(), writer.finish()?);
    }
    Ok((written, ids))
}

/// Writes the rows that were collected, where the table is asked for.
fn flush(writer: &mut Option<TableWriter>, rows: &mut TableRows) -> Result<()> {
    let batch = rows.take()?;
    writer.as_mut().map_or(Ok(()), |writer| writer.write(&batch))
}
