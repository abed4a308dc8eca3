//! `noteward diff`.

use anyhow::Result;
use noteward::DiffOptions;

use super::args::DiffArgs;
use super::{DONE, OTHERWISE, print};

/// Runs the command; gives the exit status.
pub(super) fn diff(arguments: DiffArgs) -> Result<u8> {
    let mut options = DiffOptions::default();
    options.out = arguments.out;
    options.n_examples = arguments.examples;
    let diff = noteward::diff(&arguments.run_a, &arguments.run_b, &options)?;
    print(&diff, arguments.json)?;
    Ok(if diff.equal { DONE } else { OTHERWISE })
}
