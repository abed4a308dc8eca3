//! Mentions: spans of text that name a health problem.

use crate::Span;

/// What kind of problem a mention names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MentionType {
    /// What a patient feels or reports.
    Symptom,
    /// What a clinician or a test observes, abnormal if present.
    Finding,
    /// A named disease, disorder, injury, infection or complication.
    Diagnosis,
}

impl MentionType {
    /// The name in tables and output.
    pub fn name(self) -> &'static str {
        match self {
            MentionType::Symptom => "symptom",
            MentionType::Finding => "finding",
            MentionType::Diagnosis => "diagnosis",
        }
    }

    /// Reads the name used in tables.
    pub fn from_name(name: &str) -> Option<MentionType> {
        [MentionType::Symptom, MentionType::Finding, MentionType::Diagnosis]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Who found a mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MentionSource {
    /// The lexicon.
    Lexicon,
    /// The model.
    Model,
    /// Both.
    Both,
}

impl MentionSource {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            MentionSource::Lexicon => "lexicon",
            MentionSource::Model => "model",
            MentionSource::Both => "both",
        }
    }
}

/// A mention of a health problem in a note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mention {
    /// Its place: whole tokens within one sentence.
    pub span: Span,
    /// What kind of problem it names.
    pub kind: MentionType,
    /// Who found it.
    pub source: MentionSource,
    /// The model's confidence in 0..=1; `None` for lexicon matches.
    pub score: Option<f32>,
    /// Index of its sentence in the document.
    pub sentence: u32,
    /// Index of its concept in the lexicon.
    pub concept: Option<ConceptIndex>,
    /// How it came to its concept; `None` where it has none.
    pub link: Option<Link>,
}

/// How a mention came to its concept and code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// By which step.
    pub kind: LinkKind,
    /// How far the words support the concept, in 0..=1.
    pub score: f32,
    /// The code that the words together support, where it is not the concept's own.
    pub code: Option<CodeIndex>,
}

/// The step that linked a mention to its concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkKind {
    /// The whole mention is a surface form.
    Exact,
    /// A form and words that only modify it.
    Stripped,
    /// A form and other words.
    Part,
    /// The words of a form in another order or inflection.
    Reordered,
    /// A form with words spelled otherwise.
    Fuzzy,
    /// No form: words that together describe the concept, of which some may stand in the next mention (`diabetes` `with`
    /// `nephropathy`).
    Described,
    /// An abbreviation that the note defines.
    Defined,
}

impl LinkKind {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            LinkKind::Exact => "exact",
            LinkKind::Stripped => "stripped",
            LinkKind::Part => "part",
            LinkKind::Reordered => "reordered",
            LinkKind::Fuzzy => "fuzzy",
            LinkKind::Described => "described",
            LinkKind::Defined => "defined",
        }
    }
}

/// Index of a code in the table of compositions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeIndex(pub u32);

/// Index of a concept in the lexicon that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConceptIndex(pub u32);

/// What a lexicon knows of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concept<'a> {
    /// Identifier, unique within the lexicon.
    pub id: &'a str,
    /// Preferred name.
    pub name: &'a str,
    /// What kind of problem it is.
    pub kind: MentionType,
    /// ICD-10-CM code in dotted form.
    pub icd10cm: Option<&'a str>,
    /// Other codes, `SYSTEM:CODE` separated by `;`.
    pub codes: Option<&'a str>,
}
