//! The page of a run: its counts in order, with small cells folded or hidden, ready for the template.

use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::Value;

use super::chapters::Chapters;
use super::chart::{count, number, percent};
use super::checks::CheckRates;
use super::examples::Example;
use super::read::RunCounts;
use super::tally::{MentionsTally, NoteCounts, ProblemCounts, State, States};
use super::warnings::ScoreRow;

/// Rows of a table that are shown.
const SHOWN: usize = 40;
/// The largest row of a table, for a row that is no part of the comparison.
const NO_BAR: u64 = 0;

/// The page of a run.
#[derive(Serialize)]
pub(super) struct Page {
    pub title: String,
    pub version: String,
    pub inputs: Vec<Vec<String>>,
    pub skipped: Vec<Vec<String>>,
    pub made_with: Vec<(String, String)>,
    pub sums: Vec<Sum>,
    pub sums_hold: bool,
    pub least: u64,
    pub states: Vec<&'static str>,
    pub by_type: Vec<Row>,
    pub by_month: Vec<Row>,
    pub by_kind: Vec<Row>,
    pub problems: Vec<Row>,
    pub problems_folded: Option<String>,
    pub chapters: Vec<Row>,
    pub rules: Vec<Row>,
    pub rules_left: Option<String>,
    pub duplication: Vec<(String, String)>,
    pub rejects: Vec<Reject>,
    pub remarks: Vec<(String, String)>,
    pub measurements: Option<Vec<Row>>,
    pub facts: Option<Vec<Row>>,
    pub examples: Vec<Example>,
    pub checks: Option<CheckRates>,
    pub warnings: Option<Vec<ScoreRow>>,
}

/// A row of a table: what it is about, its cells, and how long its bar is, in percent.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub name: String,
    pub note: String,
    pub cells: Vec<String>,
    pub bar: String,
}

/// A sum that must hold.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sum {
    pub what: String,
    pub left: String,
    pub right: String,
    pub holds: bool,
}

/// Rejected records of one reason.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reject {
    pub reason: String,
    pub n: String,
    pub places: Vec<String>,
}

/// What is told beside the counts of the tables.
pub(super) struct Besides {
    pub examples: Vec<Example>,
    pub checks: Option<CheckRates>,
    pub warnings: Option<Vec<ScoreRow>>,
}

impl Page {
    pub fn of(counts: &RunCounts, chapters: &Chapters, least: u64, besides: Besides) -> Page {
        let cells = Cells { least };
        let (problems, problems_folded) = cells.problems(&counts.mentions);
        let (rules, rules_left) = rules(&counts.mentions);
        let sums = sums(counts);
        Page {
            title: "Report of a run".to_owned(),
            version: text_of(&counts.run["version"]),
            inputs: inputs(&counts.run),
            skipped: skipped(&counts.run),
            made_with: made_with(&counts.run),
            sums_hold: sums.iter().all(|sum| sum.holds),
            sums,
            least,
            states: State::ALL.iter().map(|state| state.name()).collect(),
            by_type: cells.notes(&counts.notes.by_type, "no type", Order::Largest),
            by_month: cells.notes(&counts.notes.by_month, "no time", Order::Name),
            by_kind: cells.kinds(&counts.mentions),
            problems,
            problems_folded,
            chapters: cells.chapters(&counts.mentions, chapters),
            rules,
            rules_left,
            duplication: duplication(&counts.mentions),
            rejects: rejects(counts),
            remarks: sorted(&counts.notes.remarks, |n| *n).map(|(reason, n)| (reason.clone(), count(*n))).collect(),
            measurements: counts.measurements.as_ref().map(|_| cells.measurements(counts)),
            facts: counts.facts.as_ref().map(|facts| cells.facts(facts)),
            examples: besides.examples,
            checks: besides.checks,
            warnings: besides.warnings,
        }
    }
}

/// The entries of a map, largest first, then by name.
fn sorted<T>(map: &FxHashMap<String, T>, size: impl Fn(&T) -> u64) -> impl Iterator<Item = (&String, &T)> {
    let mut entries: Vec<(&String, &T)> = map.iter().collect();
    entries.sort_by(|(left_name, left), (right_name, right)| {
        size(right).cmp(&size(left)).then_with(|| left_name.cmp(right_name))
    });
    entries.into_iter()
}

