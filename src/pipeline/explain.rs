//! Explanation of one mention: the same annotation once more, with what was seen on the way.

use super::Pipeline;
use crate::annotation::AnnotatedNote;
use crate::assertion::AxisScores;
use crate::context::Trace;
use crate::encoder::Scratch;
use crate::{Annotation, Mention, MentionType, Note, Span};

/// Why a mention stands as it does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The note, annotated as [`Pipeline::annotate`] does.
    pub note: AnnotatedNote,
    /// The mention that is explained, with its assertion.
    pub annotation: Annotation,
    /// What each cue of the sentence does to it.
    pub trace: Trace,
    /// The axis scores that the model gives it, where it has them.
    pub scores: Option<AxisScores>,
    /// The model's probability that its words are part of a mention.
    pub inside: Option<f32>,
    /// The words that spell a form of its concept, where the lexicon found it.
    pub form: Option<Span>,
}

/// What was asserted of the sentence of a mention.
struct Seen {
    mentions: Vec<Mention>,
    index: usize,
    inside: Option<f32>,
    scores: Option<AxisScores>,
}

impl Pipeline {
    /// Annotates a note and explains the mention of a type at a place; `None` where no such mention is found.
    ///
    /// ```
    /// use noteward::{CueEffect, MentionType, Note, Pipeline, Span};
    /// let text = "No fever but a cough.";
    /// let place = Span::new(text, 15..20).unwrap();
    /// let why = Pipeline::without_model().explain(Note::new("1", text), place, MentionType::Symptom).unwrap();
    /// assert_eq!(why.trace.cues[0].span.of(text), "No");
    /// assert_eq!(why.trace.cues[0].effect, CueEffect::EndedBy(1));
    /// ```
    pub fn explain(&self, note: Note, place: Span, kind: MentionType) -> Option<Explanation> {
        let document = self.inner.segmenter.segment(note);
        let spans: Vec<Span> = document.sentences().iter().map(|sentence| sentence.span).collect();
        let (lexicon, definitions) = self.inner.lexicon.recognize_all(&document);
        let (documents, lexicons) = (std::slice::from_ref(&document), std::slice::from_ref(&lexicon));
        let readings = self.readings(documents, lexicons, None, &mut Scratch::default());
        let mut seen = None;
        let note = self.finish(
            document,
            &lexicon,
            &definitions,
            |sentence| readings.of(0, sentence),
            |mentions, reading| {
                let is_it = |mention: &Mention| mention.span == place && mention.kind == kind;
                let Some(index) = mentions.iter().position(is_it) else { return };
                let sentence = mentions.get(index).and_then(|mention| spans.get(mention.sentence as usize));
                seen = sentence.map(|&sentence| Seen {
                    mentions: mentions.to_vec(),
                    index,
                    inside: reading.map(|reading| reading.inside(sentence, place)),
                    scores: reading.and_then(|reading| reading.axes(sentence, place)),
                });
            },
        );
        let Seen { mentions, index, inside, scores } = seen?;
        let is_it = |annotation: &&Annotation| annotation.mention.span == place && annotation.mention.kind == kind;
        let annotation = *note.annotations.iter().find(is_it)?;
        let document = &note.document;
        let sentence = document.sentences().get(annotation.mention.sentence as usize)?;
        let trace = self.inner.context.trace(document, sentence, &mentions, index, scores)?;
        let form = self.inner.lexicon.form(document, sentence, &annotation.mention);
        Some(Explanation { annotation, trace, scores, inside, form, note })
    }
}
