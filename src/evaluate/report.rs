//! An evaluation as a table for people.

use std::collections::BTreeMap;
use std::fmt;

use super::{Evaluation, Tally};

/// Groups with fewer gold mentions are not listed.
const SMALLEST_GROUP: u64 = 5;

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:24}{:>8}", "gold", self.all.gold)?;
        writeln!(f, "{:24}{:>8}", "pred", self.all.pred)?;
        if self.missing_notes > 0 {
            writeln!(f, "{:24}{:>8}", "notes without prediction", self.missing_notes)?;
        }
        for (name, rate) in self.all.rates() {
            writeln!(f, "{name:24}{rate:>8.4}")?;
        }
        for (title, groups) in
            [("type", &self.by_type), ("section", &self.by_section), ("note type", &self.by_note_type)]
        {
            write_groups(f, title, groups)?;
        }
        writeln!(f, "\nassertion: gold -> predicted")?;
        for (told, read) in &self.confusion {
            for (read, n) in read {
                writeln!(f, "{n:>8}  {told} -> {read}")?;
            }
        }
        for error in &self.errors {
            let (told, read) = (&error.gold, &error.predicted);
            writeln!(
                f,
                "\n{} {}, {}: {told:?} -> {read:?}\n    {}",
                error.note_id, error.start, error.kind, error.context
            )?;
        }
        Ok(())
    }
}

fn write_groups(f: &mut fmt::Formatter<'_>, title: &str, groups: &BTreeMap<String, Tally>) -> fmt::Result {
    let columns = ["exact_f1", "overlap_f1", "assertion_acc", "code_precision", "code_recall"];
    write!(f, "\n{title:28}{:>8}{:>8}", "gold", "pred")?;
    for name in columns {
        write!(f, "{name:>16}")?;
    }
    writeln!(f)?;
    for (group, tally) in groups.iter().filter(|(_, tally)| tally.gold >= SMALLEST_GROUP) {
        write!(f, "{group:28}{:>8}{:>8}", tally.gold, tally.pred)?;
        let rates: BTreeMap<String, f64> = tally.rates().into_iter().collect();
        for name in columns {
            write!(f, "{:>16.4}", rates.get(name).copied().unwrap_or(0.0))?;
        }
        writeln!(f)?;
    }
    Ok(())
}
