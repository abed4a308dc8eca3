//! The text of a note of a past run: from the inputs that the run names, its table `texts`, or inputs that are given.

use std::path::Path;

use super::{PastRun, Row};
use crate::database::is_url;
use crate::note::{NoteMeta, NoteTime};
use crate::pipeline::read_options;
use crate::read::run_table::{self, Wanted};
use crate::read::{Assembler, Content, ReadOptions, Record, discover, open};
use crate::write::{text_hash, texts};
use crate::{Error, Note, Result};

/// Where the texts of a run's notes are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NoteSource {
    /// The run's own table `texts` where it has one, and the inputs that `run.json` names.
    #[default]
    OfTheRun,
    /// These inputs, by the identifiers of their notes.
    Given(Vec<String>),
}

/// Where a text was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundIn {
    /// The run's table `texts`.
    Texts,
    /// The input that the run read.
    Input,
    /// An input that was given.
    Given,
}

pub(super) const REMEDY: &str = "name the notes with --notes INPUT";

impl PastRun {
    /// A note with the text that the run annotated; `row` is its row of `notes`.
    ///
    /// # Errors
    /// The text is not to be found, or is another one than that which the run annotated.
    pub fn read_note(&self, row: &Row, source: &NoteSource) -> Result<(Note, FoundIn)> {
        let id = row.text("note_id").unwrap_or_default();
        let (text, found_in) = match source {
            NoteSource::Given(inputs) => (self.given_text(id, inputs)?, FoundIn::Given),
            NoteSource::OfTheRun if run_table::holds(self.folder(), "texts") => (self.kept_text(id)?, FoundIn::Texts),
            NoteSource::OfTheRun => (self.input_text(row)?, FoundIn::Input),
        };
        Ok((self.checked(row, text)?, found_in))
    }

    /// The note of a row of `notes`, where this is the text that was annotated.
    pub(super) fn checked(&self, row: &Row, text: String) -> Result<Note> {
        let id = row.text("note_id").unwrap_or_default();
        let (found, expected) = (text_hash(&text), row.text("text_hash").unwrap_or_default());
        if found != expected {
            let problem = format!(
                "the text of note {id:?} is not the one that was annotated: its hash was {expected}, and is {found}; {REMEDY}, \
                 or annotate again"
            );
            return Err(Error::input(self.folder(), problem));
        }
        let owned = |column: &str| row.text(column).map(str::to_owned);
        let meta = NoteMeta {
            id: id.to_owned(),
            patient_id: owned("patient_id"),
            encounter_id: owned("encounter_id"),
            time: row.time("note_time").map(NoteTime),
            note_type: owned("note_type"),
            author: owned("author"),
            kept: Vec::new(),
        };
        Ok(Note { meta, text })
    }

    fn kept_text(&self, id: &str) -> Result<String> {
        let wanted = Wanted { column: "note_id", value: id };
        let batch = run_table::find(self.folder(), "texts", &texts::schema(), wanted)?;
        let text = batch.map(Row::first).and_then(|row| row.text("text").map(str::to_owned));
        text.ok_or_else(|| Error::input(self.folder(), format!("the table texts holds no note {id:?}; {REMEDY}")))
    }

    /// The text of the record of the input that the row names.
    fn input_text(&self, row: &Row) -> Result<String> {
        let config = self.config()?;
        let (input, number) = (row.text("input").unwrap_or_default(), row.number("record"));
        let input = self.input_now(input);
        readable(&input)?;
        let is_it = |record: &Record| Some(record.origin.record) == number;
        let found = text_of(std::slice::from_ref(&input), &config.out, &read_options(&config)?, is_it)?;
        let number = number.unwrap_or_default();
        found
            .ok_or_else(|| Error::input(Path::new(&input), format!("record {number} holds no text any more; {REMEDY}")))
    }

    /// The text of the note of an identifier.
    fn given_text(&self, id: &str, inputs: &[String]) -> Result<String> {
        let config = self.config()?;
        let found = text_of(inputs, &config.out, &read_options(&config)?, |record| record.meta.id == id)?;
        let path = inputs.join(" ");
        found.ok_or_else(|| Error::input(Path::new(&path), format!("no note with a text has the id {id:?}")))
    }
}

/// Refuses an input that is not there any more.
pub(super) fn readable(input: &str) -> Result<()> {
    let path = Path::new(input);
    if input == "-" {
        return Err(Error::input(path, format!("standard input cannot be read again; {REMEDY}")));
    }
    if is_url(input) {
        let problem =
            format!("a query is not asked again for the texts of a run; {REMEDY}, or annotate with --keep-text");
        return Err(Error::input(path, problem));
    }
    if !path.exists() {
        return Err(Error::input(path, format!("the input of the run is not there; {REMEDY}")));
    }
    Ok(())
}

/// The text of the first record that is asked for.
fn text_of(
    inputs: &[String],
    out: &Path,
    options: &ReadOptions,
    is_it: impl Fn(&Record) -> bool,
) -> Result<Option<String>> {
    for (index, file) in discover(inputs, out)?.files.iter().enumerate() {
        let (rows, _) = open(file, index as u32, options)?;
        let assembler = Assembler::new(file, options);
        let found = rows.map(|row| assembler.record(row)).find(&is_it);
        if let Some(Content::Text(text, _)) = found.map(|record| record.content) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}
