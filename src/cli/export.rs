//! `noteward export`.

use anyhow::Result;
use noteward::{Existing, ExportOptions, FhirOptions, MedsOptions, NoteSource, Target};

use super::export_args::{ExportArgs, TargetArg};
use super::{DONE, SOME_REJECTED, report};

/// Runs the command; gives the exit status.
pub(super) fn export(arguments: ExportArgs) -> Result<u8> {
    let target = match arguments.to {
        TargetArg::Meds => Target::Meds(meds(&arguments)),
        TargetArg::Fhir => Target::Fhir(fhir(&arguments)),
        TargetArg::Brat => Target::Brat,
        TargetArg::Omop => Target::Omop(Box::new(arguments.omop.into())),
    };
    let mut options = ExportOptions::new(target, arguments.out);
    options.profile = arguments.profile.into();
    if arguments.force {
        options.existing = Existing::Replace;
    }
    if !arguments.notes.is_empty() {
        options.notes = NoteSource::Given(arguments.notes);
    }
    let exported = noteward::export(&arguments.run, &options)?;
    if !arguments.quiet {
        exported.to_string().lines().for_each(report);
    }
    Ok(if exported.counts.lost_notes == 0 { DONE } else { SOME_REJECTED })
}

fn meds(arguments: &ExportArgs) -> MedsOptions {
    let mut options = MedsOptions::default();
    options.patients = arguments.patients.clone();
    options.subjects_per_shard = arguments.subjects_per_shard.unwrap_or(options.subjects_per_shard);
    options.splits = arguments.splits.clone().unwrap_or(options.splits);
    options
}

fn fhir(arguments: &ExportArgs) -> FhirOptions {
    let mut options = FhirOptions::default();
    options.confirmed = arguments.confirmed;
    options.without_text = arguments.without_text;
    options.utc_offset = arguments.utc_offset.clone().unwrap_or(options.utc_offset);
    options.recorded = arguments.recorded.clone();
    options.base_url = arguments.base_url.clone().unwrap_or(options.base_url);
    options
}
