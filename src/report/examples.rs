//! Examples of the most frequent problems, in their sentences; only where somebody asks for them, since they hold note text.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::tally::{MentionsTally, State};
use crate::past_run::{NoteRowStream, NoteSource, NoteTexts, PastRun, Row};
use crate::pipeline::Pipeline;
use crate::{Note, Result, Span};

/// Problems of which examples are shown.
const PROBLEMS: usize = 20;

/// A mention in its sentence.
#[derive(Clone, Serialize)]
pub(super) struct Example {
    pub problem: String,
    pub state: &'static str,
    pub before: String,
    pub mention: String,
    pub after: String,
    pub note_id: String,
    pub mention_id: String,
}

/// The first so many mentions of each of the most frequent problems, in different sentences.
///
/// # Errors
/// A text is not to be found, or is not the one that was annotated.
pub(super) fn collect(
    run: &PastRun,
    source: &NoteSource,
    pipeline: &Pipeline,
    tally: &MentionsTally,
    n_each: usize,
) -> Result<Vec<Example>> {
    let mut wanted = most_frequent(tally);
    let mut left: FxHashMap<String, (usize, Vec<String>)> =
        wanted.iter().map(|id| (id.clone(), (n_each, Vec::new()))).collect();
    let mut found: Vec<(String, Example)> = Vec::new();
    let mut notes = NoteRowStream::open(run)?;
    let mut texts = NoteTexts::open(run, source)?;
    while found.len() < n_each * wanted.len()
        && let Some(rows) = notes.next()?
    {
        let chosen: Vec<(String, &Row)> =
            rows.mentions.iter().filter_map(|row| Some((choose(&mut left, row)?, row))).collect();
        if chosen.is_empty() {
            continue;
        }
        let note = texts.note(&rows.note)?;
        let document = pipeline.segment(note);
        for (concept, row) in chosen {
            if let Some(example) = example(document.note(), document.sentences(), row) {
                found.push((concept, example));
            }
        }
    }
    // By problem, in the order of their frequency; the order of the notes is kept within each.
    let mut examples = Vec::with_capacity(found.len());
    for id in wanted.drain(..) {
        examples.extend(found.iter().filter(|(concept, _)| *concept == id).map(|(_, example)| example.clone()));
    }
    Ok(examples)
}

fn most_frequent(tally: &MentionsTally) -> Vec<String> {
    let mut problems: Vec<(&String, u64)> =
        tally.problems.iter().map(|(id, problem)| (id, problem.states.total())).collect();
    problems.sort_by(|(left_id, left), (right_id, right)| right.cmp(left).then(left_id.cmp(right_id)));
    problems.into_iter().take(PROBLEMS).map(|(id, _)| id.clone()).collect()
}

/// The concept of a row that is still wanted, which counts it.
fn choose(left: &mut FxHashMap<String, (usize, Vec<String>)>, row: &Row) -> Option<String> {
    let (concept, hash) = (row.text("concept_id")?, row.text("segment_hash")?);
    let (n_left, seen) = left.get_mut(concept)?;
    if *n_left == 0 || seen.iter().any(|known| known == hash) {
        return None;
    }
    *n_left -= 1;
    seen.push(hash.to_owned());
    Some(concept.to_owned())
}

fn example(note: &Note, sentences: &[crate::document::Sentence], row: &Row) -> Option<Example> {
    let byte = |column: &str| row.number(column).and_then(|byte| usize::try_from(byte).ok());
    let span = Span::new(&note.text, byte("start_byte")?..byte("end_byte")?)?;
    let index = sentences.partition_point(|sentence| sentence.span.end() <= span.start());
    let sentence = sentences.get(index).map_or(span, |sentence| sentence.span.cover(span));
    let owned = |column: &str| row.text(column).unwrap_or_default().to_owned();
    let state = State::of(&owned("presence"), &owned("temporality"), &owned("experiencer"));
    Some(Example {
        problem: row.text("concept_name").or(row.text("concept_id")).unwrap_or_default().to_owned(),
        state: state.name(),
        before: note.text.get(sentence.start()..span.start())?.to_owned(),
        mention: span.of(&note.text).to_owned(),
        after: note.text.get(span.end()..sentence.end())?.to_owned(),
        note_id: note.meta.id.clone(),
        mention_id: owned("mention_id"),
    })
}
