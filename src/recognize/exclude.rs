//! Words that look like a mention and name none: `pain medication`, `Glasgow coma scale`, `hepatitis B vaccine`.

use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{TableSource, table};
use crate::token::{Gap, Token};
use crate::{Error, Result};

/// The table of exclusions.
#[derive(Clone, Debug)]
pub(super) struct Exclusions {
    phrases: PhraseTrie,
    after: PhraseTrie,
}

impl Exclusions {
    /// Reads the table: `phrase`, `kind`, `source`.
    pub fn parse(source: &TableSource) -> Result<Exclusions> {
        let mut exclusions =
            Exclusions { phrases: PhraseTrie::new(Compared::Words), after: PhraseTrie::new(Compared::Words) };
        for row in table::rows(&source.name, &source.text, ["phrase", "kind", "source"])? {
            let [phrase, kind, _source] = row.cells;
            match kind {
                "phrase" => exclusions.phrases.insert_text(phrase, 0),
                "after" => exclusions.after.insert_text(phrase, 0),
                _ => {
                    let problem = format!("kind: expected phrase or after, found {kind:?}");
                    return Err(Error::table(&source.name, row.line, problem));
                }
            }
        }
        Ok(exclusions)
    }

    /// How many tokens at the start of `tokens` are an excluded phrase; zero for none.
    pub fn phrase(&self, tokens: &[Token]) -> usize {
        self.phrases.longest(tokens, |_, _| true).map_or(0, |(used, _)| used)
    }

    /// Whether `tokens`, which follow a surface form, show that it names no problem.
    pub fn follows(&self, tokens: &[Token]) -> bool {
        let spaced = tokens.first().is_some_and(|token| token.before == Gap::Space);
        spaced && self.after.longest(tokens, |_, _| true).is_some()
    }
}
