//! `noteward evaluate`.

use anyhow::Result;
use noteward::Predicted;

use super::args::EvaluateArgs;
use super::{DONE, print};

/// Runs the command; gives the exit status.
pub(super) fn evaluate(arguments: EvaluateArgs) -> Result<u8> {
    let predicted = arguments.pred.map_or(Predicted::GoldSpans, Predicted::From);
    let evaluation = noteward::evaluate(&arguments.gold, &predicted, arguments.errors)?;
    print(&evaluation, arguments.json)?;
    Ok(DONE)
}
