//! What was found in a lexicon, for people.

use std::fmt;

use super::{LexiconCheck, ProblemKind};

/// How many problems of a kind are shown.
const N_SHOWN: usize = 20;

impl ProblemKind {
    /// Every kind.
    pub const ALL: [ProblemKind; 4] =
        [ProblemKind::Duplicate, ProblemKind::Conflict, ProblemKind::Unmatchable, ProblemKind::Frequent];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            ProblemKind::Duplicate => "duplicates (a concept has the form, or a table the concept, twice)",
            ProblemKind::Conflict => "conflicts (one form, several concepts: the one named wins)",
            ProblemKind::Unmatchable => "forms that nothing can match",
            ProblemKind::Frequent => "suspiciously frequent forms",
        }
    }
}

impl fmt::Display for LexiconCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} concepts, {} forms", self.concepts, self.forms)?;
        if let Some(sample) = &self.sample {
            writeln!(
                f,
                "{} notes ({} records rejected): {} matches of {} forms; {} forms were not found",
                sample.notes, sample.rejected, sample.matches, sample.found_forms, sample.unseen_forms
            )?;
        }
        for kind in ProblemKind::ALL {
            let own = || self.problems.iter().filter(move |problem| problem.kind == kind);
            let n_own = own().count();
            if n_own == 0 {
                continue;
            }
            writeln!(f, "\n{n_own} {}", kind.title())?;
            let width = |text: &str| text.chars().count();
            let shown = || own().take(N_SHOWN);
            let form_width = shown().map(|problem| width(&problem.form)).max().unwrap_or(0);
            let id_width = shown().map(|problem| width(&problem.concept_id)).max().unwrap_or(0);
            for problem in shown() {
                let (form, id) = (&problem.form, &problem.concept_id);
                writeln!(f, "  {form:form_width$}  {id:id_width$}  {}", problem.detail)?;
            }
            if n_own > N_SHOWN {
                writeln!(f, "  and {} more; --json shows all", n_own - N_SHOWN)?;
            }
        }
        if self.is_clean() {
            writeln!(f, "no problems found")?;
        }
        Ok(())
    }
}
