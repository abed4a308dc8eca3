//! The pipeline: segment, recognise, assert; a fixed sequence over one note, and the run over many.

mod batch;
mod resources;
mod run;
mod run_file;

use std::sync::Arc;

use crate::annotation::{AnnotatedNote, Annotation};
use crate::assertion::RuleIndex;
use crate::context::ConText;
use crate::document::SectionKind;
use crate::recognize::LexiconRecognizer;
use crate::segment::Segmenter;
use crate::write::Names;
use crate::{Concept, Document, Lexicon, Mention, Note, Result};

pub use batch::Counts;
pub use resources::Resources;
pub use run::{Progress, RunReport, run};

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
    recognizer: LexiconRecognizer,
    context: ConText,
}

impl Pipeline {
    /// A pipeline of the tables that the program carries.
    pub fn embedded() -> Pipeline {
        #[expect(clippy::expect_used, reason = "a test builds the embedded pipeline")]
        Pipeline::new(&Resources::embedded()).expect("embedded tables are well formed")
    }

    /// A pipeline of the given tables.
    ///
    /// # Errors
    /// A malformed table, with its name and line.
    pub fn new(resources: &Resources) -> Result<Pipeline> {
        resources.build()
    }

    fn from_parts(segmenter: Segmenter, recognizer: LexiconRecognizer, context: ConText) -> Pipeline {
        Pipeline { inner: Arc::new(Inner { segmenter, recognizer, context }) }
    }

    /// Annotates a note. Cannot fail, and costs time linear in the text.
    pub fn annotate(&self, note: Note) -> AnnotatedNote {
        let document = self.inner.segmenter.segment(note);
        let mut annotations = Vec::new();
        let mut mentions = Vec::new();
        for (index, sentence) in document.sentences().iter().enumerate() {
            mentions.clear();
            self.inner.recognizer.recognize(&document, sentence, index as u32, &mut mentions);
            if mentions.is_empty() {
                continue;
            }
            let assertions = self.inner.context.assert(&document, sentence, &mentions);
            let pairs = mentions.iter().zip(assertions);
            annotations.extend(pairs.map(|(&mention, assertion)| Annotation { mention, assertion }));
        }
        AnnotatedNote { document, annotations }
    }

    /// Decides the assertion of given mentions of a document: the k-th answer belongs to the k-th mention.
    pub fn assert(&self, document: &Document, mentions: &[Mention]) -> Vec<crate::Assertion> {
        let mut assertions = Vec::with_capacity(mentions.len());
        for group in mentions.chunk_by(|left, right| left.sentence == right.sentence) {
            let sentence = group.first().and_then(|mention| document.sentences().get(mention.sentence as usize));
            match sentence {
                Some(sentence) => assertions.extend(self.inner.context.assert(document, sentence, group)),
                None => assertions.extend(group.iter().map(|_| crate::Assertion::default())),
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
        self.inner.recognizer.lexicon()
    }

    /// The normalised name of a section kind.
    pub fn section_name(&self, kind: SectionKind) -> &str {
        self.inner.segmenter.section_name(kind)
    }

    /// The LOINC code of a section kind, where one exists.
    pub fn section_loinc(&self, kind: SectionKind) -> Option<&str> {
        self.inner.segmenter.section_loinc(kind)
    }

    /// The name of an assertion rule.
    pub fn rule_name(&self, rule: RuleIndex) -> &str {
        self.inner.context.rule_name(rule)
    }
}

impl Names for Pipeline {
    fn concept(&self, annotation: &Annotation) -> Option<&Concept> {
        self.lexicon().concept(annotation.mention.concept?)
    }

    fn rule(&self, rule: RuleIndex) -> &str {
        self.rule_name(rule)
    }

    fn section(&self, kind: SectionKind) -> &str {
        self.section_name(kind)
    }
}
