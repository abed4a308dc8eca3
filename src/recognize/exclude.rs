//! Words that look like a mention and name none: `pain medication`, `Glasgow coma scale`, `hepatitis B vaccine`.

use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{TableSource, table};
use crate::token::{Gap, Token, TokenKind};
use crate::{Error, Result};

/// The table of exclusions.
#[derive(Clone, Debug)]
pub(super) struct Exclusions {
    phrases: PhraseTrie,
    after: PhraseTrie,
    alone: PhraseTrie,
    parts: PhraseTrie,
}

impl Exclusions {
    /// Reads the table: `phrase`, `kind`, `source`.
    pub fn parse(source: &TableSource) -> Result<Exclusions> {
        let [phrases, after, alone, parts] = [(); 4].map(|()| PhraseTrie::new(Compared::Words));
        let mut exclusions = Exclusions { phrases, after, alone, parts };
        for row in table::rows(&source.name, &source.text, ["phrase", "kind", "source"])? {
            let [phrase, kind, _source] = row.cells;
            let phrases = match kind {
                "phrase" => &mut exclusions.phrases,
                "after" => &mut exclusions.after,
                "alone" => &mut exclusions.alone,
                "part" => &mut exclusions.parts,
                _ => {
                    let problem = format!("kind: expected phrase, after, alone or part, found {kind:?}");
                    return Err(Error::table(&source.name, row.line, problem));
                }
            };
            phrases.insert_text(phrase, 0);
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

    /// Whether `tokens` hold nothing that could name a problem: a word that names none alone, or only words that name none
    /// together and words of place, for which `place` gives the number of tokens at the start of its own.
    pub fn are_bare(&self, tokens: &[Token], place: impl Fn(&[Token]) -> usize) -> bool {
        if self.alone.longest(tokens, |_, _| true).is_some_and(|(used, _)| used == tokens.len()) {
            return true;
        }
        let mut rest = tokens;
        while let Some(first) = rest.first() {
            let part = self.parts.longest(rest, |_, _| true).map_or(0, |(used, _)| used);
            let skipped = usize::from(first.kind != TokenKind::Word);
            rest = match part.max(place(rest)).max(skipped) {
                0 => return false,
                used => rest.get(used..).unwrap_or(&[]),
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokenize;

    #[test]
    fn words_of_place_and_measure_name_nothing_alone() {
        let table = "phrase\tkind\tsource\nheart rate\tphrase\tx\nlarge\talone\tx\nplatysma\tpart\tx\n";
        let source = TableSource { name: "t".to_owned(), text: table.to_owned() };
        let exclusions = Exclusions::parse(&source).expect("a well-formed table");
        let check = |text: &str, expected: bool| {
            let place = |rest: &[Token]| usize::from(rest.first().is_some_and(|token| token.span.of(text) == "left"));
            assert_eq!(exclusions.are_bare(&tokenize(text, |_| true), place), expected, "{text}");
        };
        check("platysma", true);
        check("left platysma", true);
        check("large", true);
        check("\"", true);
        check("large platysma", false);
        check("platysma weakness", false);
    }
}
