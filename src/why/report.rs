//! An explanation as a page for people.

use std::fmt::{self, Formatter};

use serde_json::{Map, Number, Value};

use super::{AxisDecision, ConceptTold, ModelTold, ReadingTold, RowTold, TableRow, UnitTold, Why};

/// Hexadecimal digits of a hash that are shown.
const SHORT_HASH: usize = 12;

impl fmt::Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_row(f)?;
        self.write_sentence(f)?;
        if let Some(reading) = &self.reading {
            write_reading(f, reading, self.row.cells())?;
        }
        for decision in &self.decisions {
            write_decision(f, decision)?;
        }
        if !self.other_cues.is_empty() {
            writeln!(f, "\nother cues of the sentence")?;
        }
        for cue in &self.other_cues {
            write!(f, "    {:?} at {} to {} ({}", cue.text, cue.start, cue.end, cue.rule)?;
            match &cue.counts_as {
                Some(category) => writeln!(f, ", counts as {category}): {}", cue.because)?,
                None => writeln!(f, "): {}", cue.because)?,
            }
        }
        if let Some(model) = &self.model {
            write_model(f, model)?;
        }
        if let Some(concept) = &self.concept {
            write_concept(f, concept)?;
        }
        self.write_note(f)?;
        self.write_comparison(f)
    }
}

impl Why {
    fn write_row(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let cell = |column: &str| shown(self.row.cells(), column);
        let (id, words, kind) = match &self.row {
            RowTold::Mention(_) | RowTold::Fact(_) => ("mention_id", "text", "type"),
            RowTold::Measurement(_) => ("measurement_id", "value_text", "name"),
        };
        write!(f, "{} {} of note {}", self.row.kind(), cell(id), cell("note_id"))?;
        for column in ["patient_id", "encounter_id", "note_time", "note_type"] {
            if self.row.cells().get(column).is_some_and(|value| !value.is_null()) {
                write!(f, ", {} {}", column.replace('_', " ").replace(" id", ""), cell(column))?;
            }
        }
        writeln!(f)?;
        writeln!(f, "    {:?} at {} to {}: {}", cell(words), cell("start"), cell("end"), cell(kind))?;
        writeln!(f, "    {}, {}, {}", cell("presence"), cell("temporality"), cell("experiencer"))?;
        match &self.row {
            RowTold::Mention(_) if cell("source") == "both" => writeln!(f, "    found by lexicon and model"),
            RowTold::Mention(_) => writeln!(f, "    found by {}", cell("source")),
            RowTold::Fact(cells) if cells.get("value").is_some_and(|value| !value.is_null()) => {
                writeln!(f, "    {} {}", cell("value"), cell("unit"))
            }
            RowTold::Measurement(_) | RowTold::Fact(_) => Ok(()),
        }
    }

    fn write_sentence(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sentence = &self.sentence;
        write!(f, "\nsentence {} at {} to {}", sentence.index, sentence.start, sentence.end)?;
        match (&sentence.section, &sentence.heading) {
            (Some(section), Some(heading)) => writeln!(f, ", section {section} (heading {heading:?})")?,
            _ => writeln!(f, ", before the first heading")?,
        }
        writeln!(f, "    {}", self.marked_sentence())
    }

    /// The sentence on one line: the row's words in `[ ]`, the cues that decide in `{ }`, their scopes in `< >`.
    fn marked_sentence(&self) -> String {
        let number = |column: &str| self.row.cells().get(column).and_then(Value::as_u64).unwrap_or_default() as u32;
        let mut marks = vec![(number("start"), number("end"), '[', ']')];
        for decision in &self.decisions {
            if let Some((start, end)) = decision.cue_start.zip(decision.cue_end) {
                marks.push((start, end, '{', '}'));
            }
            marks.extend(decision.scope.as_ref().map(|scope| (scope.start, scope.end, '<', '>')));
        }
        // What is wider opens first.
        marks.sort_by_key(|&(start, end, opening, _)| (start, std::cmp::Reverse(end), std::cmp::Reverse(opening)));
        marks.dedup();
        let mut line = String::new();
        for (point, character) in (self.sentence.start..).zip(self.sentence.text.chars().map(Some).chain([None])) {
            // What opened last closes first.
            let closing = marks.iter().rev().filter(|&&(start, end, ..)| end == point && start < end);
            line.extend(closing.map(|mark| mark.3));
            line.extend(marks.iter().filter(|mark| mark.0 == point).map(|mark| mark.2));
            line.extend(character.map(|character| if character.is_control() { ' ' } else { character }));
        }
        line
    }

