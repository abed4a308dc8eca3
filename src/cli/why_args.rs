//! What may be typed after `noteward why`.

use std::path::PathBuf;

use clap::Args;

/// Shows why a row of a run, or a warning, says what it says.
///
/// Of a mention, a measurement or a fact: its sentence, the cue and its scope, the row of the rule, other cues and why they did
/// not decide, how a value was read and converted, the model's scores, the entry of the lexicon, where the note stood, and what
/// the run was made with. The note is read again, from the inputs that run.json names or from the run's table texts, and
/// annotated again as the run was configured. A text that has changed is refused.
///
/// Of a warning: each input with its state, reason, points and evidence, with the words of the note; what is missing, what
/// would settle it, the score and its source; and whether texts, rows, score and files are still what the warning was made of.
///
/// The page holds words of notes.
///
/// Exit status: 0 this program gives the same row, or all that the warning rests on is as it was; 1 it gives another row, or
/// none, or something has changed or is not to be found; 2 not done.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// Output folder of annotate; for a warning, that of warn
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// A row by its mention_id or measurement_id; a warning by SCORE/PATIENT_ID/TIME, its columns score, patient_id and time
    #[arg(value_name = "ID")]
    pub id: String,

    /// Read notes from these files, folders or patterns instead, by their note_id (repeatable)
    #[arg(long, value_name = "INPUT")]
    pub notes: Vec<String>,

    /// The run that a warning was made of [default: the one that warn.json names]
    #[arg(long = "run", value_name = "RUN")]
    pub of_run: Option<PathBuf>,

    /// Files or folders of scores, for a warning of a score that is not the program's own
    #[arg(long, value_delimiter = ',', value_name = "SCORE")]
    pub scores: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
