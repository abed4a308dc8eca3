//! What a file states, checked and brought into the form that is evaluated.

use std::cmp::Ordering;

use super::expression::{Expression, Meaning, Type};
use super::file::{Bounds, Formula, ScoreFile};
use super::interval::Interval;
use super::points::{self, Cut};
use super::{Input, InputKind, Normal, parse};

/// A score ready to be evaluated.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    /// What each input may be where nothing is known.
    pub unknown: Vec<Interval>,
    /// What gives each input its points.
    pub own: Vec<Own>,
    /// Inputs by the part of the score in which they act together.
    pub parts: Vec<Part>,
    /// Which part an input is in.
    pub part_of: Vec<usize>,
    /// Expressions that follow the inputs among the values.
    pub steps: Vec<Expression>,
    /// Range tables of expressions.
    pub tables: Vec<Vec<Cut>>,
    /// The value as a whole, instead of from points.
    pub formula: Option<Whole>,
    /// The band that one input with so many points lifts the score to.
    pub raise: Option<(usize, f64)>,
}

/// What gives an input its points.
#[derive(Clone, Debug)]
pub(super) enum Own {
    /// It has none.
    Nothing,
    Truth {
        present: f64,
        absent: f64,
    },
    Cuts(Vec<Cut>),
    Levels(Vec<f64>),
    Rule(Expression),
}

/// Inputs whose points depend on each other.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// What is added up: one input, or a group of which the most counts.
    pub terms: Vec<Vec<usize>>,
    /// Yes-or-no inputs and choices that decide on the points of others.
    pub pivots: Vec<usize>,
    /// For each of its inputs that has any: inputs that take its points away.
    pub unless: Vec<(usize, Vec<usize>)>,
}

/// A formula.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub expression: Expression,
    pub range: [f64; 2],
    pub bounds: Bounds,
    /// The inputs that it reads, by itself or through steps, and whether every whole number of one is tried.
    pub reads: Vec<(usize, bool)>,
}

/// What is wrong, and in which table of the file.
#[derive(Debug)]
pub(super) struct Fault {
    pub table: &'static str,
    pub index: usize,
    pub problem: String,
}

pub(super) fn compile(file: &ScoreFile) -> Result<Compiled, Fault> {
    let inputs = &file.input;
    if inputs.is_empty() {
        return Err(Fault { table: "input", index: 0, problem: "expected at least one [[input]]".to_owned() });
    }
    for (index, input) in inputs.iter().enumerate() {
        check(input, &inputs[..index]).map_err(|problem| Fault {
            table: "input",
            index,
            problem: format!("input {:?}: {problem}", input.name),
        })?;
    }
    let mut names = Names::new(inputs);
    for (index, table) in file.table.iter().enumerate() {
        let problem = points::problem(&table.cuts).or(table.cuts.is_empty().then(|| "expected cuts".to_owned()));
        if let Some(problem) = problem {
            return Err(Fault { table: "table", index, problem });
        }
        names.meanings.push((table.name.clone(), Meaning::Table(index)));
    }
    let mut steps = Vec::new();
    for (index, step) in file.step.iter().enumerate() {
        let fault = |problem| Fault { table: "step", index, problem };
        let (expression, kind) = names.read(&step.is).map_err(fault)?;
        steps.push(expression);
        names.meanings.push((step.name.clone(), Meaning::Value(inputs.len() + index, kind)));
    }
    let mut own = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        own.push(points_of(input, &names).map_err(|problem| Fault {
            table: "input",
            index,
            problem: format!("input {:?}: {problem}", input.name),
        })?);
    }
    let formula = file.formula.as_ref().map(|formula| whole(formula, inputs, &steps, &names)).transpose();
    let formula = formula.map_err(|problem| Fault { table: "formula", index: 0, problem })?;
    if formula.is_some() && own.iter().any(|own| !matches!(own, Own::Nothing)) {
        let problem = "expected a formula or points, found both".to_owned();
        return Err(Fault { table: "formula", index: 0, problem });
    }
    let raise = file.raise.as_ref().map(|raise| {
        let to = file.band.iter().position(|band| band.name == raise.to);
        let problem = format!("{:?} is no band of this score", raise.to);
        to.map(|to| (to, raise.points)).ok_or(Fault { table: "raise", index: 0, problem })
    });
    let (parts, part_of) = parts(inputs, &own, &steps)?;
    Ok(Compiled {
        unknown: inputs.iter().map(unknown).collect(),
        own,
        parts,
        part_of,
        steps,
        tables: file.table.iter().map(|table| table.cuts.clone()).collect(),
        formula,
        raise: raise.transpose()?,
    })
}