/// Whether the rows of a table stand by size or by name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Largest,
    Name,
}

/// Makes cells, and hides those that are about too few.
#[derive(Clone, Copy)]
struct Cells {
    least: u64,
}

impl Cells {
    /// A count, unless it is too small to be told.
    fn cell(self, value: u64) -> String {
        if value > 0 && value < self.least { format!("<{}", self.least) } else { count(value) }
    }

    fn states(self, states: &States) -> impl Iterator<Item = String> {
        states.in_order().into_iter().map(move |n| self.cell(n))
    }

    fn notes(self, map: &FxHashMap<String, NoteCounts>, unnamed: &str, order: Order) -> Vec<Row> {
        let mut entries: Vec<(&String, &NoteCounts)> = sorted(map, NoteCounts::total).collect();
        if order == Order::Name {
            entries.sort_by_key(|(name, _)| (name.is_empty(), *name));
        }
        let largest = entries.iter().map(|(_, notes)| notes.total()).max().unwrap_or_default();
        let is_told = |notes: &NoteCounts| notes.persons.are_at_least(self.least);
        let n_shown = if order == Order::Name { usize::MAX } else { SHOWN };
        let (mut rows, mut folded, mut n_folded) = (Vec::new(), NoteCounts::default(), 0);
        for (name, notes) in entries {
            if !is_told(notes) || rows.len() >= n_shown {
                folded.merge(notes);
                n_folded += 1;
                continue;
            }
            let name = if name.is_empty() { unnamed.to_owned() } else { name.clone() };
            rows.push(self.note_row(name, notes, largest));
        }
        if n_folded > 0 {
            rows.push(self.note_row(format!("{n_folded} others"), &folded, NO_BAR));
        }
        rows
    }

    fn note_row(self, name: String, notes: &NoteCounts, largest: u64) -> Row {
        let cells = [notes.total(), notes.annotated, notes.empty, notes.rejected, notes.mentions];
        let cells = cells.map(|n| self.cell(n)).to_vec();
        Row { name, note: String::new(), cells, bar: bar(notes.total(), largest) }
    }

    fn kinds(self, mentions: &MentionsTally) -> Vec<Row> {
        let largest = mentions.by_kind.values().map(States::total).max().unwrap_or_default();
        let mut rows: Vec<Row> = sorted(&mentions.by_kind, States::total)
            .map(|(kind, states)| self.state_row(kind.clone(), String::new(), states, largest))
            .collect();
        rows.push(self.state_row("all".to_owned(), String::new(), &mentions.states, NO_BAR));
        rows.push(self.state_row("without a concept".to_owned(), String::new(), &mentions.unlinked, NO_BAR));
        rows
    }

    fn state_row(self, name: String, note: String, states: &States, largest: u64) -> Row {
        let cells = std::iter::once(self.cell(states.total())).chain(self.states(states)).collect();
        Row { name, note, cells, bar: bar(states.total(), largest) }
    }

    /// The most frequent problems, and what is left out of the table.
    fn problems(self, mentions: &MentionsTally) -> (Vec<Row>, Option<String>) {
        let largest = mentions.problems.values().map(|problem| problem.states.total()).max().unwrap_or_default();
        let (mut rows, mut n_left, mut left) = (Vec::new(), 0, States::default());
        for (id, problem) in sorted(&mentions.problems, |problem| problem.states.total()) {
            if rows.len() >= SHOWN || !problem.persons.are_at_least(self.least) {
                n_left += 1;
                left.merge(&problem.states);
                continue;
            }
            rows.push(self.problem_row(id, problem, largest));
        }
        let left = (n_left > 0).then(|| {
            format!(
                "{} problems with {} mentions are not shown: rarer ones, and those of fewer than {} patients.",
                count(n_left),
                count(left.total()),
                self.least
            )
        });
        (rows, left)
    }

