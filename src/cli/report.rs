//! `noteward report`.

use anyhow::{Result, bail};
use noteward::{NoteSource, ReportOptions};

use super::report_args::ReportArgs;
use super::{DONE, OTHERWISE};

/// Runs the command; gives the exit status.
pub(super) fn report(arguments: ReportArgs) -> Result<u8> {
    for path in [Some(&arguments.out), arguments.checks.as_ref()].into_iter().flatten() {
        if path.exists() && !arguments.force {
            bail!("{}: exists already; --force replaces it", path.display());
        }
    }
    let mut options = ReportOptions::default();
    options.n_examples = arguments.examples;
    options.min_count = arguments.min_count;
    options.patient = arguments.patient;
    options.warnings = arguments.warnings;
    options.checks = arguments.checks;
    options.check_rules = arguments.check_rules;
    options.patients = arguments.patients;
    if !arguments.notes.is_empty() {
        options.notes = NoteSource::Given(arguments.notes);
    }
    let sums_hold = noteward::report(&arguments.run, &arguments.out, &options)?;
    if !sums_hold {
        super::report("the counts of the run do not add up; the page says which");
    }
    Ok(if sums_hold { DONE } else { OTHERWISE })
}
