//! Age and sex as a note states them: `68 y/o male`, `68M`, `aged 68`, `a pleasant lady`. `He` and `she` state nothing.

use super::words::{Class, Words, digits_and_letters, tokens_before};
use crate::Span;
use crate::fact::{Amount, AmountUnit};
use crate::token::{Token, TokenKind};

/// Tokens after an age among which a sex belongs to it.
const SEX_WITHIN: usize = 6;
/// Ages over this were never stated but by mistake.
const MOST_YEARS: f64 = 120.0;
/// An age of letters alone (`68M`) is one only of adults: `12F` is a size.
const LEAST_YEARS_OF_LETTER: f64 = 18.0;

/// An age or a sex in a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Person {
    /// Its place, and years.
    Age(Span, Amount),
    /// A man's.
    Male(Span),
    /// A woman's.
    Female(Span),
}

/// Appends the age that begins at token `at`, with the sex that follows it, or the sex that is named there; gives the token
/// after them.
pub(super) fn find(words: &Words, text: &str, tokens: &[Token], at: usize, found: &mut Vec<Person>) -> Option<usize> {
    Reader { words, text, tokens, found }.person(at)
}

/// Reads ages and sexes in a sentence.
struct Reader<'a> {
    words: &'a Words,
    text: &'a str,
    tokens: &'a [Token],
    found: &'a mut Vec<Person>,
}

