//! Amounts of tobacco and alcohol: pack-years, packs a day times years, drinks a week.

use super::words::{Class, Words};
use crate::fact::{Amount, AmountUnit};
use crate::token::Token;

/// Tokens between packs a day and the years that it lasted.
const YEARS_WITHIN: usize = 6;
/// Tokens between what is drunk and how often.
const PERIOD_WITHIN: usize = 3;
/// More of either was never stated but by mistake.
const MOST_PACK_YEARS: f64 = 400.0;
const MOST_DRINKS: f64 = 400.0;

/// The first pack-years that a sentence states.
pub(super) fn pack_years(words: &Words, text: &str, tokens: &[Token]) -> Option<Amount> {
    let value = (0..tokens.len()).find_map(|at| {
        let number = words.number(text, tokens.get(at..)?)?;
        let rest = after_marks(text, tokens.get(at + number.used..)?);
        if words.at(rest, Class::PackYear).is_some() {
            return Some(number.value);
        }
        let (packs, rest) = packs_a_day(words, rest)?;
        let years = (0..rest.len().min(YEARS_WITHIN)).find_map(|at| {
            let years = words.number(text, rest.get(at..)?)?;
            let unit = after_marks(text, rest.get(at + years.used..)?);
            Some(years.value * words.at(unit, Class::Lasting)?.1)
        })?;
        Some(number.value * packs * years)
    })?;
    (value > 0.0 && value <= MOST_PACK_YEARS).then_some(Amount { value, unit: AmountUnit::PackYears })
}

/// Packs a day for each of a number before: `ppd`, `packs per day`, `cigarettes daily`; and what follows.
fn packs_a_day<'a>(words: &Words, tokens: &'a [Token]) -> Option<(f64, &'a [Token])> {
    if let Some((used, packs)) = words.at(tokens, Class::PacksPerDay) {
        return Some((packs, tokens.get(used..)?));
    }
    let (used, packs) = words.at(tokens, Class::Pack)?;
    let (skipped, times) = period(words, tokens.get(used..)?)?;
    Some((packs * times / 7.0, tokens.get(used + skipped..)?))
}

/// The first drinks a week that a sentence states.
pub(super) fn drinks(words: &Words, text: &str, tokens: &[Token]) -> Option<Amount> {
    let value = (0..tokens.len()).find_map(|at| {
        let number = words.number(text, tokens.get(at..)?)?;
        let rest = after_marks(text, tokens.get(at + number.used..)?);
        let (used, drinks) = words.at(rest, Class::Drink)?;
        let (_, times) = (0..PERIOD_WITHIN).find_map(|skipped| period(words, rest.get(used + skipped..)?))?;
        Some(number.value * drinks * times)
    })?;
    (value > 0.0 && value <= MOST_DRINKS).then_some(Amount { value, unit: AmountUnit::DrinksPerWeek })
}

/// `per day`, `a week`, `/night`, `daily`: how many tokens it takes, and times a week.
fn period(words: &Words, tokens: &[Token]) -> Option<(usize, f64)> {
    let per = words.at(tokens, Class::Per).map_or(0, |(used, _)| used);
    let (used, times) = words.at(tokens.get(per..)?, Class::Period)?;
    Some((per + used, times))
}

/// What follows a number, without the hyphen or plus sign that may stand between.
fn after_marks<'a>(text: &str, tokens: &'a [Token]) -> &'a [Token] {
    match tokens {
        [mark, rest @ ..] if mark.is_hyphen() || mark.is(text, '+') => rest,
        _ => tokens,
    }
}
