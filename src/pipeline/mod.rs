//! The pipeline: segment, recognise, assert; a fixed sequence over one note, and the run over many.

mod batch;
mod estimate;
mod explain;
mod facts;
mod flow;
mod measurements;
mod output;
mod patients;
mod readings;
mod resources;
mod run;
mod run_file;
mod state;

use std::sync::Arc;

use crate::annotation::{AnnotatedNote, Annotation};
use crate::assertion::RuleIndex;
use crate::context::ConText;
use crate::document::{SectionKind, Sentence};
use crate::encoder::Scratch;
use crate::link::Linker;
use crate::measure::Measurer;
use crate::measurement::{MeasurementIndex, MeasurementKind, MeasurementRule, MeasurementWord, UnitIndex};
use crate::recognize::{Definitions, LexiconRecognizer, ModelRecognizer, Reading, ReadingStore, Readings, merge};
use crate::segment::Segmenter;
use crate::write::Names;
use crate::{Concept, Document, Fact, FactConcept, Lexicon, Mention, MentionSource, MentionType, Note, Result, Span};
use facts::FactEngines;

pub use batch::Counts;
pub use estimate::{Estimate, FieldUse, Reason, estimate};
pub use explain::Explanation;
pub use facts::FactExplanation;
pub use measurements::{AssertionAxis, MeasurementExplanation, ValueCorrection};
pub use patients::PatientCounts;
pub use readings::CacheUse;
pub use resources::Resources;
pub(crate) use run::read_options;
pub use run::{Progress, RunOptions, RunReport, run};

/// Least probability of being part of a mention for which the model leaves a mention of the lexicon standing.
const LEAST_INSIDE: f32 = 0.5;

/// Confidence from which a mention of the model stands although its words alone name no problem (`peritoneal or liver
/// deposits`).
const CERTAIN: f32 = 0.9;

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
    linker: Linker,
    context: ConText,
    measurer: Measurer,
    facts: FactEngines,
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
        let (lexicon, definitions) = self.inner.lexicon.recognize_all(&document);
        let (documents, lexicons) = (std::slice::from_ref(&document), std::slice::from_ref(&lexicon));
        let readings = self.readings(documents, lexicons, None, &mut Scratch::default());
        self.finish(document, &lexicon, &definitions, |sentence| readings.of(0, sentence), |_, _| {})
    }

    /// Annotates notes together: the k-th answer belongs to the k-th note, and is the same as alone.
    pub(crate) fn annotate_all(
        &self,
        notes: Vec<Note>,
        store: Option<&dyn ReadingStore>,
        scratch: &mut Scratch,
    ) -> Vec<AnnotatedNote> {
        let documents: Vec<Document> = notes.into_iter().map(|note| self.inner.segmenter.segment(note)).collect();
        let found = documents.iter().map(|document| self.inner.lexicon.recognize_all(document));
        let (lexicon, definitions): (Vec<Vec<Mention>>, Vec<Definitions>) = found.unzip();
        let readings = self.readings(&documents, &lexicon, store, scratch);
        let all = documents.into_iter().zip(lexicon.iter().zip(&definitions)).enumerate();
        all.map(|(index, (document, (lexicon, definitions)))| {
            self.finish(document, lexicon, definitions, |sentence| readings.of(index, sentence), |_, _| {})
        })
        .collect()
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

    /// Merges the mentions of each sentence, and asserts them; `seen` is shown what is asserted of each sentence, also what
    /// is not reported.
    fn finish<'a>(
        &self,
        document: Document,
        lexicon: &[Mention],
        definitions: &Definitions,
        reading: impl Fn(usize) -> Option<&'a Reading>,
        mut seen: impl FnMut(&[Mention], Option<&Reading>),
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
            let mut mentions = merged.unwrap_or_else(|| own.to_vec());
            if mentions.is_empty() {
                continue;
            }
            self.link_by(&document, sentence, definitions, &mut mentions);
            self.inner.linker.link_wholes(&document, sentence, own, &mut mentions);
            mentions.retain(|mention| {
                let is_unsure = mention.concept.is_none() && mention.score.is_some_and(|score| score < CERTAIN);
                !is_unsure || !self.inner.lexicon.names_nothing(&document, sentence, mention.span)
            });
            seen(&mentions, reading);
            let assertions = self.inner.context.assert(&document, sentence, &mentions, |place| {
                reading.and_then(|reading| reading.axes(sentence.span, mentions.get(place)?.span))
            });
            let pairs = mentions.iter().zip(assertions).filter(|(mention, _)| self.reports(mention));
            annotations.extend(pairs.map(|(&mention, assertion)| Annotation { mention, assertion }));
        }
        let measurements = self.measurements(&document);
        let facts = self.inner.facts.find(&document);
        AnnotatedNote { document, annotations, measurements, facts }
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

    /// Links given mentions of one sentence of a document to concepts and codes.
    pub fn link(&self, document: &Document, sentence: &Sentence, mentions: &mut [Mention]) {
        let (found, definitions) = self.inner.lexicon.recognize_all(document);
        self.link_by(document, sentence, &definitions, mentions);
        self.inner.linker.link_wholes(document, sentence, &found, mentions);
    }

    fn link_by(&self, document: &Document, sentence: &Sentence, definitions: &Definitions, mentions: &mut [Mention]) {
        let forms = |range| self.inner.lexicon.forms_within(document, sentence, definitions, range);
        self.inner.linker.link(document, sentence, mentions, forms);
    }

    /// The concept of a mention, with the code that its words support.
    pub fn concept(&self, mention: &Mention) -> Option<Concept<'_>> {
        let concept = self.lexicon().concept(mention.concept?)?;
        let code = mention.link.and_then(|link| self.inner.linker.code(link.code?));
        Some(Concept { icd10cm: code.or(concept.icd10cm), ..concept })
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
        let (lexicon, _) = self.inner.lexicon.recognize_all(&document);
        let (documents, lexicons) = (std::slice::from_ref(&document), std::slice::from_ref(&lexicon));
        let readings = self.readings(documents, lexicons, None, &mut Scratch::default());
        of_spans(&document, spans, |index, sentence, mentions| {
            self.inner.context.assert(&document, sentence, mentions, |place| {
                readings.of(0, index)?.axes(sentence.span, mentions.get(place)?.span)
            })
        })
    }

    /// What the linear model of the assertion sees of given spans of a note, as hashes of features with their values, for
    /// training it (`models/README.md`): the k-th answer belongs to the k-th span.
    pub fn assertion_features(&self, note: Note, spans: &[(Span, MentionType)]) -> Vec<Vec<(u64, f32)>> {
        let document = self.inner.segmenter.segment(note);
        of_spans(&document, spans, |_, sentence, mentions| self.inner.context.features(&document, sentence, mentions))
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

    /// The hash of the model's files, that of the assertion's linear model among them, if there is one.
    pub(crate) fn model_hash(&self) -> Option<blake3::Hash> {
        let network = self.inner.model.as_ref()?.hash();
        let mut hasher = blake3::Hasher::new();
        hasher.update(network.as_bytes());
        if let Some(weights) = self.inner.context.weights_hash() {
            hasher.update(weights.as_bytes());
        }
        Some(hasher.finalize())
    }

    /// The name of an assertion rule.
    pub fn rule_name(&self, rule: RuleIndex) -> &str {
        self.inner.context.rule_name(rule)
    }
}

