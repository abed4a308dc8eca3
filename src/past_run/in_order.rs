//! The texts of all notes of a run, in the order of `notes`: each source is gone through once.

use std::path::PathBuf;

use arrow_array::cast::AsArray;

use super::texts::{REMEDY, readable};
use super::{NoteSource, PastRun, Row};
use crate::pipeline::read_options;
use crate::read::run_table;
use crate::read::{Assembler, Content, ReadOptions, discover, open};
use crate::write::texts;
use crate::{Error, Note, Result};

/// The texts of a run. Notes that are asked for in their order cost one pass; one that stands earlier begins another pass.
pub(crate) struct NoteTexts<'a> {
    run: &'a PastRun,
    source: Source,
}

/// Where the texts come from.
enum Source {
    /// The table `texts`.
    Kept(Pass),
    /// The input that a note names; the one that is being read.
    Inputs { options: ReadOptions, out: PathBuf, reading: Option<(String, Pass)> },
    /// Inputs that were given.
    Given(Pass),
}

/// A text, and what it is known by.
struct Found {
    id: String,
    record: u64,
    text: String,
}

type Texts = Box<dyn Iterator<Item = Result<Found>>>;

/// A pass over texts, which can begin anew.
struct Pass {
    begin: Box<dyn Fn() -> Result<Texts>>,
    current: Option<Texts>,
}

impl Pass {
    fn new(begin: impl Fn() -> Result<Texts> + 'static) -> Pass {
        Pass { begin: Box::new(begin), current: None }
    }

    /// The next text that is asked for; where none follows, the first.
    fn find(&mut self, is_it: impl Fn(&Found) -> bool) -> Result<Option<String>> {
        loop {
            let is_anew = self.current.is_none();
            let mut texts = match self.current.take() {
                Some(texts) => texts,
                None => (self.begin)()?,
            };
            while let Some(found) = texts.next().transpose()? {
                if is_it(&found) {
                    self.current = Some(texts);
                    return Ok(Some(found.text));
                }
            }
            if is_anew {
                return Ok(None);
            }
        }
    }
}

impl<'a> NoteTexts<'a> {
    /// The texts of a run.
    ///
    /// # Errors
    /// The run's configuration cannot be read.
    pub fn open(run: &'a PastRun, source: &NoteSource) -> Result<NoteTexts<'a>> {
        let config = run.config()?;
        let (options, out) = (read_options(&config)?, config.out);
        let source = match source {
            NoteSource::Given(inputs) => Source::Given(inputs_pass(inputs.clone(), options, out)),
            NoteSource::OfTheRun if run_table::holds(run.folder(), "texts") => Source::Kept(kept_pass(run)),
            NoteSource::OfTheRun => Source::Inputs { options, out, reading: None },
        };
        Ok(NoteTexts { run, source })
    }

    /// The note of a row of `notes`, with the text that was annotated.
    ///
    /// # Errors
    /// The text is not to be found, or is another one.
    pub fn note(&mut self, row: &Row) -> Result<Note> {
        let text = self.text(row)?;
        self.run.checked(row, text)
    }

    /// The text that stands where the run read that of a row of `notes`, which may be another by now.
    ///
    /// # Errors
    /// There is none.
    pub fn text(&mut self, row: &Row) -> Result<String> {
        let id = row.text("note_id").unwrap_or_default();
        let text = match &mut self.source {
            Source::Kept(pass) | Source::Given(pass) => pass.find(|found| found.id == id)?,
            Source::Inputs { options, out, reading } => {
                let (input, number) = (row.text("input").unwrap_or_default(), row.number("record"));
                if reading.as_ref().is_none_or(|(name, _)| name != input) {
                    let now = self.run.input_now(input);
                    readable(&now)?;
                    *reading = Some((input.to_owned(), inputs_pass(vec![now], options.clone(), out.clone())));
                }
                let pass = reading.as_mut().map(|(_, pass)| pass);
                pass.map(|pass| pass.find(|found| Some(found.record) == number)).transpose()?.flatten()
            }
        };
        text.ok_or_else(|| {
            let problem = format!("the text of note {id:?} is not where the run read it; {REMEDY}");
            Error::input(self.run.folder(), problem)
        })
    }
}

/// The texts of the table `texts`.
fn kept_pass(run: &PastRun) -> Pass {
    let folder = run.folder().to_owned();
    Pass::new(move || {
        let batches = run_table::batches(&folder, "texts", &texts::schema(), &["note_id", "text"])?;
        Ok(Box::new(batches.flat_map(|batch| match batch {
            Err(error) => vec![Err(error)],
            Ok(batch) => {
                let column = |name| batch.column_by_name(name).and_then(|values| values.as_string_opt::<i32>());
                let (ids, texts) = (column("note_id"), column("text"));
                let rows = ids.zip(texts).into_iter().flat_map(|(ids, texts)| ids.iter().zip(texts));
                let rows = rows.filter_map(|(id, text)| id.zip(text));
                rows.map(|(id, text)| Ok(Found { id: id.to_owned(), record: 0, text: text.to_owned() })).collect()
            }
        })) as Texts)
    })
}

/// The texts of inputs.
fn inputs_pass(inputs: Vec<String>, options: ReadOptions, out: PathBuf) -> Pass {
    Pass::new(move || {
        let files = discover(&inputs, &out)?.files;
        let options = options.clone();
        let of_files = files.into_iter().enumerate().flat_map(move |(index, file)| -> Texts {
            let (rows, _) = match open(&file, index as u32, &options) {
                Ok(opened) => opened,
                Err(error) => return Box::new(std::iter::once(Err(error))),
            };
            let assembler = Assembler::new(&file, &options);
            Box::new(rows.filter_map(move |row| {
                let record = assembler.record(row);
                match record.content {
                    Content::Text(text, _) => {
                        Some(Ok(Found { id: record.meta.id, record: record.origin.record, text }))
                    }
                    _ => None,
                }
            }))
        });
        Ok(Box::new(of_files) as Texts)
    })
}