    fn write_note(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let cell = |column: &str| shown(&self.note, column);
        write!(f, "\nnote: {}, record {}", cell("input"), cell("record"))?;
        if self.note.get("line").is_some_and(|line| !line.is_null()) {
            write!(f, ", line {}", cell("line"))?;
        }
        if self.note.get("byte_start").is_some_and(|byte| !byte.is_null()) {
            write!(f, ", bytes {} to {}", cell("byte_start"), cell("byte_end"))?;
        }
        let place = match self.read_from {
            super::FoundIn::Texts => "the table texts",
            super::FoundIn::Input => "the input",
            super::FoundIn::Given => "the notes given",
        };
        writeln!(f, "; text read from {place}, hash {}", cell("text_hash"))
    }

    fn write_comparison(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let short = |value: &Option<String>| match value {
            Some(value) => value.chars().take(SHORT_HASH).collect(),
            None => "none".to_owned(),
        };
        let all: Vec<String> = self.made_with.iter().map(|own| format!("{} {}", own.what, short(&own.run))).collect();
        writeln!(f, "run: {}", all.join(", "))?;
        for own in self.made_with.iter().filter(|own| !own.same) {
            writeln!(f, "    this program has another {}: {}", own.what, short(&own.here))?;
        }
        if self.same_row {
            return writeln!(f, "this program gives the same row");
        }
        if self.decisions.is_empty() {
            return writeln!(f, "this program finds no such {}", self.row.kind());
        }
        writeln!(f, "this program gives another row; all but the first lines tell of it")?;
        for difference in &self.differences {
            let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            writeln!(
                f,
                "    {}: {} in the run, {} here",
                difference.column,
                word(&difference.run),
                word(&difference.here)
            )?;
        }
        Ok(())
    }
}

fn write_decision(f: &mut Formatter<'_>, decision: &AxisDecision) -> fmt::Result {
    write!(f, "\n{}: {}", decision.axis, decision.value)?;
    if let Some(because) = decision.because {
        writeln!(f, ", since {because}")?;
        return decision.by_rules.map_or(Ok(()), |value| writeln!(f, "    instead  of {value}, which its cues say"));
    }
    let Some(rule) = &decision.rule else { return writeln!(f, ", the default") };
    write!(f, "\n    rule     {rule}")?;
    if let (Some(cue), Some(start), Some(end)) = (&decision.cue, decision.cue_start, decision.cue_end) {
        write!(f, ", by {cue:?} at {start} to {end}")?;
    }
    writeln!(f)?;
    if let Some(category) = &decision.counts_as {
        writeln!(f, "    counts   as {category}")?;
    }
    if let Some(value) = decision.by_rules {
        let who = if rule.starts_with("model:") { "the rules alone" } else { "its cues alone" };
        writeln!(f, "    instead  of {value}, which {who} say")?;
    }
    if let Some(scope) = &decision.scope {
        writeln!(f, "    scope    {} to {}, {:?}, ended by {}", scope.start, scope.end, scope.text, scope.ended_by)?;
    }
    match &decision.row {
        Some(row) => write_row(f, row),
        None => Ok(()),
    }
}

fn write_row(f: &mut Formatter<'_>, row: &TableRow) -> fmt::Result {
    writeln!(f, "    row      {}, line {}", row.table, row.line)?;
    for (column, cell) in row.cells.iter().filter(|(_, cell)| cell != "-") {
        writeln!(f, "             {column}: {cell}")?;
    }
    Ok(())
}

/// How a value was read: what names it, its unit, its range.
fn write_reading(f: &mut Formatter<'_>, reading: &ReadingTold, cells: &Map<String, Value>) -> fmt::Result {
    let cell = |column: &str| shown(cells, column);
    let is_there = |column: &str| cells.get(column).is_some_and(|value| !value.is_null());
    write!(f, "\nvalue: {}", cell("name"))?;
    if is_there("value") {
        let comparator = if is_there("comparator") { format!("{} ", cell("comparator")) } else { String::new() };
        write!(f, " {comparator}{} {}", cell("value"), cell("unit"))?;
    }
    if is_there("loinc") {
        write!(f, ", LOINC {}", cell("loinc"))?;
    }
    writeln!(f, "\n    stated   {:?} at {} to {}", reading.text, reading.start, reading.end)?;
    writeln!(f, "    rule     {}", reading.rule)?;
    if let Some(row) = &reading.read_by {
        write_place(f, row)?;
    }
    if let Some(row) = &reading.row {
        write!(f, "    row      {}, line {}", row.table, row.line)?;
        match reading.form_in {
            Some(column) => writeln!(f, ", column {column}, source {}", row.cell("source"))?,
            None => writeln!(f, ", source {}", row.cell("source"))?,
        }
    }
    if let Some(unit) = &reading.unit {
        write_unit(f, unit, &cell("stated_value"), is_there("unit").then(|| (cell("value"), cell("unit"))))?;
    }
    if let Some(plausible) = &reading.plausible {
        let is_in = if cells.get("plausible").and_then(Value::as_bool) == Some(true) { "within" } else { "outside" };
        writeln!(f, "    range    {is_in} the plausible {plausible}")?;
    }
    for column in ["taken_at", "trend", "site", "laterality", "method"].into_iter().filter(|column| is_there(column)) {
        writeln!(f, "    {:8} {}", column.split('_').next().unwrap_or(column), cell(column))?;
    }
    Ok(())
}

