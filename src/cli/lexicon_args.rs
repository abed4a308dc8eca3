//! What may be typed after `noteward lexicon`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use noteward::{BuildOptions, CheckOptions, MentionType, SynonymScope, TerminologyFormat};

#[derive(Debug, Subcommand)]
pub(super) enum LexiconCommand {
    /// Terminologies in, one compiled lexicon out
    Build(Box<BuildArgs>),
    /// What is wrong in a lexicon: duplicates, conflicts, forms that nothing can match, suspiciously frequent ones
    Check(CheckArgs),
}

/// Checks a compiled lexicon or a table of concepts, and prints what is wrong in it.
///
/// Exit status: 0 nothing is wrong; 1 something is; 2 not checked.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Compiled lexicon, or table of concepts
    #[arg(value_name = "LEXICON")]
    pub lexicon: PathBuf,

    /// Notes in which forms are counted, as for annotate (repeatable)
    #[arg(long, value_name = "INPUT")]
    pub notes: Vec<String>,

    /// Percentage of notes from which a form is suspiciously frequent
    #[arg(long, value_name = "PERCENT", default_value_t = CheckOptions::default().frequent_share * 100.0)]
    pub frequent: f64,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Compiles terminologies into one file for `annotate --lexicon`, which opens it in no time however large it is.
///
/// INPUT is a file or a folder: OBO (HPO, DOID, SYMP, MONDO), UMLS RRF (MRCONSO and MRSTY), a SNOMED CT RF2 release, the
/// tabular list (XML) or an order file of ICD-10-CM, a CSV or TSV table with a column `term`, and optionally `code`, `type`,
/// `id`, `name`, `system`, `icd10cm`, `language`, or a table of concepts; each also with .gz or .zst. The content tells which.
///
/// Exit status: 0 built; 1 built, but some lines were malformed and passed over; 2 not built.
#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    /// Files or folders
    #[arg(value_name = "INPUT", required = true)]
    pub input: Vec<PathBuf>,

    /// The compiled lexicon
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,

    /// Format of every file, instead of what the content says
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<TerminologyArg>,

    /// Take these source vocabularies only, as the terminology calls them (SNOMEDCT_US, HP)
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub vocabulary: Vec<String>,

    /// Take these only: semantic types (T047), semantic tags (disorder), branches (HP:0000118), beginnings of codes (I)
    #[arg(long, value_delimiter = ',', value_name = "TYPE")]
    pub semantic_type: Vec<String>,

    /// Take terms of these languages
    #[arg(long, value_delimiter = ',', value_name = "LANGUAGE", default_values_t = BuildOptions::default().languages)]
    pub language: Vec<String>,

    /// Take synonyms of these scopes
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SCOPE", default_values_t = default_scopes())]
    pub synonyms: Vec<ScopeArg>,

    /// Take what its source suppresses or calls obsolete, too
    #[arg(long)]
    pub keep_suppressed: bool,

    /// Characters of the shortest form
    #[arg(long, value_name = "N", default_value_t = BuildOptions::default().min_characters)]
    pub min_length: usize,

    /// Characters of the longest form
    #[arg(long, value_name = "N", default_value_t = BuildOptions::default().max_characters)]
    pub max_length: usize,

    /// Type of the concepts whose semantic type says none
    #[arg(long, value_enum, value_name = "TYPE")]
    pub r#type: Option<TypeArg>,

    /// Folder of tables that replace the embedded ones of the same name: terminology-types, dropped-forms, title-rewrites,
    /// code-systems, spelling (.tsv)
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,

    /// Write every dropped form and malformed line with the reason
    #[arg(long, value_name = "FILE")]
    pub dropped: Option<PathBuf>,

    /// No summary
    #[arg(long, short)]
    pub quiet: bool,
}

/// A format of terminologies.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum TerminologyArg {
    Obo,
    Umls,
    Snomed,
    Icd10cmXml,
    Icd10cmOrder,
    /// Table of terms
    Table,
    /// Table of concepts
    Concepts,
}

impl From<TerminologyArg> for TerminologyFormat {
    fn from(format: TerminologyArg) -> TerminologyFormat {
        match format {
            TerminologyArg::Obo => TerminologyFormat::Obo,
            TerminologyArg::Umls => TerminologyFormat::Umls,
            TerminologyArg::Snomed => TerminologyFormat::Snomed,
            TerminologyArg::Icd10cmXml => TerminologyFormat::Icd10cmXml,
            TerminologyArg::Icd10cmOrder => TerminologyFormat::Icd10cmOrder,
            TerminologyArg::Table => TerminologyFormat::Table,
            TerminologyArg::Concepts => TerminologyFormat::Concepts,
        }
    }
}

/// The scopes that are taken where none is named.
fn default_scopes() -> Vec<ScopeArg> {
    let taken = BuildOptions::default().synonyms;
    ScopeArg::value_variants().iter().copied().filter(|scope| taken.contains(&(*scope).into())).collect()
}

/// A scope of synonyms.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ScopeArg {
    Exact,
    Narrow,
    Broad,
    Related,
}

impl From<ScopeArg> for SynonymScope {
    fn from(scope: ScopeArg) -> SynonymScope {
        match scope {
            ScopeArg::Exact => SynonymScope::Exact,
            ScopeArg::Narrow => SynonymScope::Narrow,
            ScopeArg::Broad => SynonymScope::Broad,
            ScopeArg::Related => SynonymScope::Related,
        }
    }
}

/// A type of mentions.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum TypeArg {
    Symptom,
    Finding,
    Diagnosis,
}

impl From<TypeArg> for MentionType {
    fn from(kind: TypeArg) -> MentionType {
        match kind {
            TypeArg::Symptom => MentionType::Symptom,
            TypeArg::Finding => MentionType::Finding,
            TypeArg::Diagnosis => MentionType::Diagnosis,
        }
    }
}