/// What an input may be where nothing is known.
fn unknown(input: &Input) -> Interval {
    match (input.bounds, input.otherwise) {
        (Some([low, high]), _) => Interval { low, high },
        (None, Some(otherwise)) => Interval::point(f64::from(u8::from(otherwise))),
        (None, None) => type_of(input).unknown(),
    }
}

fn type_of(input: &Input) -> Type {
    match input.kind {
        InputKind::YesNo => Type::Truth,
        InputKind::Number => Type::Number,
        InputKind::Choice => Type::Choice(input.levels.iter().map(|level| level.name.clone()).collect()),
    }
}

/// What the fields of an input say against each other.
fn check(input: &Input, before: &[Input]) -> Result<(), String> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if !is_name(&input.name) {
        return Err("expected a name of small letters, digits and _".to_owned());
    }
    if before.iter().any(|other| other.name == input.name) {
        return Err("the name is taken by an input before".to_owned());
    }
    let wrong = |field: &str| Err(format!("`{field}` does not go with this kind"));
    match input.kind {
        InputKind::YesNo if !input.levels.is_empty() => return wrong("levels"),
        InputKind::YesNo if !input.cuts.is_empty() => return wrong("cuts"),
        InputKind::YesNo if input.bounds.is_some() => return wrong("bounds"),
        InputKind::YesNo if !input.sources.measurements.is_empty() => {
            return Err("expected `measured` with limits, found `measurements`".to_owned());
        }
        InputKind::Number | InputKind::Choice if input.otherwise.is_some() => return wrong("otherwise"),
        InputKind::Number | InputKind::Choice if input.history_refutes => return wrong("history_refutes"),
        InputKind::Number if input.points.is_some() || input.points_absent != 0.0 => return wrong("points"),
        InputKind::Number if !input.levels.is_empty() => return wrong("levels"),
        InputKind::Number if input.bounds.is_none_or(|[low, high]| low.partial_cmp(&high) != Some(Ordering::Less)) => {
            return Err("expected `bounds` of plausible numbers, the lower one first".to_owned());
        }
        InputKind::Choice if input.levels.len() < 2 => return Err("expected two or more `levels`".to_owned()),
        InputKind::Choice if input.points.is_some() || input.points_absent != 0.0 => return wrong("points"),
        InputKind::Choice if !input.cuts.is_empty() => return wrong("cuts"),
        InputKind::Choice if input.bounds.is_some() => return wrong("bounds"),
        _ => {}
    }
    match (&input.normal, input.kind) {
        (None, _) => {}
        (Some(Normal::Number(number)), InputKind::Number) if input.is_plausible(*number) => {}
        (Some(Normal::Level(name)), InputKind::Choice) if input.levels.iter().any(|level| level.name == *name) => {}
        _ => return Err("expected `normal` to be a number within `bounds`, or the name of a level".to_owned()),
    }
    if let Some(problem) = points::problem(&input.cuts) {
        return Err(problem);
    }
    Ok(())
}

/// What gives an input its points.
fn points_of(input: &Input, names: &Names) -> Result<Own, String> {
    if let Some(rule) = &input.rule {
        if input.points.is_some() || !input.cuts.is_empty() {
            return Err("expected a rule or points, found both".to_owned());
        }
        return match names.read(rule)? {
            (expression, Type::Number | Type::Truth) => Ok(Own::Rule(expression)),
            (_, Type::Choice(_)) => Err("expected a rule that gives a number".to_owned()),
        };
    }
    Ok(match input.kind {
        InputKind::YesNo if input.points.is_some() || input.points_absent != 0.0 => {
            Own::Truth { present: input.points.unwrap_or(0.0), absent: input.points_absent }
        }
        InputKind::Number if !input.cuts.is_empty() => Own::Cuts(input.cuts.clone()),
        InputKind::Choice if input.levels.iter().any(|level| level.points != 0.0) => {
            Own::Levels(input.levels.iter().map(|level| level.points).collect())
        }
        _ => Own::Nothing,
    })
}

/// Names that expressions may use.
struct Names {
    meanings: Vec<(String, Meaning)>,
}

impl Names {
    fn new(inputs: &[Input]) -> Names {
        let value = |(index, input): (usize, &Input)| (input.name.clone(), Meaning::Value(index, type_of(input)));
        Names { meanings: inputs.iter().enumerate().map(value).collect() }
    }

