//! `noteward why`.

use anyhow::Result;
use noteward::{NoteSource, Score, WarningId, WhyWarningOptions};

use super::why_args::WhyArgs;
use super::{DONE, OTHERWISE, print};

/// Runs the command; gives the exit status.
pub(super) fn why(arguments: WhyArgs) -> Result<u8> {
    let notes = if arguments.notes.is_empty() { NoteSource::OfTheRun } else { NoteSource::Given(arguments.notes) };
    let Some(warning) = WarningId::parse(&arguments.id) else {
        let why = noteward::why(&arguments.run, &arguments.id, &notes)?;
        print(&why, arguments.json)?;
        return Ok(if why.same_row { DONE } else { OTHERWISE });
    };
    let mut options = WhyWarningOptions::new(Score::embedded()?);
    // A file takes the place of the program's score of the same name.
    if !arguments.scores.is_empty() {
        options.scores.splice(0..0, noteward::select_scores(&arguments.scores)?);
    }
    options.run = arguments.of_run;
    options.notes = notes;
    let why = noteward::why_warning(&arguments.run, &warning, &options)?;
    print(&why, arguments.json)?;
    Ok(if why.as_it_was { DONE } else { OTHERWISE })
}
