//! `noteward why`.

use anyhow::Result;
use noteward::NoteSource;

use super::args::WhyArgs;
use super::{DONE, OTHERWISE, print};

/// Runs the command; gives the exit status.
pub(super) fn why(arguments: WhyArgs) -> Result<u8> {
    let source = if arguments.notes.is_empty() { NoteSource::OfTheRun } else { NoteSource::Given(arguments.notes) };
    let why = noteward::why(&arguments.run, &arguments.mention_id, &source)?;
    print(&why, arguments.json)?;
    Ok(if why.same_row { DONE } else { OTHERWISE })
}