    fn read(&self, text: &str) -> Result<(Expression, Type), String> {
        let meaning = |name: &str| self.meanings.iter().find(|(other, _)| other == name).map(|(_, what)| what.clone());
        parse::parse(text, &meaning)
    }
}

fn whole(formula: &Formula, inputs: &[Input], steps: &[Expression], names: &Names) -> Result<Whole, String> {
    let [low, high] = formula.range;
    if !(low < high && low.is_finite() && high.is_finite()) {
        return Err("expected `range` to be two finite numbers, the lower one first".to_owned());
    }
    let (expression, kind) = names.read(&formula.is)?;
    if matches!(kind, Type::Choice(_)) {
        return Err("expected a formula that gives a number".to_owned());
    }
    let reads = reads(&expression, inputs.len(), steps).into_iter();
    let reads = reads.map(|index| (index, inputs[index].scan || inputs[index].kind == InputKind::Choice)).collect();
    Ok(Whole { expression, range: formula.range, bounds: formula.bounds, reads })
}

/// The inputs that an expression reads, by itself or through steps; in order.
fn reads(expression: &Expression, n_inputs: usize, steps: &[Expression]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    expression.each_value(&mut |index| open.push(index));
    while let Some(index) = open.pop() {
        if found.contains(&index) {
            continue;
        }
        found.push(index);
        if index >= n_inputs {
            steps[index - n_inputs].each_value(&mut |index| open.push(index));
        }
    }
    found.retain(|index| *index < n_inputs);
    found.sort_unstable();
    found
}

/// Divides the inputs into parts that have nothing to do with each other.
fn parts(inputs: &[Input], own: &[Own], steps: &[Expression]) -> Result<(Vec<Part>, Vec<usize>), Fault> {
    let mut part_of: Vec<usize> = (0..inputs.len()).collect();
    let join = |part_of: &mut Vec<usize>, one: usize, other: usize| {
        let (keep, drop) = (part_of[one].min(part_of[other]), part_of[one].max(part_of[other]));
        part_of.iter_mut().filter(|part| **part == drop).for_each(|part| *part = keep);
    };
    let mut pivots = Vec::new();
    let mut unless: Vec<(usize, Vec<usize>)> = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let mut others = Vec::new();
        for name in &input.unless {
            let other = inputs.iter().position(|other| other.name == *name && other.kind == InputKind::YesNo);
            let Some(other) = other.filter(|other| *other != index) else {
                let problem = format!("input {:?}: `unless` names {name:?}, which is no other yes or no", input.name);
                return Err(Fault { table: "input", index, problem });
            };
            others.push(other);
        }
        for other in &others {
            join(&mut part_of, index, *other);
            pivots.push(*other);
        }
        if !others.is_empty() {
            unless.push((index, others));
        }
        if let Own::Rule(rule) = &own[index] {
            for other in reads(rule, inputs.len(), steps) {
                join(&mut part_of, index, other);
                // A yes or no, or a choice, is tried out; what a number decides stays an interval.
                if inputs[other].kind != InputKind::Number {
                    pivots.push(other);
                }
            }
        }
        if let Some(group) = &input.group {
            let first = inputs.iter().position(|other| other.group.as_ref() == Some(group));
            join(&mut part_of, index, first.unwrap_or(index));
        }
    }
    pivots.sort_unstable();
    pivots.dedup();
    let mut numbers: Vec<usize> = part_of.clone();
    numbers.sort_unstable();
    numbers.dedup();
    let parts = numbers.iter().map(|number| {
        let members = (0..inputs.len()).filter(|index| part_of[*index] == *number);
        let mut terms: Vec<Vec<usize>> = Vec::new();
        for member in members {
            let group = inputs[member].group.as_ref();
            let same = |term: &&mut Vec<usize>| group.is_some() && inputs[term[0]].group.as_ref() == group;
            match terms.iter_mut().find(same) {
                Some(term) => term.push(member),
                None => terms.push(vec![member]),
            }
        }
        Part {
            terms,
            pivots: pivots.iter().copied().filter(|pivot| part_of[*pivot] == *number).collect(),
            unless: unless.iter().filter(|(index, _)| part_of[*index] == *number).cloned().collect(),
        }
    });
    let parts: Vec<Part> = parts.collect();
    let part_of = part_of.iter().map(|number| numbers.partition_point(|other| other < number)).collect();
    Ok((parts, part_of))
}
