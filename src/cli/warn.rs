//! `noteward warn`.

use std::path::PathBuf;

use anyhow::Result;
use noteward::{Assume, Moments, WarnOptions, WarningForm};

use super::warn_args::{AlsoArg, AssumeArg, WarnArgs};
use super::{DONE, SOME_REJECTED, print};

/// Runs the command; gives the exit status.
pub(super) fn warn(arguments: WarnArgs) -> Result<u8> {
    let mut options = WarnOptions::new(noteward::select_scores(&arguments.scores)?);
    options.at = match arguments.at.as_str() {
        "note" => Moments::Notes,
        "day" => Moments::Days,
        file => Moments::File(PathBuf::from(file)),
    };
    options.assume = match arguments.assume {
        None => Assume::Nothing,
        Some(AssumeArg::Absent) => Assume::Absent,
        Some(AssumeArg::Normal) => Assume::Normal,
    };
    options.observations = arguments.observations;
    options.patients = arguments.patients;
    options.changes_only = arguments.changes_only;
    options.formats = arguments.format.into_iter().map(Into::into).collect();
    let form = |also| match also {
        AlsoArg::Fhir => WarningForm::Fhir,
        AlsoArg::Meds => WarningForm::Meds,
    };
    options.also = arguments.also.into_iter().map(form).collect();
    options.force = arguments.force;
    options.threads = arguments.threads;
    let report = noteward::warn(&arguments.run, &arguments.out, &options)?;
    if !arguments.quiet {
        print(&report, arguments.json)?;
    }
    Ok(if report.n_rejected() > 0 { SOME_REJECTED } else { DONE })
}
