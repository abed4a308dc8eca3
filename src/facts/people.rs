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
    let token = tokens.get(at)?;
    if token.kind == TokenKind::Number {
        return plain_age(words, text, tokens, at, found);
    }
    if token.kind != TokenKind::Word {
        return None;
    }
    if let Some((number, letters)) = digits_and_letters(text, token) {
        return letter_age(words, text, tokens, at, (number, letters), found);
    }
    let begun = words.begun_by(token);
    if begun.has_any(&[Class::SexLabel, Class::AgeLabel])
        && let Some(next) = label(words, text, tokens, at, found)
    {
        return Some(next);
    }
    if begun.has_any(&[Class::Male, Class::Female])
        && let Some(sex) = described_sex(words, tokens, at)
    {
        found.push(sex);
        return Some(at + 1);
    }
    if begun.has_any(&[Class::Number]) { plain_age(words, text, tokens, at, found) } else { None }
}

/// `68-year-old`, `three months old`.
fn plain_age(words: &Words, text: &str, tokens: &[Token], at: usize, found: &mut Vec<Person>) -> Option<usize> {
    let number = words.number(text, tokens.get(at..)?)?;
    let hyphen = usize::from(tokens.get(at + number.used).is_some_and(Token::is_hyphen));
    let unit = at + number.used + hyphen;
    let (used, years) = words.at(tokens.get(unit..)?, Class::Old)?;
    let end = unit + used;
    if words.ends_with(tokens.get(..at)?, Class::OtherTime) {
        return Some(end);
    }
    push_age(tokens, at..end, number.value * years, found);
    push_sex_after(words, text, tokens, end, found);
    Some(end)
}

fn push_age(tokens: &[Token], range: std::ops::Range<usize>, years: f64, found: &mut Vec<Person>) {
    let (Some(first), Some(last)) = (tokens.get(range.start), tokens.get(range.end - 1)) else { return };
    if years <= MOST_YEARS {
        found.push(Person::Age(first.span.cover(last.span), years_of_age(years)));
    }
}

fn years_of_age(years: f64) -> Amount {
    Amount { value: years, unit: AmountUnit::Years }
}

/// `68yo`, `68y/o`, `68M`, `68yoF`.
fn letter_age(
    words: &Words,
    text: &str,
    tokens: &[Token],
    at: usize,
    (digits, letters): (&str, &str),
    found: &mut Vec<Person>,
) -> Option<usize> {
    let token = tokens.get(at)?;
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
        let leads = at == 0 || words.ends_with(tokens.get(..at)?, Class::Per);
        if !leads || number < LEAST_YEARS_OF_LETTER {
            return None;
        }
    } else {
        let head = tokens_before(letters, if sex.is_some() { &[] } else { tokens.get(end..)? });
        let (used, each) = words.at(&head, Class::Old)?;
        years *= each;
        end += used - 1;
        age = age.cover(tokens.get(end - 1).filter(|_| used > 1).map_or(age, |last| last.span));
    }
    if words.ends_with(tokens.get(..at)?, Class::OtherTime) {
        return Some(end);
    }
    found.push(Person::Age(age, years_of_age(years)));
    let letter = place(n_digits + letters.len(), token.span.len());
    match sex {
        Some('M') => found.push(Person::Male(letter)),
        Some(_) => found.push(Person::Female(letter)),
        None => push_sex_after(words, text, tokens, end, found),
    }
    Some(end)
}

/// `Age: 68`, `aged 68`, `Sex: F`.
fn label(words: &Words, text: &str, tokens: &[Token], at: usize, found: &mut Vec<Person>) -> Option<usize> {
    let rest = tokens.get(at..)?;
    let skip_colon = |at: usize| at + usize::from(tokens.get(at).is_some_and(|token| token.is(text, ':')));
    if let Some((used, _)) = words.at(rest, Class::SexLabel) {
        let place = skip_colon(at + used);
        let sex = sex_at(words, text, tokens, place)?;
        found.push(sex);
        return Some(place + 1);
    }
    let (used, _) = words.at(rest, Class::AgeLabel)?;
    let place = skip_colon(at + used);
    if words.ends_with(tokens.get(..at)?, Class::OtherTime) {
        return Some(at + used);
    }
    let number = tokens.get(place).filter(|token| token.kind == TokenKind::Number)?;
    // `age 40-50` is nobody's.
    if tokens.get(place + 1).is_some_and(|token| token.is_hyphen() || token.is(text, '/')) {
        return Some(place + 1);
    }
    let years: f64 = number.span.of(text).parse().ok()?;
    push_age(tokens, at..place + 1, years, found);
    push_sex_after(words, text, tokens, place + 1, found);
    Some(place + 1)
}

/// The first sex among the few words after an age.
fn push_sex_after(words: &Words, text: &str, tokens: &[Token], from: usize, found: &mut Vec<Person>) {
    for at in from..tokens.len().min(from + SEX_WITHIN) {
        if let Some(sex) = sex_at(words, text, tokens, at) {
            found.push(sex);
            return;
        }
        let Some(token) = tokens.get(at) else { return };
        let joins = token.is_hyphen() || token.is(text, ',') || token.is(text, '/');
        let breaks = tokens.get(at..).is_some_and(|rest| words.at(rest, Class::Breaks).is_some());
        if breaks || !(joins || token.is_wordlike()) {
            return;
        }
    }
}

/// The sex that a token names; a single letter only in capitals.
fn sex_at(words: &Words, text: &str, tokens: &[Token], at: usize) -> Option<Person> {
    let token = tokens.get(at)?;
    if token.span.len() == 1 && !token.span.of(text).chars().all(char::is_uppercase) {
        return None;
    }
    let own = std::slice::from_ref(token);
    if words.at(own, Class::Male).is_some() {
        return Some(Person::Male(token.span));
    }
    words.at(own, Class::Female).map(|_| Person::Female(token.span))
}

/// A man or a woman after a word that only a patient is described with.
fn described_sex(words: &Words, tokens: &[Token], at: usize) -> Option<Person> {
    let token = tokens.get(at).filter(|token| token.span.len() > 2)?;
    let own = std::slice::from_ref(token);
    let is_male = words.at(own, Class::Male).is_some();
    if !is_male && words.at(own, Class::Female).is_none() {
        return None;
    }
    words.ends_with(tokens.get(..at)?, Class::Describes).then_some(match is_male {
        true => Person::Male(token.span),
        false => Person::Female(token.span),
    })
}
