//! The pipeline: segment, recognise, assert; a fixed sequence over one note, and the run over many.

mod batch;
mod estimate;
mod flow;
mod output;
mod readings;
mod resources;
mod run;
mod run_file;
mod state;

use std::sync::Arc;

use crate::annotation::{AnnotatedNote, Annotation};
use crate::assertion::RuleIndex;
use crate::context::ConText;
use crate::document::SectionKind;
use crate::encoder::Scratch;
use crate::recognize::{LexiconRecognizer, ModelRecognizer, Reading, ReadingStore, Readings, merge};
use crate::segment::Segmenter;
use crate::write::Names;
use crate::{Concept, Document, Lexicon, Mention, MentionSource, MentionType, Note, Result, Span};

pub use batch::Counts;
pub use estimate::{Estimate, FieldUse, Reason, estimate};
pub use readings::CacheUse;
pub use resources::Resources;
pub use run::{Progress, RunOptions, RunReport, run};

/// Least probability of being part of a mention for which the model leaves a mention of the lexicon standing.
const LEAST_INSIDE: f32 = 0.5;

/// Segments notes, finds their mentions and decides the assertion of each.
///
/// Cheap to clone, and shared by all workers.
///
/// ```
/// use noteward::{Note, Pipeline, Presence};
/// let pipeline = Pipeline::embedded();
/// let note = pipeline.annotate(Note::new("1", "Denies chest pain. Has a cough."));
/// let found: Vec<(&str, Presence)> = note
///     .annotations
///     .iter()
///     .map(|annotation| (annotation.mention.span.of(note.document.text()), annotation.assertion.presence))
///     .collect();
/// assert_eq!(found, [("chest pain", Presence::Absent), ("cough", Presence::Present)]);
/// ```
#[derive(Clone, Debug)]
pub struct Pipeline {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    segmenter: Segmenter,
    lexicon: LexiconRecognizer,
    model: Option<ModelRecognizer>,
    /// Whether what only the lexicon found is reported.
    lexicon_alone: bool,
    context: ConText,
    /// The secret of the site from which hashes of sentences are made.
    segment_key: Option<[u8; 32]>,
}

impl Pipeline {
    /// A pipeline of the tables and the model that the program carries.
    pub fn embedded() -> Pipeline {
        #[expect(clippy::expect_used, reason = "a test builds the embedded pipeline")]
        Pipeline::new(&Resources::embedded()).expect("embedded tables and model are well formed")
    }

    /// The same without the model: lexicon and rules alone, which are much faster.
    pub fn without_model() -> Pipeline {
        #[expect(clippy::expect_used, reason = "a test builds the embedded pipeline")]
        Pipeline::new(&Resources::embedded().without_model()).expect("embedded tables are well formed")
    }

    /// A pipeline of the given tables.
    ///
    /// # Errors
    /// A malformed table, with its name and line.
    pub fn new(resources: &Resources) -> Result<Pipeline> {
        resources.build()
    }

    /// Annotates a note. Cannot fail, and costs time linear in the text.
    pub fn annotate(&self, note: Note) -> AnnotatedNote {
        let document = self.inner.segmenter.segment(note);
        let lexicon = self.lexicon_mentions(&document);
        let (documents, lexicons) = (std::slice::from_ref(&document), std::slice::from_ref(&lexicon));
        let readings = self.readings(documents, lexicons, None, &mut Scratch::default());
        self.finish(document, &lexicon, |sentence| readings.of(0, sentence))
    }

    /// Annotates notes together: the k-th answer belongs to the k-th note, and is the same as alone.
    pub(crate) fn annotate_all(
        &self,
        notes: Vec<Note>,
        store: Option<&dyn ReadingStore>,
        scratch: &mut Scratch,
    ) -> Vec<AnnotatedNote> {
        let documents: Vec<Document> = notes.into_iter().map(|note| self.inner.segmenter.segment(note)).collect();
        let lexicon: Vec<Vec<Mention>> = documents.iter().map(|document| self.lexicon_mentions(document)).collect();
        let readings = self.readings(&documents, &lexicon, store, scratch);
        let pairs = documents.into_iter().zip(&lexicon).enumerate();
        pairs
            .map(|(index, (document, lexicon))| self.finish(document, lexicon, |sentence| readings.of(index, sentence)))
            .collect()
    }

    fn lexicon_mentions(&self, document: &Document) -> Vec<Mention> {
        let mut mentions = Vec::new();
        for (sentence, index) in document.sentences().iter().zip(0..) {
            self.inner.lexicon.recognize(document, sentence, index, &mut mentions);
        }
        mentions
    }

    fn readings(
        &self,
        documents: &[Document],
        lexicon: &[Vec<Mention>],
        store: Option<&dyn ReadingStore>,
        scratch: &mut Scratch,
    ) -> Readings {
        self.inner.model.as_ref().map(|model| model.read(documents, lexicon, store, scratch)).unwrap_or_default()
    }

