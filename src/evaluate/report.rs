//! An evaluation as a table for people.

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};

use super::{Disagreement, Evaluation, Matrix, Tally};

/// Groups with fewer gold mentions are not listed.
const SMALLEST_GROUP: u64 = 5;
/// Rules that are listed.
const MOST_RULES: usize = 20;

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:28}{:>8}", "gold", self.all.gold)?;
        writeln!(f, "{:28}{:>8}", "pred", self.all.pred)?;
        if self.missing_notes > 0 {
            writeln!(f, "{:28}{:>8}", "notes without prediction", self.missing_notes)?;
        }
        for (name, rate) in self.all.rates() {
            writeln!(f, "{name:28}{rate:>8.4}")?;
        }
        for (title, groups) in
            [("type", &self.by_type), ("section", &self.by_section), ("note type", &self.by_note_type)]
        {
            write_groups(f, title, groups)?;
        }
        for (axis, matrix) in &self.axis_confusion {
            write_matrix(f, axis, matrix)?;
        }
        writeln!(f, "\nassertion: gold -> predicted")?;
        let cells = self.confusion.iter().flat_map(|(told, row)| row.iter().map(move |(read, &n)| (n, told, read)));
        let mut wrong: Vec<(u64, &String, &String)> = cells.filter(|(_, told, read)| told != read).collect();
        wrong.sort_by_key(|&(n, ..)| std::cmp::Reverse(n));
        wrong.iter().try_for_each(|(n, told, read)| writeln!(f, "{n:>8}  {told} -> {read}"))?;
        self.write_rules(f)?;
        let counts: Vec<String> = self.error_counts.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        writeln!(f, "\ndisagreements: {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") })?;
        for of_kind in self.errors.chunk_by(|left, right| left.kind == right.kind) {
            writeln!(f, "\n{}", of_kind.first().map_or("", |error| error.kind))?;
            of_kind.iter().try_for_each(|error| write_error(f, error))?;
        }
        Ok(())
    }
}

impl Evaluation {
    fn write_rules(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rules: Vec<_> = self.by_rule.iter().filter(|(_, tally)| tally.wrong > 0).collect();
        rules.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.wrong));
        if !rules.is_empty() {
            writeln!(f, "\n{:>8}{:>8}  rules that erred", "wrong", "of")?;
        }
        rules
            .iter()
            .take(MOST_RULES)
            .try_for_each(|(rule, tally)| writeln!(f, "{:>8}{:>8}  {rule}", tally.wrong, tally.pairs))
    }
}

fn write_groups(f: &mut Formatter<'_>, title: &str, groups: &BTreeMap<String, Tally>) -> fmt::Result {
    let columns = [
        ("exact_f1", "exact"),
        ("overlap_precision", "precision"),
        ("overlap_recall", "recall"),
        ("overlap_f1", "overlap"),
        ("asserted_f1", "asserted"),
        ("assertion_acc", "assertion"),
        ("code_precision", "code pr."),
        ("code_recall", "code rec."),
    ];
    write!(f, "\n{title:28}{:>7}{:>7}", "gold", "pred")?;
    columns.iter().try_for_each(|(_, short)| write!(f, "{short:>11}"))?;
    writeln!(f)?;
    for (group, tally) in groups.iter().filter(|(_, tally)| tally.gold >= SMALLEST_GROUP) {
        write!(f, "{group:28}{:>7}{:>7}", tally.gold, tally.pred)?;
        let rates: BTreeMap<String, f64> = tally.rates().into_iter().collect();
        for (name, _) in columns {
            write!(f, "{:>11.4}", rates.get(name).copied().unwrap_or(0.0))?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// What gold says in rows, what the prediction says in columns.
fn write_matrix(f: &mut Formatter<'_>, axis: &str, matrix: &Matrix) -> fmt::Result {
    let mut values: Vec<&String> = matrix.keys().chain(matrix.values().flat_map(BTreeMap::keys)).collect();
    values.sort_unstable();
    values.dedup();
    let title = format!("{axis}, gold");
    write!(f, "\n{title:24}")?;
    values.iter().try_for_each(|value| write!(f, "{value:>14}"))?;
    writeln!(f, "  predicted")?;
    for told in &values {
        write!(f, "{told:24}")?;
        for read in &values {
            let n = matrix.get(*told).and_then(|row| row.get(*read)).copied().unwrap_or_default();
            write!(f, "{n:>14}")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

fn write_error(f: &mut Formatter<'_>, error: &Disagreement) -> fmt::Result {
    let word = |value: &str| if value.is_empty() { "-".to_owned() } else { value.to_owned() };
    write!(f, "    {} {}: {} -> {}", error.note_id, error.start, word(&error.gold), word(&error.predicted))?;
    if !error.rule.is_empty() {
        write!(f, " by {}", error.rule)?;
    }
    if error.times > 1 {
        write!(f, ", {} times", error.times)?;
    }
    writeln!(f, "\n        {}", error.context)
}