/// Answers for given spans of a document, which `answer` gives for the mentions of a sentence: the k-th answer belongs to the
/// k-th span.
fn of_spans<T: Clone + Default>(
    document: &Document,
    spans: &[(Span, MentionType)],
    answer: impl Fn(usize, &Sentence, &[Mention]) -> Vec<T>,
) -> Vec<T> {
    let sentence_of = |span: Span| document.sentences().partition_point(|other| other.span.end() <= span.start());
    let mut placed: Vec<(usize, Mention)> = spans
        .iter()
        .map(|&(span, kind)| {
            let sentence = sentence_of(span) as u32;
            Mention { span, kind, source: MentionSource::Lexicon, score: None, sentence, concept: None, link: None }
        })
        .enumerate()
        .collect();
    placed.sort_by_key(|(_, mention)| mention.span);
    let mut answers = vec![T::default(); spans.len()];
    for group in placed.chunk_by(|(_, left), (_, right)| left.sentence == right.sentence) {
        let index = group.first().map_or(0, |(_, mention)| mention.sentence as usize);
        let Some(sentence) = document.sentences().get(index) else { continue };
        let mentions: Vec<Mention> = group.iter().map(|&(_, mention)| mention).collect();
        for ((place, _), found) in group.iter().zip(answer(index, sentence, &mentions)) {
            if let Some(slot) = answers.get_mut(*place) {
                *slot = found;
            }
        }
    }
    answers
}

impl Names for Pipeline {
    fn concept(&self, annotation: &Annotation) -> Option<Concept<'_>> {
        self.concept(&annotation.mention)
    }

    fn rule(&self, rule: RuleIndex) -> &str {
        self.rule_name(rule)
    }

    fn fact(&self, fact: &Fact) -> Option<FactConcept<'_>> {
        self.fact_concept(fact)
    }

    fn fact_rule(&self, rule: RuleIndex) -> &str {
        self.fact_rule_name(rule)
    }

    fn section(&self, kind: SectionKind) -> &str {
        self.section_name(kind)
    }

    fn measurement(&self, kind: MeasurementIndex) -> Option<MeasurementKind<'_>> {
        self.measurement_kind(kind)
    }

    fn unit(&self, unit: UnitIndex) -> Option<&str> {
        self.measurement_unit(unit)
    }

    fn measurement_word(&self, word: MeasurementWord) -> Option<&str> {
        self.measurement_word(word)
    }

    fn measurement_rule(&self, rule: MeasurementRule) -> &str {
        self.measurement_rule(rule)
    }

    fn segment_key(&self) -> Option<&[u8; 32]> {
        self.inner.segment_key.as_ref()
    }
}
