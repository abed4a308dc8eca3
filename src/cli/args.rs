//! What may be typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use noteward::{ByteSize, Engine, ModelPrecision, OutputFormat, Recognizer};

use super::export_args::ExportArgs;
use super::features_args::FeaturesArgs;
use super::lexicon_args::LexiconCommand;
use super::report_args::ReportArgs;
use super::scores_args::ScoresCommand;
use super::warn_args::WarnArgs;

/// Reads hospital notes and tells which symptoms, findings and diagnoses they name.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Notes in, asserted and coded mentions out
    Annotate(Box<AnnotateArgs>),
    /// Agreement of mentions with a gold standard
    Evaluate(EvaluateArgs),
    /// Mentions and measurements of a run in, warnings of complications out
    Warn(Box<WarnArgs>),
    /// Why a row of a run says what it says
    Why(super::why_args::WhyArgs),
    /// What changed between two runs: mentions, notes, patients
    Diff(DiffArgs),
    /// Time, memory, disk and duplication of a run, before it
    Estimate(Box<EstimateArgs>),
    /// A run in the form that other programs read: MEDS, FHIR, BRAT
    Export(Box<ExportArgs>),
    /// Mentions in, point-in-time patient features out
    Features(Box<FeaturesArgs>),
    /// One self-contained page of a run, or of a patient, that a person can read
    Report(Box<ReportArgs>),
    /// Terminologies into a compiled lexicon, and what is wrong in a lexicon
    Lexicon {
        #[command(subcommand)]
        command: LexiconCommand,
    },
    /// The complication scores, and their test vectors
    Scores {
        #[command(subcommand)]
        command: ScoresCommand,
    },
}

impl Command {
    /// How the command tells what goes wrong.
    pub fn log_format(&self) -> LogFormat {
        match self {
            Command::Annotate(arguments) => arguments.log_format,
            Command::Estimate(arguments) => arguments.annotate.log_format,
            _ => LogFormat::Text,
        }
    }
}

/// Reads a part of the inputs and annotates a sample of it, and tells what a run over all of it will take and meet: time,
/// memory and disk, columns and encodings, copied text, and what will be rejected. Writes nothing.
#[derive(Debug, Args)]
pub(super) struct EstimateArgs {
    #[command(flatten)]
    pub annotate: AnnotateArgs,

    /// Seconds for which the sample is annotated
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub sample_seconds: u64,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Compares two runs: mentions added, removed and changed, notes and patients affected, by column, value and rule.
///
/// Notes are the same where their note_id is; their mentions are paired by span and type, then by span, then by overlap. Memory
/// does not grow with the runs, but with the notes that they do not share.
///
/// Exit status: 0 equal; 1 they differ; 2 not done.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The first run: output folder of annotate
    #[arg(value_name = "RUN_A")]
    pub run_a: PathBuf,

    /// The second run
    #[arg(value_name = "RUN_B")]
    pub run_b: PathBuf,

    /// Also write every change to this CSV file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Show the first N changes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub examples: usize,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Compares mentions with a gold standard, and prints figures: spans, types, assertion, codes; also by type, section and
/// note type.
///
/// The gold standard is JSON Lines, one note a line: id, text, entities [{start, end, type, negated, possible, historical,
/// hypothetical, other_experiencer, code}], offsets in code points. Mentions are paired one to one, equal spans first, then
/// overlapping ones; assertion and codes are judged over the pairs.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["pred", "gold_spans"])))]
pub(super) struct EvaluateArgs {
    /// The gold standard
    #[arg(long, value_name = "FILE")]
    pub gold: PathBuf,

    /// Output folder of annotate, or a file in the form of the gold standard
    #[arg(long, value_name = "RUN|FILE")]
    pub pred: Option<PathBuf>,

    /// Judge the assertion alone, on the spans of the gold standard
    #[arg(long)]
    pub gold_spans: bool,

    /// Show the N worst disagreements of each kind, with words of the notes around them: wrong assertion, missed, spurious, wrong
    /// type, wrong code, other span
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub errors: usize,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads notes and writes a folder with the tables `mentions`, `facts` and `notes`, `rejects.jsonl` and `run.json`.
///
/// INPUT is a file, a folder (walked recursively), a quoted pattern, `-` for JSON Lines on stdin, or the rows of a query,
/// 'postgres://user@host/database?query=SELECT ... ORDER BY note_id', with the password in PGPASSWORD. Formats are known by
/// extension: .csv, .tsv, .jsonl, .ndjson, .txt (a note a file), each also with .gz or .zst, and .parquet.
///
/// Exit status: 0 every note done; 1 the run finished, but some notes were rejected; 2 not done.
#[derive(Debug, Args)]
pub(super) struct AnnotateArgs {
    /// Files, folders, patterns, `-`, or postgres://...?query=...
    #[arg(value_name = "INPUT")]
    pub input: Vec<String>,

