//! A difference as a page for people.

use std::fmt::{self, Formatter};

use super::{Change, ChangedMention, Diff};

/// Value and rule changes that are listed.
const MOST_LISTED: usize = 20;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "a: {}\nb: {}", self.run_a.display(), self.run_b.display())?;
        match self.made_otherwise.as_slice() {
            [] => writeln!(f, "made with the same version, configuration, lexicon, rules and model")?,
            parts => writeln!(f, "made with other: {}", parts.join(", "))?,
        }
        let (mentions, notes) = (&self.mentions, &self.notes);
        writeln!(f, "\nmentions: {} in a, {} in b", mentions.a, mentions.b)?;
        let counts = [
            ("equal", mentions.equal),
            ("added", mentions.added),
            ("removed", mentions.removed),
            ("changed", mentions.changed),
        ];
        write_counts(f, &counts)?;
        writeln!(f, "notes: {} in a, {} in b", notes.a, notes.b)?;
        let counts = [
            ("only in a", notes.only_a),
            ("only in b", notes.only_b),
            ("other status", notes.status_changed),
            ("other text", notes.text_changed),
            ("with any change", notes.affected),
        ];
        write_counts(f, &counts)?;
        writeln!(f, "patients with any change: {}", self.patients_affected)?;
        if self.equal {
            return writeln!(f, "\nthe runs are equal");
        }
        if !self.columns.is_empty() {
            writeln!(f, "\nchanged mentions by column")?;
            let mut columns: Vec<(&str, u64)> = self.columns.iter().map(|(&name, &n)| (name, n)).collect();
            columns.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
            write_counts(f, &columns)?;
        }
        let values = self.values.iter().map(|own| (own.mentions, format!("{}: {} -> {}", own.column, own.a, own.b)));
        write_list(f, "values", values)?;
        let rules = self.rules.iter().map(|own| {
            let words = match own.change {
                Change::Added => format!("added, by {}", rule(&own.b)),
                Change::Removed => format!("removed, by {}", rule(&own.a)),
                Change::Changed | Change::Note if own.a == own.b => format!("changed, by {}", rule(&own.a)),
                Change::Changed | Change::Note => format!("changed, {} -> {}", rule(&own.a), rule(&own.b)),
            };
            (own.mentions, words)
        });
        write_list(f, "rules", rules)?;
        if !self.examples.is_empty() {
            writeln!(f, "\nexamples")?;
        }
        self.examples.iter().try_for_each(|example| write_example(f, example))
    }
}

fn write_counts(f: &mut Formatter<'_>, counts: &[(&str, u64)]) -> fmt::Result {
    counts.iter().filter(|(_, n)| *n > 0).try_for_each(|(name, n)| writeln!(f, "{n:>10}  {name}"))
}

fn write_list(f: &mut Formatter<'_>, title: &str, list: impl ExactSizeIterator<Item = (u64, String)>) -> fmt::Result {
    let n_left = list.len().saturating_sub(MOST_LISTED);
    if list.len() > 0 {
        writeln!(f, "\n{title}")?;
    }
    for (n, words) in list.take(MOST_LISTED) {
        writeln!(f, "{n:>10}  {words}")?;
    }
    if n_left > 0 { writeln!(f, "            and {n_left} more: --json lists all") } else { Ok(()) }
}

fn rule(name: &str) -> &str {
    if name.is_empty() { "no rule" } else { name }
}

fn write_example(f: &mut Formatter<'_>, example: &ChangedMention) -> fmt::Result {
    let side = if example.a.is_empty() { &example.b } else { &example.a };
    let cell = |column: &str| side.get(column).map_or("-", String::as_str);
    write!(f, "    {} ", example.note_id)?;
    match example.change {
        Change::Note => {
            let status = |side: &std::collections::BTreeMap<&'static str, String>| {
                side.get("status").cloned().unwrap_or_else(|| "not there".to_owned())
            };
            let (a, b) = (status(&example.a), status(&example.b));
            writeln!(f, "the note's {}: {a} -> {b}", example.columns.join(", "))
        }
        Change::Added | Change::Removed => {
            let word = if example.change == Change::Added { "added" } else { "removed" };
            let values = ["type", "presence", "temporality", "experiencer", "rule"].map(cell).join(", ");
            writeln!(f, "{}..{} {:?} {word}: {values}", cell("start"), cell("end"), cell("text"))
        }
        Change::Changed => {
            writeln!(f, "{}..{} {:?} {}", cell("start"), cell("end"), cell("text"), cell("mention_id"))?;
            for (column, a) in
                example.columns.iter().flat_map(|part| columns_of(part)).map(|column| (column, cell(column)))
            {
                let b = example.b.get(column).map_or("-", String::as_str);
                if a != b {
                    writeln!(f, "        {column}: {a} -> {b}")?;
                }
            }
            Ok(())
        }
    }
}

/// The columns of a part, those that tell a person something.
fn columns_of(part: &'static str) -> Vec<&'static str> {
    let own = super::COMPARED.into_iter().filter(|column| super::counts::part_of(column) == Some(part));
    own.filter(|column| !["start_byte", "end_byte", "cue_start", "cue_end"].contains(column)).collect()
}
