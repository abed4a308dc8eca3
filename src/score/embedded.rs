//! The scores under `models/scores/` that the program carries.

use super::Score;
use crate::Result;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../models/scores/", $name)))),*]
    };
}

/// Every score, in the order in which they are listed.
const SCORES: &[(&str, &str)] = &files![
    "news2.toml",
    "mews.toml",
    "qsofa.toml",
    "sirs.toml",
    "sofa.toml",
    "kdigo-aki.toml",
    "padua.toml",
    "caprini.toml",
    "wells-pe.toml",
    "wells-dvt.toml",
    "perc.toml",
    "cha2ds2-vasc.toml",
    "cha2ds2-va.toml",
    "has-bled.toml",
    "curb65.toml",
    "child-pugh.toml",
    "meld.toml",
    "meld-na.toml",
    "meld-3.toml",
    "rcri.toml",
    "timi.toml",
    "centor.toml",
    "charlson.toml",
    "charlson-age.toml",
    "charlson-2011.toml",
    "elixhauser-van-walraven.toml",
    "elixhauser-ahrq-mortality.toml",
    "elixhauser-ahrq-readmission.toml",
    "hfrs.toml",
    "lace.toml",
    "ada-risk.toml",
    "findrisc.toml",
    "framingham-chd.toml",
    "diabetes-complications.toml",
    "fleischner-2017.toml",
    "brock.toml",
    "mayo-nodule.toml",
];

/// Tables of codes.
const TABLES: &[(&str, &str)] =
    &files!["charlson-quan.tsv", "elixhauser-quan.tsv", "elixhauser-ahrq-2026.tsv", "hfrs.tsv",];

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
