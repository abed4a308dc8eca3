//! Dates and times beside values.

use jiff::civil::{Date, DateTime, date};

use super::tables::Tables;
use crate::NoteTime;
use crate::token::{Gap, Token, TokenKind};

/// A date, a time of day, or both, as far as they are stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub year: Option<i16>,
    /// Month and day.
    pub day: Option<(i8, i8)>,
    /// Hour and minute.
    pub time: Option<(i8, i8)>,
}

impl Moment {
    /// A month and a day, if there is such a day in any year.
    pub fn month_day(month: f64, day: f64) -> Option<Moment> {
        let valid = month.fract() == 0.0 && day.fract() == 0.0 && (1.0..=12.0).contains(&month);
        let day = (valid && (1.0..=31.0).contains(&day)).then_some((month as i8, day as i8))?;
        Some(Moment { day: Some(day), ..Moment::default() })
    }

    /// A time of day in four digits: `0800`.
    pub fn of_day(digits: &str) -> Option<Moment> {
        let is_time = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: i16 = digits.parse().ok().filter(|_| is_time)?;
        let (hour, minute) = (i8::try_from(number / 100).ok()?, i8::try_from(number % 100).ok()?);
        (hour < 24 && minute < 60).then_some(Moment { time: Some((hour, minute)), ..Moment::default() })
    }

    /// What two statements of the same value say together.
    pub fn with(self, other: Moment) -> Moment {
        Moment { year: self.year.or(other.year), day: self.day.or(other.day), time: self.time.or(other.time) }
    }

    /// The civil time, completed from the time of the note: a date without a year is the last one before the note, a time
    /// without a date is of the note's day.
    pub fn resolve(self, note: Option<NoteTime>) -> Option<NoteTime> {
        let note = note.and_then(civil);
        let (hour, minute) = self.time.unwrap_or((0, 0));
        let day = match (self.day, self.year) {
            (Some((month, day)), Some(year)) => Date::new(year, month, day).ok()?,
            (Some((month, day)), None) => {
                let note = note?.date();
                let this_year = Date::new(note.year(), month, day).ok();
                match this_year.filter(|date| *date <= note) {
                    Some(date) => date,
                    None => Date::new(note.year() - 1, month, day).ok()?,
                }
            }
            (None, _) => {
                self.time?;
                note?.date()
            }
        };
        let moment = day.at(hour, minute, 0, 0);
        Some(NoteTime(microseconds(moment)?))
    }
}

fn microseconds(moment: DateTime) -> Option<i64> {
    let since = moment.duration_since(date(1970, 1, 1).at(0, 0, 0, 0));
    i64::try_from(since.as_micros()).ok()
}

fn civil(time: NoteTime) -> Option<DateTime> {
    let epoch = date(1970, 1, 1).at(0, 0, 0, 0);
    epoch.checked_add(jiff::SignedDuration::from_micros(time.0)).ok()
}

/// The date or time in digits at the start of tokens: how many tokens it takes.
pub(super) fn numeric(text: &str, tokens: &[Token]) -> Option<(usize, Moment)> {
    day(text, tokens).or_else(|| time(text, tokens))
}

/// `04/04/06`, `2101-5-12`, `12-15-08`.
fn day(text: &str, tokens: &[Token]) -> Option<(usize, Moment)> {
    let [first, mark, second, other, third, ..] = tokens else { return None };
    let is_mark = |token: &Token| {
        token.before == Gap::None && (token.is(text, '/') || token.is(text, '-')) && mark.key == token.key
    };
    let glued = |token: &Token| token.before == Gap::None && token.kind == TokenKind::Number;
    if !(is_mark(mark) && is_mark(other) && glued(second) && glued(third)) {
        return None;
    }
    if let Some(next) = tokens.get(5)
        && next.before == Gap::None
        && (next.is(text, '/') || next.is_wordlike())
    {
        return None;
    }
    let parts = [first, second, third].map(|token| token.span.of(text));
    let [first, second, third] = parts.map(|part| part.parse::<i16>().ok());
    let (first, second, third) = (first?, second?, third?);
    let (year, month, day) = match parts.map(str::len) {
        [4, ..] => (first, second, third),
        [_, _, 4] => (third, first, second),
        [1..=2, 1..=2, 2] => (century(third), first, second),
        _ => return None,
    };
    let moment = Moment::month_day(f64::from(month), f64::from(day))?;
    Some((5, Moment { year: Some(year), ..moment }))
}

/// The year of two digits.
fn century(year: i16) -> i16 {
    if year >= 50 { 1900 + year } else { 2000 + year }
}

/// `14:30`.
fn time(text: &str, tokens: &[Token]) -> Option<(usize, Moment)> {
    let [hour, colon, minute, ..] = tokens else { return None };
    let glued = colon.before == Gap::None && minute.before == Gap::None;
    if !glued || !colon.is(text, ':') || minute.span.len() != 2 || hour.span.len() > 2 {
        return None;
    }
    let hour: i8 = hour.span.of(text).parse().ok()?;
    let minute: i8 = minute.span.of(text).parse().ok()?;
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute);
    valid.then_some((3, Moment { time: Some((hour, minute)), ..Moment::default() }))
}

/// `August 25, 2010`, `Aug 25`: a date at the start of tokens, of which the name of the month takes `used`.
pub(super) fn named(tables: &Tables, text: &str, tokens: &[Token], used: usize, month: u16) -> Option<(usize, Moment)> {
    let month: f64 = tables.values.get(usize::from(month))?.parse().ok()?;
    let number = |index: usize| {
        let token = tokens.get(index).filter(|token| token.kind == TokenKind::Number)?;
        token.span.of(text).parse::<i16>().ok()
    };
    let point = usize::from(tokens.get(used).is_some_and(|token| token.is(text, '.')));
    let at = used + point;
    let first = number(at)?;
    if first >= 1900 {
        return None;
    }
    let moment = Moment::month_day(month, f64::from(first))?;
    let comma = usize::from(tokens.get(at + 1).is_some_and(|token| token.is(text, ',')));
    let year = number(at + 1 + comma).filter(|year| (1900..2200).contains(year));
    let used = if year.is_some() { at + 2 + comma } else { at + 1 };
    Some((used, Moment { year, ..moment }))
}
