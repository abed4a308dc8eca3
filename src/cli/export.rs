//! `noteward export`.

use anyhow::Result;
use noteward::{Existing, ExportOptions, NoteSource, Target};

use super::export_args::{ExportArgs, TargetArg};
use super::{DONE, SOME_REJECTED, report};

/// Runs the command; gives the exit status.
pub(super) fn export(arguments: ExportArgs) -> Result<u8> {
    let target = match arguments.to {
        TargetArg::Brat => Target::Brat,
        TargetArg::Omop => Target::Omop(Box::new(arguments.omop.into())),
        TargetArg::Meds | TargetArg::Fhir => anyhow::bail!("not there"),
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