impl Reader<'_> {
    /// The age that begins at token `at`, with the sex that follows it, or the sex that is named there.
    fn person(&mut self, at: usize) -> Option<usize> {
        let token = self.tokens.get(at)?;
        if token.kind == TokenKind::Number {
            return self.plain_age(at);
        }
        if token.kind != TokenKind::Word {
            return None;
        }
        if let Some((number, letters)) = digits_and_letters(self.text, token) {
            return self.letter_age(at, number, letters);
        }
        let begun = self.words.begun_by(token);
        if begun.has_any(&[Class::SexLabel, Class::AgeLabel])
            && let Some(next) = self.label(at)
        {
            return Some(next);
        }
        if begun.has_any(&[Class::Male, Class::Female])
            && let Some(sex) = self.described_sex(at)
        {
            self.found.push(sex);
            return Some(at + 1);
        }
        if begun.has_any(&[Class::Number]) { self.plain_age(at) } else { None }
    }

    /// `68-year-old`, `three months old`.
    fn plain_age(&mut self, at: usize) -> Option<usize> {
        let number = self.words.number(self.text, self.tokens.get(at..)?)?;
        let hyphen = usize::from(self.tokens.get(at + number.used).is_some_and(Token::is_hyphen));
        let unit = at + number.used + hyphen;
        let (used, years) = self.words.at(self.tokens.get(unit..)?, Class::Old)?;
        let end = unit + used;
        if self.words.ends_with(self.tokens.get(..at)?, Class::OtherTime) {
            return Some(end);
        }
        self.push_age(at..end, number.value * years);
        self.push_sex_after(end);
        Some(end)
    }

    fn push_age(&mut self, range: std::ops::Range<usize>, years: f64) {
        let (Some(first), Some(last)) = (self.tokens.get(range.start), self.tokens.get(range.end - 1)) else { return };
        if years <= MOST_YEARS {
            self.found.push(Person::Age(first.span.cover(last.span), years_of_age(years)));
        }
    }

    /// `68yo`, `68y/o`, `68M`, `68yoF`.
    fn letter_age(&mut self, at: usize, digits: &str, letters: &str) -> Option<usize> {
        let token = self.tokens.get(at)?;
        let number: f64 = digits.parse().ok().filter(|years| *years <= MOST_YEARS)?;
        let (letters, sex) = match letters.strip_suffix(['M', 'F']) {
            Some(rest) => (rest, letters.chars().last()),
            None => (letters, None),
        };
        let n_digits = digits.len();
        let place = |from: usize, to: usize| Span::between(token.span.start() + from, token.span.start() + to);
        let mut end = at + 1;
        let mut age = place(0, n_digits + letters.len());
        let mut years = number;
        if letters.is_empty() {
            // Sizes and temperatures are written so too.
            let leads = at == 0 || self.words.ends_with(self.tokens.get(..at)?, Class::Per);
            if !leads || number < LEAST_YEARS_OF_LETTER {
                return None;
            }
        } else {
            let head = tokens_before(letters, if sex.is_some() { &[] } else { self.tokens.get(end..)? });
            let (used, each) = self.words.at(&head, Class::Old)?;
            years *= each;
            end += used - 1;
            age = age.cover(self.tokens.get(end - 1).filter(|_| used > 1).map_or(age, |last| last.span));
        }
        if self.words.ends_with(self.tokens.get(..at)?, Class::OtherTime) {
            return Some(end);
        }
        self.found.push(Person::Age(age, years_of_age(years)));
        let letter = place(n_digits + letters.len(), token.span.len());
        match sex {
            Some('M') => self.found.push(Person::Male(letter)),
            Some(_) => self.found.push(Person::Female(letter)),
            None => self.push_sex_after(end),
        }
        Some(end)
    }

    /// `Age: 68`, `aged 68`, `Sex: F`.
    fn label(&mut self, at: usize) -> Option<usize> {
        let rest = self.tokens.get(at..)?;
        let skip_colon =
            |at: usize| at + usize::from(self.tokens.get(at).is_some_and(|token| token.is(self.text, ':')));
        if let Some((used, _)) = self.words.at(rest, Class::SexLabel) {
            let place = skip_colon(at + used);
            let sex = self.sex_at(place)?;
            self.found.push(sex);
            return Some(place + 1);
        }
        let (used, _) = self.words.at(rest, Class::AgeLabel)?;
        let place = skip_colon(at + used);
        if self.words.ends_with(self.tokens.get(..at)?, Class::OtherTime) {
            return Some(at + used);
        }
        let number = self.tokens.get(place).filter(|token| token.kind == TokenKind::Number)?;
        // `age 40-50` is nobody's.
        if self.tokens.get(place + 1).is_some_and(|token| token.is_hyphen() || token.is(self.text, '/')) {
            return Some(place + 1);
        }
        let years: f64 = number.span.of(self.text).parse().ok()?;
        self.push_age(at..place + 1, years);
        self.push_sex_after(place + 1);
        Some(place + 1)
    }

    /// The first sex among the few words after an age.
    fn push_sex_after(&mut self, from: usize) {
        for at in from..self.tokens.len().min(from + SEX_WITHIN) {
            if let Some(sex) = self.sex_at(at) {
                self.found.push(sex);
                return;
            }
            let Some(token) = self.tokens.get(at) else { return };
            let joins = token.is_hyphen() || token.is(self.text, ',') || token.is(self.text, '/');
            let breaks = self.tokens.get(at..).is_some_and(|rest| self.words.at(rest, Class::Breaks).is_some());
            if breaks || !(joins || token.is_wordlike()) {
                return;
            }
        }
    }

    /// The sex that a token names; a single letter only in capitals.
    fn sex_at(&self, at: usize) -> Option<Person> {
        let token = self.tokens.get(at)?;
        if token.span.len() == 1 && !token.span.of(self.text).chars().all(char::is_uppercase) {
            return None;
        }
        let own = std::slice::from_ref(token);
        if self.words.at(own, Class::Male).is_some() {
            return Some(Person::Male(token.span));
        }
        self.words.at(own, Class::Female).map(|_| Person::Female(token.span))
    }

    /// A man or a woman after a word that only a patient is described with.
    fn described_sex(&self, at: usize) -> Option<Person> {
        let token = self.tokens.get(at).filter(|token| token.span.len() > 2)?;
        let own = std::slice::from_ref(token);
        let is_male = self.words.at(own, Class::Male).is_some();
        if !is_male && self.words.at(own, Class::Female).is_none() {
            return None;
        }
        self.words.ends_with(self.tokens.get(..at)?, Class::Describes).then_some(match is_male {
            true => Person::Male(token.span),
            false => Person::Female(token.span),
        })
    }
}

fn years_of_age(years: f64) -> Amount {
    Amount { value: years, unit: AmountUnit::Years }
}
