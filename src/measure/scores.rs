//! Scores (`7/10`, `GCS 14`, `E4V5M6`) and results in words (`trace protein`, `negative for nitrite`).

use super::lex::ItemKind;
use super::read::{Followed, Found, Link, Reader, Value};
use super::tables::{Reads, Role};
use crate::measurement::Trend;

/// Most items between a score and the word for pain before it, and after it.
const PAIN_WITHIN: (usize, usize) = (16, 5);

impl Reader<'_> {
    /// A score at an item, with or without what it is out of.
    pub fn score(&self, kind: u16, at: usize, most: u8) -> Option<Value> {
        let value = self.value(kind, at, None, Followed::InGroup)?;
        let parted = self.is(value.next, '/') || self.has(value.next, Role::OutOf);
        if !parted {
            return Some(value);
        }
        let whole = self.number(value.next + 1) == Some(f64::from(most));
        let next = value.next + 2;
        whole.then(|| Value { next, span: self.span(at, next - 1), ..value })
    }

    /// A rating of pain out of ten, with the word for pain somewhere near; or the parts of the coma scale.
    pub fn rated(&mut self, at: usize) -> Option<usize> {
        if let Some(next) = self.coma_parts(at) {
            return Some(next);
        }
        let kind = self.tables.known.pain?;
        let first = self.value(kind, at, None, Followed::InGroup)?;
        let ranged = self.is(first.next, '-') || self.has(first.next, Role::Then);
        let second = if ranged { self.value(kind, first.next + 1, None, Followed::InGroup) } else { None };
        let last = second.unwrap_or(first);
        let over = self.is(last.next, '/') || self.has(last.next, Role::OutOf);
        // `7 on a scale of 1-10`.
        let least = self.number(last.next + 1).is_some_and(|least| least <= 1.0);
        let scale = 2 * usize::from(least && (self.is(last.next + 2, '-') || self.has(last.next + 2, Role::Then)));
        if !over || self.number(last.next + 1 + scale) != Some(10.0) || self.is(last.next + 2 + scale, '/') {
            return None;
        }
        let next = last.next + 2 + scale;
        let back = (at.saturating_sub(PAIN_WITHIN.0)..at).rev().take_while(|&index| !self.is(index, ';'));
        let ahead = (next..next + PAIN_WITHIN.1).take_while(|&index| !self.is(index, '.') && !self.is(index, ';'));
        let pain = back.chain(ahead).find(|&index| self.has(index, Role::Pain))?;
        let target = self.is_target(at, next);
        let link = Link { comparator: self.compared(at), ..Link::default() };
        let rule = self.rule_of(kind)?;
        let whole = Value { next, span: self.span(last.next - 1, next - 1), ..last };
        let statement = self.span(pain.min(at), pain.max(next - 1));
        if second.is_some() {
            let found = self.found_of(kind, rule, at, &link, &first);
            self.push(Found { target, trend: Some(Trend::Low), ..found }, first.next - 1);
        }
        let found = self.found_of(kind, rule, at, &link, &whole);
        let trend = second.map(|_| Trend::High);
        let statement = if second.is_some() { found.statement } else { statement };
        self.push(Found { target, trend, statement, ..found }, next - 1);
        Some(next)
    }

    /// The parts of the Glasgow coma scale, in its own notation: `E4V5M6`.
    fn coma_parts(&mut self, at: usize) -> Option<usize> {
        let letter = |index: Option<usize>, letter: &str| {
            index.is_some_and(|index| self.written(index).eq_ignore_ascii_case(letter))
        };
        if !letter(at.checked_sub(1), "E") {
            return None;
        }
        let mut total = self.number(at)?;
        let mut next = at + 1;
        for name in ["V", "M"] {
            next += usize::from(self.is(next, ',') || self.is(next, '-'));
            if !letter(Some(next), name) {
                return None;
            }
            total += self.number(next + 1)?;
            next += 2;
        }
        let kind = self.tables.known.coma?;
        let valid = self.kind(kind)?.is_reportable(total);
        let said = self.found.iter().any(|found| found.kind == kind);
        if !valid || said {
            return valid.then_some(next);
        }
        let span = self.span(at - 1, next - 1);
        let value = Value { value: total, stated: total, unit: None, span, next, decimals: 0 };
        let found = self.found_of(kind, self.rule_of(kind)?, at - 1, &Link::default(), &value);
        self.push(found, next - 1);
        Some(next)
    }

    /// The result in words, or in crosses, at an item: its last item.
    fn result_at(&self, at: usize) -> Option<usize> {
        if self.has(at, Role::Result) {
            return Some(at);
        }
        let crosses = self.number(at).is_some_and(|number| number.fract() == 0.0 && (1.0..=4.0).contains(&number));
        (crosses && self.is(at + 1, '+') && self.glued(at + 1)).then_some(at + 1)
    }

    /// Reads the result after a name.
    pub fn result_after(&mut self, name: usize, kind: u16, rule: u32) -> Option<usize> {
        let links = |at: usize| {
            self.is(at, ':')
                || self.is(at, '=')
                || self.is(at, '-')
                || self.is(at, '|')
                || self.has(at, Role::Link) && !self.is_name(at)
        };
        let at = (name + 1..name + 6).find(|&at| !links(at))?;
        let (last, measured) = match self.result_at(at) {
            Some(last) => (last, false),
            None => (at, self.number(at).is_some() && self.entry(at + 1).is_some_and(|entry| entry.unit.is_some())),
        };
        let last = if measured { last + 1 } else { self.result_at(at)? };
        // A word that goes with the next name: `nitrite positive` but `nitrite, trace protein`.
        self.push_result(name, at, last, kind, rule);
        Some(last + 1)
    }

    /// Reads the result at an item that stands before what it is of.
    pub fn result_before(&mut self, at: usize) -> Option<usize> {
        let last = self.result_at(at)?;
        let mut next = last + 1;
        let listed = self.has(next, Role::For);
        next += usize::from(listed);
        let mut read = false;
        loop {
            let named = self.names_after(next).into_iter().chain(self.names(next));
            let result = |kind: u16| self.kind(kind).is_some_and(|row| row.reads == Reads::Result);
            let Some((kind, rule, _)) = named.into_iter().find(|&(kind, _, weak)| result(kind) && !weak) else { break };
            let ahead =
                self.is(next + 1, ':') || !listed && self.result_at(next + 1).is_some() && !self.is(last + 1, ',');
            if ahead && !listed {
                break;
            }
            self.push_result(next, at, last, kind, rule);
            read = true;
            if let Some(used) = self.used.get_mut(next) {
                *used = true;
            }
            let mark = usize::from(self.is(next + 1, ',') || self.is(next + 1, '/'));
            let joined = mark + usize::from(self.has(next + 1 + mark, Role::And));
            if !listed || joined == 0 {
                next += 1;
                break;
            }
            next += 1 + joined;
        }
        read.then_some(next)
    }

    fn push_result(&mut self, name: usize, first: usize, last: usize, kind: u16, rule: u32) {
        let span = self.span(first, last);
        let statement = self.span(name.min(first), name.max(last));
        let found = Found {
            kind,
            rule,
            value: None,
            comparator: None,
            stated: None,
            unit: None,
            span,
            statement,
            trend: None,
            moment: None,
            site: None,
            side: None,
            method: None,
            weak: false,
            separated: false,
            target: self.is_target(name.min(first), last + 1),
            usual: false,
        };
        self.found.push(found);
        if let Some(used) =
            self.used.get_mut(first).filter(|_| matches!(self.items[first].kind, ItemKind::Number { .. }))
        {
            *used = true;
        }
    }
}
