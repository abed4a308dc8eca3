//! `noteward scores list` and `noteward scores check`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use noteward::{Score, ScoreList};

use super::scores_args::{CheckArgs, ListArgs, ScoresCommand};
use super::{DONE, OTHERWISE, print};

/// Runs the command; gives the exit status.
pub(super) fn scores(command: ScoresCommand) -> Result<u8> {
    match command {
        ScoresCommand::List(arguments) => list(arguments),
        ScoresCommand::Check(arguments) => check(arguments),
    }
}

fn list(arguments: ListArgs) -> Result<u8> {
    let scores = noteward::load_scores(arguments.scores.as_deref())?;
    print(&ScoreList::new(&scores), arguments.json)?;
    Ok(DONE)
}

fn check(arguments: CheckArgs) -> Result<u8> {
    let score = named(&arguments.score, arguments.scores.as_deref())?;
    let checked = noteward::check_score(&score, &arguments.file, arguments.tolerance)?;
    print(&checked, arguments.json)?;
    Ok(if checked.agrees() { DONE } else { OTHERWISE })
}

/// A score by its id, or by its file.
fn named(name: &str, folder: Option<&Path>) -> Result<Score> {
    if name.ends_with(".toml") {
        let path = Path::new(name);
        let text = fs::read_to_string(path).with_context(|| format!("reading the score {name}"))?;
        let beside = path.parent().unwrap_or(Path::new(""));
        return Ok(Score::parse(name, &text, |table| fs::read_to_string(beside.join(table)).ok())?);
    }
    let scores = noteward::load_scores(folder)?;
    match scores.into_iter().find(|score| score.id == name) {
        Some(score) => Ok(score),
        None => bail!("{name:?} is no score: `noteward scores list` names them"),
    }
}