    /// Merges the mentions of each sentence, and asserts them.
    fn finish<'a>(
        &self,
        document: Document,
        lexicon: &[Mention],
        reading: impl Fn(usize) -> Option<&'a Reading>,
    ) -> AnnotatedNote {
        let mut annotations = Vec::new();
        let mut lexicon = lexicon.chunk_by(|left, right| left.sentence == right.sentence).peekable();
        for (index, sentence) in document.sentences().iter().enumerate() {
            let own = lexicon.next_if(|group| group.first().is_some_and(|mention| mention.sentence as usize == index));
            let own = own.unwrap_or(&[]);
            let reading = reading(index);
            let merged = reading.map(|reading| {
                let found: Vec<Mention> = reading.mentions(sentence.span, index as u32).collect();
                merge(&found, own, |mention| self.keeps(reading, sentence.span, mention))
            });
            let mentions = merged.as_deref().unwrap_or(own);
            if mentions.is_empty() {
                continue;
            }
            let assertions = self.inner.context.assert(&document, sentence, mentions, |place| {
                reading.and_then(|reading| reading.axes(sentence.span, mentions.get(place)?.span))
            });
            let pairs = mentions.iter().zip(assertions).filter(|(mention, _)| self.reports(mention));
            annotations.extend(pairs.map(|(&mention, assertion)| Annotation { mention, assertion }));
        }
        AnnotatedNote { document, annotations }
    }

    /// Whether a mention that only the lexicon found stands: the user's terms always do, and the program's own unless the
    /// model, which read them, is sure that they name no problem here.
    fn keeps(&self, reading: &Reading, sentence: Span, mention: &Mention) -> bool {
        let has_say = self.inner.model.as_ref().is_some_and(ModelRecognizer::reads_lexicon);
        let is_users = mention.concept.is_some_and(|concept| self.lexicon().is_users(concept));
        !has_say || is_users || reading.inside(sentence, mention.span) >= LEAST_INSIDE
    }

    /// Whether a mention's recogniser was asked for; the lexicon always runs, since it gives concepts.
    fn reports(&self, mention: &Mention) -> bool {
        self.inner.lexicon_alone || mention.source != MentionSource::Lexicon
    }

    /// Decides the assertion of given mentions of a document: the k-th answer belongs to the k-th mention.
    pub fn assert(&self, document: &Document, mentions: &[Mention]) -> Vec<crate::Assertion> {
        let mut assertions = Vec::with_capacity(mentions.len());
        for group in mentions.chunk_by(|left, right| left.sentence == right.sentence) {
            let sentence = group.first().and_then(|mention| document.sentences().get(mention.sentence as usize));
            match sentence {
                Some(sentence) => assertions.extend(self.inner.context.assert(document, sentence, group, |_| None)),
                None => assertions.extend(group.iter().map(|_| crate::Assertion::default())),
            }
        }
        assertions
    }

    /// Decides the assertion of given spans of a note, with the model where there is one: the k-th answer belongs to the
    /// k-th span. A span belongs to the sentence in which it begins.
    pub fn assert_spans(&self, note: Note, spans: &[(Span, MentionType)]) -> Vec<crate::Assertion> {
        let document = self.inner.segmenter.segment(note);
        let lexicon = self.lexicon_mentions(&document);
        let (documents, lexicons) = (std::slice::from_ref(&document), std::slice::from_ref(&lexicon));
        let readings = self.readings(documents, lexicons, None, &mut Scratch::default());
        let mut order: Vec<usize> = (0..spans.len()).collect();
        order.sort_by_key(|&index| spans.get(index).map(|(span, _)| *span));
        let sentence_of = |span: Span| document.sentences().partition_point(|other| other.span.end() <= span.start());
        let mentions: Vec<Mention> = order
            .iter()
            .filter_map(|&index| spans.get(index))
            .map(|&(span, kind)| Mention {
                span,
                kind,
                source: MentionSource::Lexicon,
                score: None,
                sentence: sentence_of(span) as u32,
                concept: None,
            })
            .collect();
        let mut assertions = vec![crate::Assertion::default(); spans.len()];
        let mut places = order.iter();
        for group in mentions.chunk_by(|left, right| left.sentence == right.sentence) {
            let index = group.first().map_or(0, |mention| mention.sentence as usize);
            let found = document.sentences().get(index).map(|sentence| {
                self.inner.context.assert(&document, sentence, group, |place| {
                    let reading = readings.of(0, index)?;
                    reading.axes(sentence.span, group.get(place)?.span)
                })
            });
            let mut found = found.unwrap_or_default().into_iter();
            for place in places.by_ref().take(group.len()) {
                if let (Some(assertion), Some(slot)) = (found.next(), assertions.get_mut(*place)) {
                    *slot = assertion;
                }
            }
        }
        assertions
    }

    /// Segments a note without looking for mentions.
    pub fn segment(&self, note: Note) -> Document {
        self.inner.segmenter.segment(note)
    }

    /// The lexicon.
    pub fn lexicon(&self) -> &Lexicon {
        self.inner.lexicon.lexicon()
    }

    /// The normalised name of a section kind.
    pub fn section_name(&self, kind: SectionKind) -> &str {
        self.inner.segmenter.section_name(kind)
    }

    /// The LOINC code of a section kind, where one exists.
    pub fn section_loinc(&self, kind: SectionKind) -> Option<&str> {
        self.inner.segmenter.section_loinc(kind)
    }

    /// Whether a model runs.
    pub(crate) fn has_model(&self) -> bool {
        self.inner.model.is_some()
    }

    /// The hash of the model's files, if there is one.
    pub(crate) fn model_hash(&self) -> Option<blake3::Hash> {
        self.inner.model.as_ref().map(ModelRecognizer::hash)
    }

    /// The name of an assertion rule.
    pub fn rule_name(&self, rule: RuleIndex) -> &str {
        self.inner.context.rule_name(rule)
    }
}

impl Names for Pipeline {
    fn concept(&self, annotation: &Annotation) -> Option<Concept<'_>> {
        self.lexicon().concept(annotation.mention.concept?)
    }

    fn rule(&self, rule: RuleIndex) -> &str {
        self.rule_name(rule)
    }

    fn section(&self, kind: SectionKind) -> &str {
        self.section_name(kind)
    }

    fn segment_key(&self) -> Option<&[u8; 32]> {
        self.inner.segment_key.as_ref()
    }
}
