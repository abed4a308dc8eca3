//! Which scores: those that the program carries, by name or pack, and files of users.

use std::path::Path;

use crate::score::Score;
use crate::{Error, Result};

/// The scores that are asked for: names, packs, `all`, files (`.toml`) and folders of files; where nothing is asked for, those
/// that the program computes by default. A file takes the place of the score of the same name.
///
/// # Errors
/// A name that is neither a score nor a pack, or a file that is not as it should be.
pub fn scores(asked: &[String]) -> Result<Vec<Score>> {
    let embedded = Score::embedded()?;
    if asked.is_empty() {
        return Ok(embedded.into_iter().filter(|score| score.by_default).collect());
    }
    let mut chosen: Vec<Score> = Vec::new();
    let mut choose = |score: Score| match chosen.iter_mut().find(|known| known.id == score.id) {
        Some(known) => *known = score,
        None => chosen.push(score),
    };
    for name in asked {
        let path = Path::new(name);
        if path.is_dir() {
            files(path)?.iter().try_for_each(|file| file_of(file).map(&mut choose))?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            choose(file_of(path)?);
        } else {
            let named = |score: &&Score| name == "all" || score.id == *name || score.pack == *name;
            let found: Vec<&Score> = embedded.iter().filter(named).collect();
            if found.is_empty() {
                let names: Vec<&str> = embedded.iter().map(|score| score.id.as_str()).collect();
                let problem = format!(
                    "--scores: {name:?} is no score, pack, file or folder; scores are {}; `noteward scores list` shows them",
                    names.join(", ")
                );
                return Err(Error::config(problem));
            }
            found.into_iter().cloned().for_each(&mut choose);
        }
    }
    Ok(chosen)
}

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let failed = |error| Error::io("listing", folder, error);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut files = entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        return Err(Error::input(folder, "holds no score file (.toml)"));
    }
    Ok(files)
}

fn file_of(path: &Path) -> Result<Score> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("reading", path, error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    Score::parse(&path.display().to_string(), &text, |table| std::fs::read_to_string(folder.join(table)).ok())
}