    fn problem_row(self, id: &str, problem: &ProblemCounts, largest: u64) -> Row {
        let mut row = self.state_row(problem.name.clone(), code_of(problem), &problem.states, largest);
        row.cells.push(self.cell(problem.notes));
        row.cells.push(self.cell(problem.carried));
        if row.name.is_empty() {
            id.clone_into(&mut row.name);
        }
        row
    }

    fn chapters(self, mentions: &MentionsTally, chapters: &Chapters) -> Vec<Row> {
        let mut by_chapter = vec![States::default(); chapters.len()];
        let mut without = States::default();
        // Sums do not depend on the order.
        #[expect(clippy::iter_over_hash_type, reason = "sums do not depend on the order")]
        for problem in mentions.problems.values() {
            let code = problem.codes.iter().max_by_key(|(code, n)| (*n, std::cmp::Reverse(code)));
            match code.and_then(|(code, _)| by_chapter.get_mut(chapters.of(code)?)) {
                Some(states) => states.merge(&problem.states),
                None => without.merge(&problem.states),
            }
        }
        without.merge(&mentions.unlinked);
        let largest = by_chapter.iter().map(States::total).max().unwrap_or_default();
        let named = chapters.rows().zip(&by_chapter).filter(|(_, states)| states.total() > 0);
        let mut rows: Vec<Row> = named
            .map(|((codes, title), states)| self.state_row(title.to_owned(), codes.to_owned(), states, largest))
            .collect();
        rows.push(self.state_row("without a code".to_owned(), String::new(), &without, NO_BAR));
        rows
    }

    fn measurements(self, counts: &RunCounts) -> Vec<Row> {
        let Some(tally) = &counts.measurements else { return Vec::new() };
        let largest = tally.by_name.values().map(|name| name.n).max().unwrap_or_default();
        let row = |(name, found): (&String, &super::values::MeasurementCounts)| {
            let is_told = found.persons.are_at_least(self.least);
            let value = |value: Option<f64>| value.filter(|_| is_told).map_or_else(|| "–".to_owned(), number);
            let has_values = found.n_values > 0;
            let cells = vec![
                self.cell(found.n),
                value(has_values.then_some(found.min)),
                value(found.mean()),
                value(has_values.then_some(found.max)),
                self.cell(found.in_words),
                self.cell(found.implausible),
                self.cell(found.aside),
            ];
            Row { name: name.clone(), note: found.unit.clone(), cells, bar: bar(found.n, largest) }
        };
        sorted(&tally.by_name, |name| name.n).map(row).collect()
    }

    fn facts(self, facts: &MentionsTally) -> Vec<Row> {
        let largest = facts.problems.values().map(|fact| fact.states.total()).max().unwrap_or_default();
        let told = sorted(&facts.problems, |fact| fact.states.total())
            .filter(|(_, fact)| fact.persons.are_at_least(self.least))
            .take(SHOWN);
        told.map(|(id, fact)| {
            let mut row = self.problem_row(id, fact, largest);
            row.note.clone_from(id);
            row
        })
        .collect()
    }
}

/// How long the bar of a row is, in percent of the largest row; empty for none.
fn bar(value: u64, largest: u64) -> String {
    if largest == NO_BAR { String::new() } else { percent(value, largest) }
}

/// The code that most mentions of a problem have.
fn code_of(problem: &ProblemCounts) -> String {
    let most = problem.codes.iter().max_by_key(|(code, n)| (*n, std::cmp::Reverse(code)));
    let more = problem.codes.len().saturating_sub(1);
    match most {
        Some((code, _)) if more > 0 => format!("{code} and {more} more"),
        Some((code, _)) => code.clone(),
        None => String::new(),
    }
}

fn rules(mentions: &MentionsTally) -> (Vec<Row>, Option<String>) {
    let largest = mentions.rules.values().copied().max().unwrap_or_default();
    let row = |(rule, n): (&String, &u64)| Row {
        name: rule.clone(),
        note: String::new(),
        cells: vec![count(*n), percent(*n, mentions.n)],
        bar: bar(*n, largest),
    };
    let rows = sorted(&mentions.rules, |n| *n).take(SHOWN).map(row).collect();
    let n_left = mentions.rules.len().saturating_sub(SHOWN);
    let by_default = count(mentions.by_default);
    let left =
        format!("{by_default} mentions were decided by no rule; {} other rules decided fewer.", count(n_left as u64));
    (rows, Some(left))
}

