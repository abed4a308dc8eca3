//! `noteward evaluate`.

use std::io::Write;

use anyhow::Result;
use noteward::Predicted;

use super::DONE;
use super::args::EvaluateArgs;

/// Runs the command; gives the exit status.
pub(super) fn evaluate(arguments: EvaluateArgs) -> Result<u8> {
    let predicted = arguments.pred.map_or(Predicted::GoldSpans, Predicted::From);
    let evaluation = noteward::evaluate(&arguments.gold, &predicted, arguments.errors)?;
    let mut stdout = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut stdout, &evaluation)?;
        writeln!(stdout)?;
    } else {
        write!(stdout, "{evaluation}")?;
    }
    Ok(DONE)
}