fn write_unit(f: &mut Formatter<'_>, unit: &UnitTold, number: &str, value: Option<(String, String)>) -> fmt::Result {
    match (&unit.taken_within, &unit.row) {
        (Some(range), _) => writeln!(f, "    unit     {}, as numbers in {range} without unit are", unit.ucum)?,
        (None, Some(row)) => writeln!(f, "    unit     {}, {}, line {}", unit.ucum, row.table, row.line)?,
        (None, None) => writeln!(f, "    unit     {}", unit.ucum)?,
    }
    let Some((value, canonical)) = value.filter(|_| unit.factor != 1.0 || unit.offset != 0.0) else { return Ok(()) };
    let number = if unit.offset == 0.0 { number.to_owned() } else { format!("({number} - {})", unit.offset) };
    writeln!(f, "    convert  {number} * {} = {value} {canonical}", unit.factor)
}

fn write_place(f: &mut Formatter<'_>, row: &TableRow) -> fmt::Result {
    writeln!(f, "    row      {}, line {}, source {}", row.table, row.line, row.cell("source"))
}

fn write_model(f: &mut Formatter<'_>, model: &ModelTold) -> fmt::Result {
    writeln!(f, "\nmodel")?;
    for (name, score) in [("span and type", model.score), ("in a mention", model.inside)] {
        if let Some(score) = score {
            writeln!(f, "    {name:18} {score:.3}")?;
        }
    }
    let Some(network) = model.network else { return Ok(()) };
    let together = model.together;
    let rows = [
        ("absent", network.absent, together.map(|axes| axes.absent)),
        ("possible", network.possible, together.map(|axes| axes.possible)),
        ("historical", network.historical, together.map(|axes| axes.historical)),
        ("hypothetical", network.hypothetical, together.map(|axes| axes.hypothetical)),
        ("not the patient's", network.other_experiencer, together.map(|axes| axes.other_experiencer)),
    ];
    for (name, network, together) in rows {
        write!(f, "    {name:18} {network:.3}")?;
        match together {
            Some(together) => writeln!(f, ", with the words around it {together:.3}")?,
            None => writeln!(f)?,
        }
    }
    Ok(())
}

fn write_concept(f: &mut Formatter<'_>, concept: &ConceptTold) -> fmt::Result {
    write!(f, "\nlexicon: {}, {:?}, {}", concept.id, concept.name, concept.kind)?;
    for codes in concept.icd10cm.iter().chain(&concept.codes) {
        write!(f, ", {codes}")?;
    }
    writeln!(f)?;
    if let (Some(link), Some(score)) = (concept.link, concept.link_score) {
        writeln!(f, "    linked   {link}, {score:.2}")?;
    }
    if let Some(form) = &concept.form {
        match &concept.listed_form {
            Some(listed) => writeln!(f, "    form     {form:?}, listed as {listed:?}")?,
            None => writeln!(f, "    form     {form:?}, a variant of a listed form")?,
        }
    }
    match &concept.row {
        Some(row) => writeln!(f, "    row      {}, line {}, source {}", row.table, row.line, row.cell("source")),
        None => Ok(()),
    }
}

pub(super) fn shown(cells: &Map<String, Value>, column: &str) -> String {
    match cells.get(column) {
        Some(Value::String(words)) => words.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(Value::Number(number)) => in_words(number),
        Some(value) => value.to_string(),
    }
}

/// A number, without a fraction where it has none.
pub(super) fn in_words(number: &Number) -> String {
    number.as_f64().filter(|_| number.is_f64()).map_or_else(|| number.to_string(), |number| number.to_string())
}
