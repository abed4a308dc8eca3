//! The words of amounts, ages and sexes: numbers, units of time, what is smoked and drunk.

use rustc_hash::FxHashMap;

use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{TableSource, table};
use crate::token::{Gap, Token, TokenKind, tokenize};
use crate::{Error, Result};

/// What a word is in an amount, an age or a sex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A number, with its value.
    Number,
    /// `pack`, `cigarette`: with packs each.
    Pack,
    /// `pack-years`.
    PackYear,
    /// `ppd`: packs a day.
    PacksPerDay,
    /// `beer`, `glass of wine`: with drinks each.
    Drink,
    /// `per`, `a`, `every`.
    Per,
    /// `day`, `nightly`: with times a week.
    Period,
    /// `years` that something lasted, with years each.
    Lasting,
    /// `year-old`, with years each.
    Old,
    /// `age`, before a number.
    AgeLabel,
    /// `at the age of`: the age was, or will be, at another time.
    OtherTime,
    /// `man`.
    Male,
    /// `woman`.
    Female,
    /// `sex`, before a word.
    SexLabel,
    /// `pleasant`: a man or a woman after it is the patient.
    Describes,
    /// `with`: what follows describes no person.
    Breaks,
}

/// A set of classes, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Classes(u16);

impl Classes {
    /// Whether any of the classes is in the set.
    pub fn has_any(self, classes: &[Class]) -> bool {
        classes.iter().any(|&class| self.0 & (1 << class as u16) != 0)
    }

    fn with(self, class: Class) -> Classes {
        Classes(self.0 | 1 << class as u16)
    }
}

impl Class {
    const NAMES: [(&'static str, Class); 16] = [
        ("number", Class::Number),
        ("pack", Class::Pack),
        ("pack-year", Class::PackYear),
        ("packs-per-day", Class::PacksPerDay),
        ("drink", Class::Drink),
        ("per", Class::Per),
        ("period", Class::Period),
        ("lasting", Class::Lasting),
        ("old", Class::Old),
        ("age-label", Class::AgeLabel),
        ("other-time", Class::OtherTime),
        ("male", Class::Male),
        ("female", Class::Female),
        ("sex-label", Class::SexLabel),
        ("describes", Class::Describes),
        ("breaks", Class::Breaks),
    ];
}

/// The compiled table.
#[derive(Clone, Debug)]
pub(super) struct Words {
    phrases: PhraseTrie,
    rows: Vec<(Class, f64)>,
    /// The classes of the phrases that begin with a key: it says for most words that no phrase need be looked for.
    begun: FxHashMap<u64, Classes>,
}

/// A number in a sentence: how many tokens it takes, and its value, the middle of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub used: usize,
    pub value: f64,
}

/// Tokens of the longest phrase of time before an age.
const MAX_BEFORE: usize = 4;

impl Words {
    /// Reads the table: `phrase`, `class`, `value`, `source`.
    pub fn parse(source: &TableSource) -> Result<Words> {
        let mut words =
            Words { phrases: PhraseTrie::new(Compared::Words), rows: Vec::new(), begun: FxHashMap::default() };
        let mut keys = Vec::new();
        for row in table::rows(&source.name, &source.text, ["phrase", "class", "value", "source"])? {
            let [phrase, class, value, _source] = row.cells;
            let problem = |problem: String| Error::table(&source.name, row.line, problem);
            let Some(&(_, class)) = Class::NAMES.iter().find(|(name, _)| *name == class) else {
                let names: Vec<&str> = Class::NAMES.iter().map(|(name, _)| *name).collect();
                return Err(problem(format!("class: expected one of {}, found {class:?}", names.join(", "))));
            };
            let value = match value {
                "" => 1.0,
                number => number.parse().map_err(|_| problem(format!("value: expected a number, found {number:?}")))?,
            };
            keys.clear();
            Compared::Words.append_keys(phrase, &mut keys);
            if let Some(&first) = keys.first() {
                let begun = words.begun.entry(first).or_default();
                *begun = begun.with(class);
            }
            words.phrases.insert(keys.iter().copied(), words.rows.len() as u32);
            words.rows.push((class, value));
        }
        Ok(words)
    }