    /// Output folder; refused if it holds another run
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Replace the run that the output folder holds
    #[arg(long)]
    pub force: bool,

    /// Go on with the unfinished run that the output folder holds; begins where there is none
    #[arg(long, conflicts_with = "force")]
    pub resume: bool,

    /// Formats of the output tables [default: parquet]
    #[arg(long, value_delimiter = ',', value_name = "FORMAT")]
    pub format: Option<Vec<FormatArg>>,

    /// Which column holds a field: note_id, text, patient_id, encounter_id, note_time, note_type, author
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub map: Vec<String>,

    /// Which recognisers run [default: both]
    #[arg(long, value_delimiter = ',', value_name = "RECOGNIZER")]
    pub recognizers: Option<Vec<RecognizerArg>>,

    /// Compiled lexicon, or table of concepts, that extends the embedded lexicon (repeatable)
    #[arg(long, value_name = "FILE")]
    pub lexicon: Vec<PathBuf>,

    /// Folder of a token classifier in place of the embedded one: config.json, model.safetensors, tokenizer.json or vocab.txt
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// How the model is computed [default: int8]
    #[arg(long, value_enum, value_name = "PRECISION")]
    pub precision: Option<PrecisionArg>,

    /// What computes the model [default: own]
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Option<EngineArg>,

    /// Folder of rule tables that replace the embedded ones of the same name
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,

    /// Who the patients are: patient_id, birth_date, sex; CSV, TSV or Parquet. Goes before what notes say
    #[arg(long, value_name = "FILE")]
    pub patients: Option<PathBuf>,

    /// Workers [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Folder in which readings of sentences are kept for other runs: keyed hashes and spans, no text
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub cache: Option<PathBuf>,

    /// Bound of that folder [default: 1GB], or of the cache in memory where there is none [default: 32MB]
    #[arg(long, value_name = "BYTES", conflicts_with = "no_cache")]
    pub cache_size: Option<ByteSize>,

    /// Read a sentence again wherever it stands
    #[arg(long)]
    pub no_cache: bool,

    /// File of a secret of at least 16 bytes: hashes of sentences, in tables and cache, cannot be guessed without it
    #[arg(long, value_name = "FILE")]
    pub hash_key_file: Option<PathBuf>,

    /// Read only the first N notes
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,

    /// Rows of one note_id are lines of one note, joined in the order of this column
    #[arg(long, value_name = "COLUMN")]
    pub line_column: Option<String>,

    /// Input column carried into `notes` (repeatable)
    #[arg(long, value_name = "COLUMN")]
    pub keep: Vec<String>,

    /// Also write the table `texts` (note_id, text)
    #[arg(long)]
    pub keep_text: bool,

    /// Also write the table `sentences` (note_id, sentence, start, end, section, segment_hash)
    #[arg(long)]
    pub keep_sentences: bool,

    /// Reject notes longer than this
    #[arg(long, value_name = "BYTES")]
    pub max_note_bytes: Option<usize>,

    /// Read settings from a TOML file whose keys are these flags; flags win
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print the effective configuration and do nothing
    #[arg(long)]
    pub print_config: bool,

    /// No progress and no summary
    #[arg(long, short)]
    pub quiet: bool,

    /// How progress, summary and errors are told
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// A file format of the output tables.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormatArg {
    Parquet,
    Csv,
    Jsonl,
}

impl From<FormatArg> for OutputFormat {
    fn from(format: FormatArg) -> OutputFormat {
        match format {
            FormatArg::Parquet => OutputFormat::Parquet,
            FormatArg::Csv => OutputFormat::Csv,
            FormatArg::Jsonl => OutputFormat::Jsonl,
        }
    }
}

/// A recogniser of mentions.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RecognizerArg {
    /// Surface forms of the lexicon
    Lexicon,
    /// The token classifier
    Model,
}

impl From<RecognizerArg> for Recognizer {
    fn from(recognizer: RecognizerArg) -> Recognizer {
        match recognizer {
            RecognizerArg::Lexicon => Recognizer::Lexicon,
            RecognizerArg::Model => Recognizer::Model,
        }
    }
}

/// How a model is computed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PrecisionArg {
    /// 8-bit integers
    Int8,
    /// 32-bit floating point
    Full,
}

impl From<PrecisionArg> for ModelPrecision {
    fn from(precision: PrecisionArg) -> ModelPrecision {
        match precision {
            PrecisionArg::Int8 => ModelPrecision::Int8,
            PrecisionArg::Full => ModelPrecision::Full,
        }
    }
}

/// What computes a model.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum EngineArg {
    /// noteward itself
    Own,
    /// rust-bert, in a program that was built with that feature
    RustBert,
}

impl From<EngineArg> for Engine {
    fn from(engine: EngineArg) -> Engine {
        match engine {
            EngineArg::Own => Engine::Own,
            EngineArg::RustBert => Engine::RustBert,
        }
    }
}

/// How progress and summary are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}
