//! Sizes of nodules and other lesions: one to three lengths beside the word for what has them.
//!
//! The value is the longest of the lengths. Where what is measured was named in the sentence before, a word such as `it`
//! has to stand for it.

use super::lex::ItemKind;
use super::read::{Found, Link, Reader, Value};
use super::tables::Role;
use crate::measurement::Trend;

/// Most items from the lengths to the word for what has them, after them and before them.
const AHEAD: usize = 8;
const BEHIND: usize = 26;
/// Before them, without a word that tells of a size.
const NEAR: usize = 7;

impl Reader<'_> {
    /// Reads the size that begins at an item; gives the item after it.
    pub fn size(&mut self, at: usize) -> Option<usize> {
        // Units of nodules are those of lesions, so either measures.
        let any = self.tables.known.size?;
        if at > 0 && self.is(at - 1, '/') && self.glued(at) {
            return None;
        }
        if let Some((low, high)) = self.length_range(any, at) {
            return self.size_of(at, low, Some(high));
        }
        let lengths = self.lengths(any, at)?;
        self.size_of(at, lengths, None)
    }

    /// Finds out what has the lengths, and adds them.
    fn size_of(&mut self, at: usize, lengths: Value, upper: Option<Value>) -> Option<usize> {
        let next = upper.map_or(lengths.next, |upper| upper.next);
        let before = at.checked_sub(1);
        let near = |role: Role| before.is_some_and(|before| self.has(before, role));
        let measured = near(Role::Measure)
            || self.has(next, Role::Measure)
            || self.compared(at).is_some() && at >= 2 && self.has(at - 2, Role::Measure);
        let joined = before.is_some_and(|before| [',', '(', ':', '-'].into_iter().any(|mark| self.is(before, mark)))
            || near(Role::Head)
            || near(Role::And)
            || near(Role::Link) && !near(Role::When)
            || self.compared(at).is_some();
        let away = self.has(next, Role::Away) || (at.saturating_sub(2)..at).any(|before| self.has(before, Role::Away));
        let (kind, place) = if away {
            None
        } else {
            let behind = || if measured || joined { self.head_behind(at, measured) } else { None };
            self.head_ahead(next).or_else(behind).or_else(|| self.head_said(at, measured))
        }?;
        let link = Link { comparator: self.compared(at), ..Link::default() };
        let target = self.is_target(at, next);
        let rule = self.rule_of_kind(kind);
        let near = place.unwrap_or(at);
        let found = Found {
            site: self.nearest(near, at, Role::Site),
            side: self.nearest(near, at, Role::Side),
            statement: self.span(near.min(at), next.max(near + 1) - 1),
            target,
            ..self.found_of(kind, rule, at, &link, &lengths)
        };
        let trend = upper.map(|_| Trend::Low);
        self.push(Found { trend, ..found }, lengths.next - 1);
        if let Some(upper) = upper {
            let ends = Found {
                value: Some(upper.value),
                stated: Some(upper.stated),
                span: upper.span,
                trend: Some(Trend::High),
                ..found
            };
            self.push(ends, upper.next - 1);
        }
        self.head = Some(kind);
        Some(next)
    }

    /// Two lengths of which the second has the unit: `1-2 cm`, `1 to 1.2 cm`.
    fn length_range(&self, kind: u16, at: usize) -> Option<(Value, Value)> {
        let row = self.kind(kind)?;
        let ItemKind::Number { value: stated, decimals } = self.item(at)?.kind else { return None };
        let parted = self.is(at + 1, '-') && self.number(at + 2).is_some() || self.has(at + 1, Role::Then);
        let high = if parted { self.lengths(kind, at + 2)? } else { return None };
        let value = row.convert(stated, high.unit?)?;
        let low = Value { value, stated, span: self.span(at, at), next: at + 1, decimals, ..high };
        (value <= high.value && row.is_reportable(value)).then_some((low, high))
    }

    /// One to three lengths, of which the last has a unit; their longest.
    fn lengths(&self, kind: u16, at: usize) -> Option<Value> {
        let row = self.kind(kind)?;
        let mut longest: f64 = 0.0;
        let mut unit = None;
        let mut decimals = 0;
        let mut numbers = Vec::new();
        let mut next = at;
        loop {
            let ItemKind::Number { value, decimals: stated } = self.item(next)?.kind else { return None };
            if self.used.get(next).copied().unwrap_or(true) {
                return None;
            }
            numbers.push(value);
            decimals = decimals.max(stated);
            next += 1;
            let hyphen = usize::from(self.is(next, '-') && self.glued(next) && self.glued(next + 1));
            if let Some(own) = self.entry(next + hyphen).and_then(|entry| entry.unit) {
                if !row.accepts(own) {
                    return None;
                }
                unit = Some(own);
                next += 1 + hyphen;
            }
            if numbers.len() == 3 || !self.has(next, Role::Times) || self.number(next + 1).is_none() {
                break;
            }
            next += 1;
        }
        for number in &numbers {
            longest = longest.max(*number);
        }
        let value = row.convert(longest, unit?).filter(|&value| row.is_reportable(value))?;
        let span = self.span(at, next - 1);
        Some(Value { value, stated: longest, unit, span, next, decimals })
    }

    /// What the words right after the lengths say has them: `5 mm calcified granulomas`.
    fn head_ahead(&self, next: usize) -> Option<(u16, Option<usize>)> {
        for at in next..next + AHEAD {
            if let Some(kind) = self.head_at(at) {
                return Some((kind, Some(at)));
            }
            let item = self.item(at)?;
            let passes = match item.kind {
                ItemKind::Mark(mark) => mark == ',' || mark == '-' || mark == '/',
                ItemKind::Other => true,
                ItemKind::Phrase(_) => {
                    self.has(at, Role::Site)
                        || self.has(at, Role::Side)
                        || self.has(at, Role::Flag)
                        || self.has(at, Role::Thermometer)
                }
                _ => false,
            };
            if !passes {
                return None;
            }
        }
        None
    }

    /// What the words before the lengths say has them: `a mass in the left kidney measuring 5 cm`.
    fn head_behind(&self, at: usize, measured: bool) -> Option<(u16, Option<usize>)> {
        let reach = if measured { BEHIND } else { NEAR };
        for before in (at.saturating_sub(reach)..at).rev() {
            if let Some(kind) = self.head_at(before) {
                return Some((kind, Some(before)));
            }
            let stops = self.is(before, ';') || self.is(before, '.') && !self.glued(before + 1);
            if stops || !measured && self.has(before, Role::Away) {
                return None;
            }
        }
        None
    }

    /// What the sentence before named, where this one stands for it: `It measures 5 cm`.
    fn head_said(&self, at: usize, measured: bool) -> Option<(u16, Option<usize>)> {
        let stands =
            (0..at.min(4)).any(|index| self.has(index, Role::It)) && !(0..at).any(|index| self.has(index, Role::Away));
        (measured && stands).then_some((self.head?, None))
    }

    /// The measurement that the word at an item has a size of.
    fn head_at(&self, at: usize) -> Option<u16> {
        let word = self.word(at, Role::Head)?;
        self.tables.kind_named(self.tables.values.get(usize::from(word))?)
    }

    /// Keeps what a sentence names last for the one after it.
    pub fn last_head(&self) -> Option<u16> {
        (0..self.items.len()).rev().find_map(|at| self.head_at(at)).or(self.head)
    }

    /// The word of a role nearest to an item, within the items around the lengths.
    fn nearest(&self, head: usize, at: usize, role: Role) -> Option<u16> {
        let range = head.min(at).saturating_sub(8)..(head.max(at) + 10).min(self.items.len());
        let words = range.filter_map(|index| Some((index.abs_diff(head), self.word(index, role)?)));
        words.min_by_key(|&(distance, _)| distance).map(|(_, word)| word)
    }

    fn rule_of_kind(&self, kind: u16) -> u32 {
        let name = self.kind(kind).map_or("", |kind| kind.name.as_str());
        let rule = self.tables.rules.iter().position(|rule| rule.strip_suffix(":length") == Some(name));
        rule.unwrap_or(0) as u32
    }
}