    /// The longest phrase of a class at the start of `tokens`: how many tokens it takes, and its value.
    pub fn at(&self, tokens: &[Token], class: Class) -> Option<(usize, f64)> {
        if !self.begun_by(tokens.first()?).has_any(&[class]) {
            return None;
        }
        let of_class = |row: u32| self.rows.get(row as usize).is_some_and(|(known, _)| *known == class);
        let (used, row) = self.phrases.longest(tokens, |_, row| of_class(row))?;
        Some((used, self.rows.get(row as usize)?.1))
    }

    /// The classes of the phrases that begin with a token.
    pub fn begun_by(&self, token: &Token) -> Classes {
        if !self.phrases.may_begin(token) {
            return Classes::default();
        }
        self.begun.get(&token.key).copied().unwrap_or_default()
    }

    /// Whether a phrase of a class ends where `tokens` end.
    pub fn ends_with(&self, tokens: &[Token], class: Class) -> bool {
        (1..=MAX_BEFORE.min(tokens.len())).any(|length| {
            let last = tokens.get(tokens.len() - length..).unwrap_or(&[]);
            self.at(last, class).is_some_and(|(used, _)| used == length)
        })
    }

    /// The number at the start of `tokens`: digits, a fraction, a word or a range.
    pub fn number(&self, text: &str, tokens: &[Token]) -> Option<Number> {
        let first = self.single(text, tokens)?;
        let rest = tokens.get(first.used..).unwrap_or(&[]);
        let joined = |at: usize| rest.get(at..).and_then(|rest| self.single(text, rest)).map(|last| (at, last));
        let range = rest.first().filter(|token| token.is_hyphen()).and_then(|_| joined(1));
        let range = range.or_else(|| rest.first().filter(|token| is_to(text, token)).and_then(|_| joined(1)));
        match range {
            Some((skipped, last)) if last.value > first.value => {
                Some(Number { used: first.used + skipped + last.used, value: f64::midpoint(first.value, last.value) })
            }
            _ => Some(first),
        }
    }

    fn single(&self, text: &str, tokens: &[Token]) -> Option<Number> {
        let first = tokens.first()?;
        if first.kind != TokenKind::Number {
            let (used, value) = self.at(tokens, Class::Number)?;
            let rest = tokens.get(used..).unwrap_or(&[]);
            let skipped = usize::from(rest.first().is_some_and(Token::is_hyphen));
            // `sixty-eight`.
            let unit = rest.get(skipped..).and_then(|rest| self.at(rest, Class::Number));
            return Some(match unit {
                Some((more, unit)) if value >= 20.0 && (1.0..10.0).contains(&unit) => {
                    Number { used: used + skipped + more, value: value + unit }
                }
                _ => Number { used, value },
            });
        }
        let value: f64 = first.span.of(text).replace(',', "").parse().ok()?;
        // `1/2`, and not the rest of a date.
        if let [slash, below, ..] = tokens.get(1..).unwrap_or(&[])
            && slash.is(text, '/')
            && slash.before == Gap::None
            && below.before == Gap::None
            && let Ok(below) = below.span.of(text).parse::<f64>()
            && value < below
            && below <= 4.0
        {
            return Some(Number { used: 3, value: value / below });
        }
        Some(Number { used: 1, value })
    }
}

/// Whether a token joins the ends of a range.
fn is_to(text: &str, token: &Token) -> bool {
    token.kind == TokenKind::Word && token.span.of(text).eq_ignore_ascii_case("to")
}

/// A word that begins with digits, in its two parts: `68yo`, `68M`.
pub(super) fn digits_and_letters<'a>(text: &'a str, token: &Token) -> Option<(&'a str, &'a str)> {
    if token.kind != TokenKind::Word {
        return None;
    }
    if !text.as_bytes().get(token.span.start()).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let word = token.span.of(text);
    let n_digits = word.bytes().take_while(u8::is_ascii_digit).count();
    (1..=3).contains(&n_digits).then(|| word.split_at(n_digits))
}

/// The tokens of a few words, as if they stood in a text before other tokens.
pub(super) fn tokens_before(words: &str, rest: &[Token]) -> Vec<Token> {
    let mut tokens = tokenize(words, |_| false);
    tokens.extend(rest.iter().take(3).copied());
    tokens
}
