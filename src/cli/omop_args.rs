//! What may be typed after `noteward export --to omop`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use noteward::{OmopDatabase, OmopOptions, OmopTableName, OtherText, PersonKey, Snippets};

use super::annotate::with_password;
use super::args::FormatArg;

/// Rows of OMOP CDM 5.4.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --to omop")]
pub(super) struct OmopArgs {
    /// Formats of the files
    #[arg(long, value_delimiter = ',', value_name = "FORMAT", default_value = "csv")]
    pub format: Vec<FormatArg>,

    /// Tables that are filled
    #[arg(long, value_enum, value_delimiter = ',', value_name = "TABLE", default_value = "note,note_nlp,measurement")]
    pub tables: Vec<TableArg>,

    /// Codes and their concepts: a CSV file with the columns system, code, concept_id and, if need be, source_concept_id
    #[arg(long, value_name = "FILE")]
    pub concepts: Option<PathBuf>,

    /// Numbers of identifiers that are no integers: read where it is there, and written back with those that were added
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,

    /// Leave out the words around a term
    #[arg(long)]
    pub no_snippet: bool,

    /// Name of the system in nlp_system; a load replaces the rows of its own name only
    #[arg(long, value_name = "NAME", default_value_t = OmopOptions::default().system)]
    pub nlp_system: String,

    /// Date of processing, in place of the one in run.json
    #[arg(long, value_name = "DATE")]
    pub nlp_date: Option<String>,

    /// Concept of the notes' provenance
    #[arg(long, value_name = "CONCEPT", default_value_t = OmopOptions::default().note_type_concept)]
    pub note_type_concept: i32,

    /// Concept of the notes' language
    #[arg(long, value_name = "CONCEPT", default_value_t = OmopOptions::default().language_concept)]
    pub language_concept: i32,

    /// Load into this database instead of files; the password may stand in PGPASSWORD
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,

    /// Schema of the tables
    #[arg(long, value_name = "SCHEMA", default_value = "public", requires = "postgres")]
    pub schema: String,

    /// Schema of the table concept, where it is another one
    #[arg(long, value_name = "SCHEMA", requires = "postgres")]
    pub vocabulary_schema: Option<String>,

    /// What the patients and encounters of the run are: person_id and visit_occurrence_id, or the source values of the rows
    #[arg(long, value_enum, value_name = "KEY", default_value_t = PersonKeyArg::Id, requires = "postgres")]
    pub person_key: PersonKeyArg,

    /// Replace notes that have another text in the database
    #[arg(long, requires = "postgres")]
    pub replace_notes: bool,
}

impl From<OmopArgs> for OmopOptions {
    fn from(arguments: OmopArgs) -> OmopOptions {
        let mut options = OmopOptions::default();
        options.database = arguments.postgres.map(|url| {
            let mut database = OmopDatabase::new(with_password(url), arguments.schema);
            database.vocabulary_schema = arguments.vocabulary_schema;
            database.person_key = match arguments.person_key {
                PersonKeyArg::Id => PersonKey::Id,
                PersonKeyArg::Source => PersonKey::SourceValue,
            };
            database.other_text = if arguments.replace_notes { OtherText::Replace } else { OtherText::Refuse };
            database
        });
        options.formats = arguments.format.into_iter().map(Into::into).collect();
        options.tables = arguments.tables.into_iter().map(Into::into).collect();
        options.concepts = arguments.concepts;
        options.ids = arguments.ids;
        options.snippets = if arguments.no_snippet { Snippets::Left } else { Snippets::Written };
        options.system = arguments.nlp_system;
        options.nlp_date = arguments.nlp_date;
        options.note_type_concept = arguments.note_type_concept;
        options.language_concept = arguments.language_concept;
        options
    }
}

/// A table of OMOP.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum TableArg {
    /// The notes and their texts
    Note,
    /// What was found in them
    NoteNlp,
    /// The values of the patient
    Measurement,
}

impl From<TableArg> for OmopTableName {
    fn from(table: TableArg) -> OmopTableName {
        match table {
            TableArg::Note => OmopTableName::Note,
            TableArg::NoteNlp => OmopTableName::NoteNlp,
            TableArg::Measurement => OmopTableName::Measurement,
        }
    }
}

/// What identifies persons.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PersonKeyArg {
    /// person_id, visit_occurrence_id
    Id,
    /// person_source_value, visit_source_value
    Source,
}
