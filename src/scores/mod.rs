//! The scores at hand: those of the program and those of a user's folder, their list, and checks on rows whose value is known.

mod check;
mod listing;
mod select;

use std::fs;
use std::path::Path;

pub use check::{CheckedRow, ScoreCheck, Verdict, check_score};
pub use listing::{ListedBand, ListedInput, ListedScore, ScoreList};
pub use select::select_scores;

use crate::{Error, Result, Score};

/// The scores of the program, and after them those of a folder (`*.toml`, in the order of their names); one of the folder
/// that has the identifier of another takes its place.
///
/// # Errors
/// The folder cannot be read, or one of its files is not as it should be.
pub fn load_scores(folder: Option<&Path>) -> Result<Vec<Score>> {
    let mut scores = Score::embedded()?;
    let Some(folder) = folder else { return Ok(scores) };
    for score in of_folder(folder)? {
        match scores.iter_mut().find(|other| other.id == score.id) {
            Some(other) => *other = score,
            None => scores.push(score),
        }
    }
    Ok(scores)
}

/// The scores of a folder, in the order of the names of their files.
fn of_folder(folder: &Path) -> Result<Vec<Score>> {
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
    let mut scores: Vec<Score> = Vec::new();
    for path in &paths {
        let score = of_file(path)?;
        if scores.iter().any(|other| other.id == score.id) {
            return Err(Error::input(path, format!("the id {:?} is taken by another file of the folder", score.id)));
        }
        scores.push(score);
    }
    Ok(scores)
}

fn of_file(path: &Path) -> Result<Score> {
    let text = fs::read_to_string(path).map_err(|error| Error::io("reading the score", path, error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    Score::parse(&path.display().to_string(), &text, |name| fs::read_to_string(folder.join(name)).ok())
}
