//! Widening a surface form to the noun phrase that names the problem.
//!
//! To the left: adjacent words of severity, acuity, laterality, body site, type and grade. To the right: `of`, `in`,
//! `to`, `on` and a body site. Which words these are is read from a table.

use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{TableSource, table};
use crate::token::{Gap, Token, TokenKind};
use crate::{Error, Result};

/// Most tokens of one modifier.
const MAX_MODIFIER: usize = 5;

/// The table of modifiers.
#[derive(Clone, Debug)]
pub(super) struct Modifiers {
    trie: PhraseTrie,
    kinds: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Severity, acuity, course, type, cause: before the head.
    Quality,
    /// Left, right, both: before the head, and in a phrase after it.
    Laterality,
    /// Upper, medial, dorsal: before the head, and in a phrase after it.
    Region,
    /// A body site: before the head, and the end of a phrase after it.
    Site,
    /// A body site that stands only in a phrase after the head.
    SiteAfter,
    /// A preposition that joins a body site to the head.
    Link,
    /// A determiner in a phrase after the head.
    Determiner,
}

impl Kind {
    const NAMES: [(&'static str, Kind); 7] = [
        ("quality", Kind::Quality),
        ("laterality", Kind::Laterality),
        ("region", Kind::Region),
        ("site", Kind::Site),
        ("site-after", Kind::SiteAfter),
        ("link", Kind::Link),
        ("determiner", Kind::Determiner),
    ];
}

impl Modifiers {
    /// Reads the table.
    pub fn parse(source: &TableSource) -> Result<Modifiers> {
        let mut modifiers = Modifiers { trie: PhraseTrie::new(Compared::Words), kinds: Vec::new() };
        for row in table::rows(&source.name, &source.text, ["modifier", "kind", "source"])? {
            let [modifier, kind, _source] = row.cells;
            let kind = Kind::NAMES.iter().find(|(name, _)| *name == kind).map(|&(_, kind)| kind).ok_or_else(|| {
                let names: Vec<&str> = Kind::NAMES.iter().map(|(name, _)| *name).collect();
                let problem = format!("kind: expected one of {}, found {kind:?}", names.join(", "));
                Error::table(&source.name, row.line, problem)
            })?;
            modifiers.trie.insert_text(modifier, modifiers.kinds.len() as u32);
            modifiers.kinds.push(kind);
        }
        Ok(modifiers)
    }

    /// The first token of the noun phrase whose head starts at `head`, not before `floor`.
    pub fn extend_left(&self, text: &str, tokens: &[Token], floor: usize, head: usize) -> usize {
        let mut start = head;
        while start > floor {
            let touching = tokens.get(start).is_some_and(|token| token.before == Gap::None);
            if touching {
                // Only a hyphen may stand between a modifier and what it modifies: `T-wave`, `ST-segment`.
                let hyphen =
                    start >= floor + 2 && tokens[start - 1].is(text, '-') && tokens[start - 1].before == Gap::None;
                match hyphen.then(|| self.modifier_before(text, tokens, floor, start - 1)).flatten() {
                    Some(before) => start = before,
                    None => break,
                }
                continue;
            }
            match self.modifier_before(text, tokens, floor, start) {
                Some(before) => start = before,
                None => break,
            }
        }
        start
    }

    /// How many tokens at the start of `tokens` are a word of place: a site, a side, a region, or what joins them.
    pub fn place(&self, tokens: &[Token]) -> usize {
        const PLACE: [Kind; 6] =
            [Kind::Laterality, Kind::Region, Kind::Site, Kind::SiteAfter, Kind::Link, Kind::Determiner];
        self.trie.longest(tokens, |_, value| PLACE.contains(&self.kinds[value as usize])).map_or(0, |(used, _)| used)
    }

    /// One past the last token of the noun phrase whose head ends at `head`.
    pub fn extend_right(&self, _text: &str, tokens: &[Token], head: usize) -> usize {
        let mut end = head;
        while let Some((mut at, Kind::Link)) = self.phrase(tokens, end, &[Kind::Link]) {
            let mut site_end = None;
            const PARTS: [Kind; 5] = [Kind::Determiner, Kind::Laterality, Kind::Region, Kind::Site, Kind::SiteAfter];
            while let Some((next, kind)) = self.phrase(tokens, at, &PARTS) {
                at = next;
                if matches!(kind, Kind::Site | Kind::SiteAfter) {
                    site_end = Some(at);
                } else if site_end.is_some() && kind == Kind::Determiner {
                    break;
                }
            }
            match site_end {
                Some(site_end) => end = site_end,
                None => break,
            }
        }
        end
    }

    /// The start of the longest modifier that ends at `end`.
    fn modifier_before(&self, text: &str, tokens: &[Token], floor: usize, end: usize) -> Option<usize> {
        let longest = (end - floor).min(MAX_MODIFIER);
        for length in (1..=longest).rev() {
            let start = end - length;
            let found = self.trie.longest(&tokens[start..end], |used, value| {
                used == length
                    && matches!(
                        self.kinds[value as usize],
                        Kind::Quality | Kind::Laterality | Kind::Region | Kind::Site
                    )
            });
            if found.is_some() {
                return Some(start);
            }
        }
        grade_before(text, tokens, floor, end)
    }

    /// The longest phrase of one of these kinds at `at`, on the same line as what stands before it.
    fn phrase(&self, tokens: &[Token], at: usize, kinds: &[Kind]) -> Option<(usize, Kind)> {
        let rest = tokens.get(at..)?;
        if rest.first()?.before == Gap::None {
            return None;
        }
        let (used, value) = self.trie.longest(rest, |_, value| kinds.contains(&self.kinds[value as usize]))?;
        Some((at + used, self.kinds[value as usize]))
    }
}

/// The start of a grade that ends at `end`: `2/6`, `1+`, `3-4+`.
fn grade_before(text: &str, tokens: &[Token], floor: usize, end: usize) -> Option<usize> {
    let token = |back: usize| end.checked_sub(back).filter(|&at| at >= floor).and_then(|at| tokens.get(at));
    let is_digit = |token: &Token| token.kind == TokenKind::Number && token.span.len() == 1;
    let last = token(1)?;
    if last.is(text, '+') && last.before == Gap::None {
        return token(2).filter(|number| is_digit(number)).map(|_| end - 2);
    }
    let slash = token(2)?;
    // Scales end in four, five or six; `2/2` is written for `secondary to`.
    let of_scale = matches!(last.span.of(text), "4" | "5" | "6");
    let graded = of_scale && slash.is(text, '/') && slash.before == Gap::None && is_digit(token(3)?);
    graded.then(|| end - 3)
}
