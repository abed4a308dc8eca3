//! What scores there are: a table for people, and the whole of it as JSON.

use std::fmt;

use serde::Serialize;

use crate::{Input, InputKind, Score};

/// A list of scores.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct ScoreList {
    /// The scores, in order.
    pub scores: Vec<ListedScore>,
}

/// A score, told.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListedScore {
    /// Identifier.
    pub id: String,
    /// Short name.
    pub name: String,
    /// Full name.
    pub title: String,
    /// The group that it is chosen with.
    pub pack: String,
    /// Whether it is computed where no score is named.
    pub by_default: bool,
    /// What its value counts.
    pub unit: String,
    /// The least that it may come to.
    pub min: f64,
    /// The most that it may come to.
    pub max: f64,
    /// Its bands, from the lowest.
    pub bands: Vec<ListedBand>,
    /// Its inputs.
    pub inputs: Vec<ListedInput>,
    /// What it is not for.
    pub not_for: String,
    /// Whom it does not hold for.
    pub exclusions: Vec<String>,
    /// What its licence allows.
    pub licence: String,
    /// Where it was published.
    pub citation: String,
    /// Year of the paper.
    pub year: Option<u16>,
    /// DOI of the paper.
    pub doi: Option<String>,
}

/// A band, told.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListedBand {
    /// Identifier within the score.
    pub name: String,
    /// What a person calls it.
    pub label: String,
    /// It begins with this value.
    pub from: Option<f64>,
    /// It begins above this value.
    pub above: Option<f64>,
    /// What a guideline asks to consider.
    pub advice: Option<String>,
    /// The guideline.
    pub source: Option<String>,
}

/// An input, told.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListedInput {
    /// Identifier within the score.
    pub name: String,
    /// What a person calls it.
    pub words: String,
    /// `yes_no`, `number` or `choice`.
    pub kind: &'static str,
    /// Unit of a number.
    pub unit: Option<String>,
    /// Levels of a choice.
    pub levels: Vec<String>,
    /// Whether notes, or birth date and sex, can give it.
    pub from_notes: bool,
    /// What to beware of.
    pub trap: Option<String>,
}

impl ScoreList {
    /// Tells scores.
    pub fn new(scores: &[Score]) -> ScoreList {
        ScoreList { scores: scores.iter().map(listed).collect() }
    }
}

fn listed(score: &Score) -> ListedScore {
    let open = score.evaluate(&[]);
    ListedScore {
        id: score.id.clone(),
        name: score.name.clone(),
        title: score.title.clone(),
        pack: score.pack.clone(),
        by_default: score.by_default,
        unit: score.unit.clone(),
        min: open.min,
        max: open.max,
        bands: score
            .bands
            .iter()
            .map(|band| ListedBand {
                name: band.name.clone(),
                label: band.label.clone(),
                from: band.from,
                above: band.above,
                advice: band.advice.clone(),
                source: band.source.clone(),
            })
            .collect(),
        inputs: score.inputs().iter().map(listed_input).collect(),
        not_for: score.not_for.clone(),
        exclusions: score.exclusions.iter().map(|exclusion| exclusion.words.clone()).collect(),
        licence: score.licence.clone(),
        citation: score.citation.text.clone(),
        year: score.citation.year,
        doi: score.citation.doi.clone(),
    }
}

fn listed_input(input: &Input) -> ListedInput {
    ListedInput {
        name: input.name.clone(),
        words: input.words.clone(),
        kind: match input.kind {
            InputKind::YesNo => "yes_no",
            InputKind::Number => "number",
            InputKind::Choice => "choice",
        },
        unit: input.unit.clone(),
        levels: input.levels.iter().map(|level| level.name.clone()).collect(),
        from_notes: input.from_notes(),
        trap: input.trap.clone(),
    }
}

/// A table: a score a line.
impl fmt::Display for ScoreList {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 6]> = self.scores.iter().map(row).collect();
        let header = ["score", "name", "pack", "default", "inputs from notes", "range"].map(str::to_owned);
        let all: Vec<&[String; 6]> = std::iter::once(&header).chain(&rows).collect();
        let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        for row in all {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn row(score: &ListedScore) -> [String; 6] {
    let from_notes = score.inputs.iter().filter(|input| input.from_notes).count();
    [
        score.id.clone(),
        score.name.clone(),
        score.pack.clone(),
        if score.by_default { "yes" } else { "no" }.to_owned(),
        format!("{from_notes} of {}", score.inputs.len()),
        format!("{} to {} {}", Short(score.min), Short(score.max), score.unit),
    ]
}

/// A number without a tail of zeros.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", (self.0 * 10.0).round() / 10.0)
    }
}
