//! The explanation of a warning as a page for people.

use std::fmt::{self, Formatter};

use serde_json::{Map, Value};

use super::super::report::{in_words, shown};
use super::evidence::AROUND;
use super::{EvidenceTold, InputTold, MissingTold, ScoreTold, TextState, WhyWarning};

/// Hexadecimal digits of a hash that are shown.
const SHORT_HASH: usize = 12;
/// How many things that would give an input are named.
const MOST_NAMED: usize = 6;

impl fmt::Display for WhyWarning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_warning(f)?;
        for input in &self.inputs {
            write_input(f, input)?;
        }
        if !self.missing.is_empty() {
            writeln!(f, "\nmissing")?;
        }
        for missing in &self.missing {
            write_missing(f, missing)?;
        }
        match (&self.would_settle, self.warning.get("decided").and_then(Value::as_bool)) {
            (_, Some(true)) => writeln!(f, "\ndecided: nothing that is missing would change the band")?,
            (Some(settles), _) => {
                writeln!(f, "\nwould settle the band, whatever it turned out to be")?;
                write_missing(f, settles)?;
            }
            (None, _) => writeln!(f, "\nno input would settle the band by itself")?,
        }
        if let Some(score) = &self.score {
            write_score(f, score)?;
        }
        self.write_comparison(f)
    }
}

impl WhyWarning {
    fn write_warning(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let cell = |column: &str| shown(&self.warning, column);
        let is_there = |column: &str| self.warning.get(column).is_some_and(|value| !value.is_null());
        write!(f, "warning {}/{}/{}", cell("score"), cell("patient_id"), cell("time"))?;
        if is_there("encounter_id") {
            write!(f, ", encounter {}", cell("encounter_id"))?;
        }
        writeln!(f)?;
        let (title, unit, bands) = match &self.score {
            Some(score) => (format!("{}, {}", score.name, score.title), score.unit.clone(), score.bands.clone()),
            None => (cell("score"), String::new(), [cell("band_min"), cell("band_max")]),
        };
        writeln!(f, "    {title}")?;
        write!(f, "    {}", interval(&self.warning, "min", "max"))?;
        if !unit.is_empty() {
            write!(f, " {unit}")?;
        }
        let [low, high] = bands;
        writeln!(f, ": {}", if low == high { low } else { format!("{low}, up to {high}") })?;
        if is_there("advice") {
            writeln!(f, "    {}", cell("advice"))?;
        }
        writeln!(f, "    source: {}", cell("source"))
    }

    fn write_comparison(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        let short = |value: &Option<String>| match value {
            Some(value) => value.chars().take(SHORT_HASH).collect(),
            None => "not to be found".to_owned(),
        };
        let all: Vec<String> = self.made_with.iter().map(|own| format!("{} {}", own.what, short(&own.run))).collect();
        writeln!(f, "made with: {}", all.join(", "))?;
        for own in self.made_with.iter().filter(|own| !own.same) {
            writeln!(f, "    {} is another: {}", own.what, short(&own.here))?;
        }
        if self.as_it_was {
            writeln!(f, "all that the warning rests on is as it was")?;
        } else {
            writeln!(f, "something that the warning rests on is not as it was")?;
        }
        writeln!(f, "for professionals to consider; no medical device")
    }
}

fn write_input(f: &mut Formatter<'_>, input: &InputTold) -> fmt::Result {
    write!(f, "\n{}", input.input)?;
    if let Some(words) = input.words.as_ref().filter(|words| **words != input.input.replace('_', " ")) {
        write!(f, " ({words})")?;
    }
    write!(f, ": {}", input.state)?;
    if let Some(value) = &input.value {
        write!(f, " {}", value_in_words(value))?;
    }
    if let Some(reason) = &input.reason {
        write!(f, ", {reason}")?;
    }
    let (low, high) = (input.points_min, input.points_max);
    match low == high {
        true if low == 1.0 => writeln!(f, ": 1 point")?,
        true => writeln!(f, ": {low} points")?,
        false => writeln!(f, ": {low} to {high} points")?,
    }
    input.evidence.iter().try_for_each(|evidence| write_evidence(f, evidence))
}

fn value_in_words(value: &Value) -> String {
    match value {
        Value::String(level) => level.clone(),
        Value::Number(number) => in_words(number),
        Value::Array(ends) => {
            let end =
                |index: usize| ends.get(index).and_then(Value::as_f64).map_or("?".to_owned(), |end| end.to_string());
            format!("{} to {}", end(0), end(1))
        }
        other => other.to_string(),
    }
}

