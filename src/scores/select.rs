//! Which scores are computed: those of the program by name or pack, and files of users.

use std::path::Path;

use super::{of_file, of_folder};
use crate::{Error, Result, Score};

/// The scores that are asked for: names, packs, `all`, files (`.toml`) and folders of files; where nothing is asked for, those
/// that the program computes by default. A file takes the place of the score of the same name.
///
/// # Errors
/// A name that is neither a score nor a pack, or a file that is not as it should be.
pub fn select_scores(asked: &[String]) -> Result<Vec<Score>> {
    let embedded = Score::embedded()?;
    if asked.is_empty() {
        return Ok(embedded.into_iter().filter(|score| score.by_default).collect());
    }
    let mut chosen: Vec<Score> = Vec::new();
    for name in asked {
        let path = Path::new(name);
        let found = if path.is_dir() {
            of_folder(path)?
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            vec![of_file(path)?]
        } else {
            named(&embedded, name)?
        };
        for score in found {
            match chosen.iter_mut().find(|known| known.id == score.id) {
                Some(known) => *known = score,
                None => chosen.push(score),
            }
        }
    }
    Ok(chosen)
}

fn named(scores: &[Score], name: &str) -> Result<Vec<Score>> {
    let is_it = |score: &&Score| name == "all" || score.id == name || score.pack == name;
    let found: Vec<Score> = scores.iter().filter(is_it).cloned().collect();
    if found.is_empty() {
        let names: Vec<&str> = scores.iter().map(|score| score.id.as_str()).collect();
        return Err(Error::config(format!(
            "--scores: {name:?} is no score, pack, file or folder; scores are {}",
            names.join(", ")
        )));
    }
    Ok(found)
}
