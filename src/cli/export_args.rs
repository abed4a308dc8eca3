//! What may be typed after `noteward export`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use noteward::{Instant, Profile, Splits, UtcOffset};

use super::omop_args::OmopArgs;

/// Writes a run in the form that other programs read. docs/exports.md says what each form holds and what it loses.
///
/// Exit status: 0 done; 1 done, but notes had no place in the target (lost_notes.csv names them); 2 not done.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Output folder of annotate
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// The form
    #[arg(long, value_enum, value_name = "TARGET")]
    pub to: TargetArg,

    /// Output folder; refused if it holds something
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Replace the export that the output folder holds
    #[arg(long)]
    pub force: bool,

    /// What `possible` becomes: a value of its own, `present` or `absent`
    #[arg(long, value_enum, value_name = "PROFILE", default_value_t = ProfileArg::Own)]
    pub profile: ProfileArg,

    /// Read the texts of the notes from these files, folders or patterns instead, by note_id (repeatable)
    #[arg(long, value_name = "INPUT")]
    pub notes: Vec<String>,

    /// MEDS: patient_id, birth_date and sex of patients, as CSV or Parquet; goes before what notes say
    #[arg(long, value_name = "FILE")]
    pub patients: Option<PathBuf>,

    /// MEDS: patients of a data file [default: 10000]
    #[arg(long, value_name = "N")]
    pub subjects_per_shard: Option<NonZeroUsize>,

    /// MEDS: shares of the splits, by patient [default: train=0.8,tuning=0.1,held_out=0.1]
    #[arg(long, value_name = "NAME=SHARE,...")]
    pub splits: Option<Splits>,

    /// FHIR: what is stated as there is `confirmed`, not `unconfirmed`, and observations are `final`, not `preliminary`
    #[arg(long)]
    pub confirmed: bool,

    /// FHIR: no text in the DocumentReferences
    #[arg(long)]
    pub without_text: bool,

    /// FHIR: offset of the clocks by which notes were timed [default: Z]
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub utc_offset: Option<UtcOffset>,

    /// FHIR: when the rows were made, as 2026-01-31T12:00:00Z, for Provenance [default: when run.json was written]
    #[arg(long, value_name = "INSTANT")]
    pub recorded: Option<Instant>,

    /// FHIR: address of the server [default: http://example.org/fhir]
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,

    /// No summary
    #[arg(long, short)]
    pub quiet: bool,

    #[command(flatten)]
    pub omop: OmopArgs,
}

/// A form of export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TargetArg {
    /// Medical Event Data Standard 0.4: Parquet files of events by patient
    Meds,
    /// FHIR R4: a file of Bundles, one a note
    Fhir,
    /// BRAT standoff: a text and its annotations, a note a file
    Brat,
    /// OMOP CDM 5.4: NOTE, NOTE_NLP and MEASUREMENT as files, or into PostgreSQL
    Omop,
}

/// What becomes of `possible`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ProfileArg {
    /// A value of its own
    Own,
    /// The same as present
    Present,
    /// The same as absent
    Absent,
}

impl From<ProfileArg> for Profile {
    fn from(profile: ProfileArg) -> Profile {
        match profile {
            ProfileArg::Own => Profile::Own,
            ProfileArg::Present => Profile::Present,
            ProfileArg::Absent => Profile::Absent,
        }
    }
}