fn write_evidence(f: &mut Formatter<'_>, evidence: &EvidenceTold) -> fmt::Result {
    write!(f, "    {}", evidence.table)?;
    if let Some(id) = &evidence.id {
        write!(f, " {id}")?;
    }
    if let Some(row) = evidence.row {
        write!(f, " row {row}")?;
    }
    if let (Some(note), Some(start), Some(end)) = (&evidence.note_id, evidence.start, evidence.end) {
        write!(f, ", note {note} at {start} to {end}")?;
    }
    if let Some(time) = &evidence.time {
        write!(f, ", since {time}")?;
    }
    writeln!(f)?;
    if let (Some(words), Some([before, after])) = (&evidence.words, &evidence.around) {
        // Where the text goes on.
        let more = |side: &str| if side.chars().count() < AROUND { "" } else { "..." };
        let (left, right) = (more(before), more(after));
        writeln!(f, "        {left}{}[{}]{}{right}", one_line(before), one_line(words), one_line(after))?;
    }
    match &evidence.statement {
        Some(statement) => write_statement(f, statement)?,
        None if evidence.note_id.is_some() => writeln!(f, "        the run has no such row")?,
        None => {}
    }
    let hash = evidence.text_hash.as_deref().unwrap_or("-");
    match (evidence.text_is, &evidence.problem) {
        (Some(TextState::Same), _) => writeln!(f, "        text as its hash {hash} says"),
        (Some(TextState::Changed), Some(problem)) => {
            writeln!(f, "        the text is not the one of the hash {hash}: {problem}")
        }
        (Some(TextState::NotFound), Some(problem)) => writeln!(f, "        text of hash {hash} not found: {problem}"),
        _ => Ok(()),
    }
}

fn write_statement(f: &mut Formatter<'_>, statement: &Map<String, Value>) -> fmt::Result {
    let is_there = |column: &&&str| statement.get(**column).is_some_and(|value| !value.is_null());
    let cells = |columns: &[&str], between: &str| {
        let there = columns.iter().filter(is_there).map(|column| shown(statement, column));
        there.collect::<Vec<_>>().join(between)
    };
    let what = cells(&["name", "comparator", "value", "unit", "concept_id", "icd10cm"], " ");
    let axes = cells(&["presence", "temporality", "experiencer"], ", ");
    write!(f, "        {}: {axes}", if what.is_empty() { "no concept" } else { &what })?;
    if statement.get("rule").is_some_and(|rule| !rule.is_null()) {
        write!(f, "; rule {}", shown(statement, "rule"))?;
    }
    writeln!(f)
}

fn write_missing(f: &mut Formatter<'_>, missing: &MissingTold) -> fmt::Result {
    write!(f, "    {}", missing.input)?;
    if !missing.given_by.is_empty() {
        let named: Vec<&str> = missing.given_by.iter().take(MOST_NAMED).map(String::as_str).collect();
        write!(f, ", given by {}", named.join(", "))?;
        let n_more = missing.given_by.len().saturating_sub(MOST_NAMED);
        if n_more > 0 {
            write!(f, " and {n_more} more")?;
        }
    }
    if let Some(hours) = missing.window_hours {
        write!(f, ", of the last {hours} hours")?;
    }
    match &missing.trap {
        Some(trap) => writeln!(f, "; {trap}"),
        None => writeln!(f),
    }
}

fn write_score(f: &mut Formatter<'_>, score: &ScoreTold) -> fmt::Result {
    write!(f, "\nscore: {}", score.citation)?;
    if let Some(year) = score.year {
        write!(f, ", {year}")?;
    }
    if let Some(doi) = &score.doi {
        write!(f, ", doi {doi}")?;
    }
    writeln!(f, "\n    not for  {}\n    licence  {}", score.not_for, score.licence)
}

/// The ends of an interval, or the one number that both are.
fn interval(cells: &Map<String, Value>, low: &str, high: &str) -> String {
    let end = |column: &str| cells.get(column).and_then(Value::as_f64).unwrap_or_default();
    let (low, high) = (end(low), end(high));
    if low == high { low.to_string() } else { format!("{low} to {high}") }
}

/// Words on one line.
fn one_line(words: &str) -> String {
    words.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
