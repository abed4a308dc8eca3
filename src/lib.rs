//! Reads hospital notes and tells what is in them: symptoms, findings and diagnoses, each with its assertion, its code
//! and its place in the text.
//!
//! The sequence is fixed by the types: a [`Note`] is segmented into a [`Document`], in which a recogniser finds
//! [`Mention`]s, each of which gets an [`Assertion`]. [`Pipeline::annotate`] does this for one note and cannot fail;
//! [`run`] does it for files of notes, and writes tables.
//!
//! ```
//! use noteward::{Note, Pipeline, Presence};
//!
//! let pipeline = Pipeline::embedded();
//! let note = pipeline.annotate(Note::new("1", "Mother had breast cancer. No evidence of pneumonia."));
//! let last = note.annotations.last().unwrap();
//! assert_eq!(last.mention.span.of(note.document.text()), "pneumonia");
//! assert_eq!(last.assertion.presence, Presence::Absent);
//! ```
//!
//! What users vary is data: lexicons, rules, a configuration. Offsets are bytes into the unchanged text; output tables
//! give code points too.

mod annotation;
mod assertion;
mod byte_size;
mod cache;
mod config;
mod context;
mod database;
mod diff;
mod document;
mod encoder;
mod error;
mod evaluate;
mod export;
mod fact;
mod facts;
mod features;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod inspect;
mod lexicon;
mod link;
mod measure;
mod measurement;
mod mention;
mod new_file;
mod note;
mod pairs;
mod past_run;
mod pipeline;
mod quality;
mod read;
mod recognize;
mod report;
mod score;
mod scores;
mod segment;
mod span;
mod terminology;
mod token;
mod warn;
mod why;
mod write;

pub use annotation::{AnnotatedNote, Annotation};
pub use assertion::{Assertion, AxisScores, Evidence, Experiencer, Presence, RuleIndex, Temporality};
pub use byte_size::ByteSize;
pub use config::{Config, Engine, ModelPrecision, PartialConfig, Recognizer};
pub use context::{CueEffect, Scope, ScopeEnd, Trace, TracedCue};
pub use database::with_password;
pub use diff::{Change, ChangedMention, Diff, DiffOptions, MentionCounts, NoteCounts, RuleChange, ValueChange, diff};
pub use document::{Document, Section, SectionKind, Sentence, View};
pub use error::{Error, ErrorKind, Result};
pub use evaluate::{Disagreement, Evaluation, Matrix, Predicted, RuleTally, Tally, evaluate};
pub use export::{
    Coverage, ExportCounts, ExportOptions, ExportReport, FhirOptions, IdCounts, Instant, MedsOptions, OmopDatabase,
    OmopOptions, OmopReport, OmopTableName, OtherText, PersonKey, Profile, RowCounts, Snippets, Splits, Target,
    UtcOffset, export,
};
pub use fact::{Amount, AmountUnit, Fact, FactConcept, FactIndex, FactType, Says};
pub use features::{
    ExistingFeatures, FeatureInputs, FeatureOptions, FeaturePatientCounts, FeatureReport, FeatureSettings,
    FeatureWindow, FeaturesWritten, IndexCounts, IndexTimes, LastNote, LeakageCounts, LeakageKind, LeakagePolicy,
    Leaks, NoteRows, NoteTiming, NoteUse, RejectedRow, StatementRows, features,
};
pub use inspect::{CheckOptions, LexiconCheck, LexiconProblem, LexiconSample, ProblemKind, check_lexicon};
pub use lexicon::{Lexicon, TableSource};
pub use measurement::{
    Comparator, Measurement, MeasurementIndex, MeasurementKind, MeasurementRule, MeasurementWord, Trend, UnitIndex,
};
pub use mention::{CodeIndex, Concept, ConceptIndex, Link, LinkKind, Mention, MentionSource, MentionType};
pub use note::{Note, NoteMeta, NoteTime};
pub use pipeline::{
    AssertionAxis, CacheUse, Counts, Estimate, Explanation, FactExplanation, FieldUse, MeasurementExplanation,
    PatientCounts, Pipeline, Progress, Reason, Resources, RunOptions, RunReport, ValueCorrection, estimate, run,
};
pub use report::{ReportOptions, report};
pub use score::{
    Assume, Band, Citation, Course, Cut, Demographic, Derived, Exclusion, Family, FollowUp, Input, InputKind,
    InputValue, Level, Measured, Normal, OnPossible, Outcome, Pick, Requirement, Score, Sources, Window,
};
pub use scores::{
    CheckedRow, ListedBand, ListedInput, ListedScore, ScoreCheck, ScoreList, Verdict, check_score, load_scores,
    select_scores,
};
pub use span::Span;
pub use terminology::{
    BuildOptions, BuildReport, BuiltInput, Malformed, Suppressed, SynonymScope, TerminologyFormat, build_lexicon,
};
pub use token::{Gap, Token, TokenKind, tokenize, word_key};
pub use warn::{
    LeftOut, MadeOf, MomentCounts, Moments, ObservationCounts, ScoreSummary, WarnOptions, WarnPatientCounts,
    WarnReport, WarningForm, warn,
};
pub use why::{
    AxesTold, AxisDecision, ColumnDifference, ConceptTold, CueTold, EvidenceTold, FoundIn, InputTold, MadeWith,
    MissingTold, ModelTold, NoteSource, ReadingTold, RowTold, ScopeTold, ScoreTold, SentenceTold, TableRow, TextState,
    UnitTold, WarningId, Why, WhyWarning, WhyWarningOptions, why, why_warning,
};
pub use write::OutputFormat;
pub use write::folder::Existing;

/// The examples of the README, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
