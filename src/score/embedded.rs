//! The scores under `models/scores/` that the program carries.

use super::Score;
use crate::Result;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../models/scores/", $name)))),*]
    };
}

/// Every score, in the order in which they are listed.
const SCORES: &[(&str, &str)] = &files!["news2.toml",];

/// Tables of codes.
const TABLES: &[(&str, &str)] = &files![];

impl Score {
    /// The scores that the program carries.
    ///
    /// # Errors
    /// None, as long as the tests of the program pass.
    pub fn embedded() -> Result<Vec<Score>> {
        let table = |name: &str| TABLES.iter().find(|table| table.0 == name).map(|table| table.1.to_owned());
        SCORES.iter().map(|(file, text)| Score::parse(file, text, table)).collect()
    }
}
