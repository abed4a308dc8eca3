//! The scores at hand: those of the program and those of a user's folder, their list, and checks on rows whose value is known.

mod check;
mod listing;

use std::fs;
use std::path::Path;

pub use check::{CheckedRow, ScoreCheck, Verdict, check_score};
pub use listing::{ListedBand, ListedInput, ListedScore, ScoreList};

use crate::{Error, Result, Score};

/// The scores of the program, and after them those of a folder (`*.toml`, in the order of their names); one of the folder
/// that has the identifier of another takes its place.
///
/// # Errors
/// The folder cannot be read, or one of its files is not as it should be.
pub fn load_scores(folder: Option<&Path>) -> Result<Vec<Score>> {
    let mut scores = Score::embedded()?;
    let Some(folder) = folder else { return Ok(scores) };
    let entries = fs::read_dir(folder).map_err(|error| Error::io("listing the scores in", folder, error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::io("listing the scores in", folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Error::input(folder, "expected score files (*.toml), found none"));
    }
    let mut own: Vec<String> = Vec::new();
    for path in &paths {
        let text = fs::read_to_string(path).map_err(|error| Error::io("reading the score", path, error))?;
        let table = |name: &str| fs::read_to_string(folder.join(name)).ok();
        let score = Score::parse(&path.display().to_string(), &text, table)?;
        if own.contains(&score.id) {
            return Err(Error::input(path, format!("the id {:?} is taken by another file of the folder", score.id)));
        }
        own.push(score.id.clone());
        match scores.iter_mut().find(|other| other.id == score.id) {
            Some(other) => *other = score,
            None => scores.push(score),
        }
    }
    Ok(scores)
}