fn duplication(mentions: &MentionsTally) -> Vec<(String, String)> {
    let found = &mentions.duplication;
    let of_sentences = |n: u64| format!("{} ({} %)", count(n), percent(n, found.sentences));
    vec![
        ("sentences with a mention".to_owned(), count(found.sentences)),
        ("carried forward: an earlier note of the same patient has them".to_owned(), of_sentences(found.carried)),
        ("shared: only notes of other patients have them before".to_owned(), of_sentences(found.shared)),
        (
            "mentions in carried sentences".to_owned(),
            format!("{} ({} %)", count(found.mentions_carried), percent(found.mentions_carried, mentions.n)),
        ),
    ]
}

fn rejects(counts: &RunCounts) -> Vec<Reject> {
    let place = |(input, record, line): &(String, u64, Option<u64>)| match line {
        Some(line) => format!("{input}: record {record}, line {line}"),
        None => format!("{input}: record {record}"),
    };
    sorted(&counts.notes.rejects, |rejects| rejects.n)
        .map(|(reason, rejects)| Reject {
            reason: reason.clone(),
            n: count(rejects.n),
            places: rejects.first.iter().map(place).collect(),
        })
        .collect()
}

/// The sums that must hold between `run.json` and the tables.
fn sums(counts: &RunCounts) -> Vec<Sum> {
    let told = |name: &str| counts.run["counts"][name].as_u64();
    let sum = |what: &str, left: Option<u64>, right: u64| Sum {
        what: what.to_owned(),
        left: left.map_or_else(|| "not told".to_owned(), count),
        right: count(right),
        holds: left == Some(right),
    };
    let notes = &counts.notes.all;
    let parts = ["annotated", "empty", "rejected"].iter().filter_map(|name| told(name)).sum();
    let mut sums = vec![
        sum("records read = annotated + empty + rejected", told("read"), parts),
        sum("records read = rows of notes", told("read"), notes.total()),
        sum("annotated = rows of notes with that status", told("annotated"), notes.annotated),
        sum("empty = rows of notes with that status", told("empty"), notes.empty),
        sum("rejected = rows of notes with that status", told("rejected"), notes.rejected),
        sum("mentions = rows of mentions", told("mentions"), counts.mentions.n),
        sum("mentions of notes = rows of mentions", Some(notes.mentions), counts.mentions.n),
    ];
    if let Some(lines) = counts.reject_lines {
        sums.push(sum("rejected = lines of rejects.jsonl", told("rejected"), lines));
    }
    sums
}

fn inputs(run: &Value) -> Vec<Vec<String>> {
    let rows = run["inputs"].as_array().map_or(&[][..], Vec::as_slice);
    let bytes = |input: &Value| input["bytes"].as_u64().map_or_else(String::new, count);
    rows.iter().map(|input| vec![text_of(&input["path"]), bytes(input), text_of(&input["blake3"])]).collect()
}

fn skipped(run: &Value) -> Vec<Vec<String>> {
    let rows = run["skipped_files"].as_array().map_or(&[][..], Vec::as_slice);
    rows.iter().map(|file| vec![text_of(&file["path"]), text_of(&file["reason"])]).collect()
}

/// What the run was made with: recognisers and hashes.
fn made_with(run: &Value) -> Vec<(String, String)> {
    let recognizers = run["config"]["recognizers"].as_array().map_or(&[][..], Vec::as_slice);
    let recognizers: Vec<String> = recognizers.iter().map(text_of).collect();
    let hash = |part: &str| text_of(&run[part]["blake3"]);
    let mut rows = vec![
        ("program".to_owned(), format!("{} {}", text_of(&run["program"]), text_of(&run["version"]))),
        ("recognisers".to_owned(), recognizers.join(", ")),
        ("lexicon".to_owned(), hash("lexicon")),
        ("rules".to_owned(), hash("rules")),
        ("model".to_owned(), hash("model")),
    ];
    rows.retain(|(_, value)| !value.trim().is_empty());
    rows
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
