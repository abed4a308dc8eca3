//! Values that stand before what they are of: `98% on room air`, `70 beats per minute`, `57% neutrophils`.

use super::lex::ItemKind;
use super::read::{Followed, Found, Link, Reader};
use super::tables::{Reads, Role};
use crate::measurement::{Comparator, Trend};

impl Reader<'_> {
    /// Reads the number at an item, which belongs to no name before it; gives the item after it.
    pub fn before(&mut self, at: usize) -> Option<usize> {
        self.layout(at)
            .or_else(|| self.rated(at))
            .or_else(|| self.result_before(at))
            .or_else(|| self.implied(at))
            .or_else(|| self.range_before_name(at))
            .or_else(|| self.before_name(at))
            .or_else(|| self.on_oxygen(at))
            .or_else(|| self.size(at))
    }

    /// A number whose unit says what it is.
    fn implied(&mut self, at: usize) -> Option<usize> {
        if let Some(next) = self.pressure(at) {
            return Some(next);
        }
        let ItemKind::Phrase(entry) = self.item(at + 1)?.kind else { return None };
        let glued_degrees = self.glued(at + 1);
        let (kind, rule) = match self.tables.implied.get(&entry) {
            Some(&implied) => implied,
            None if glued_degrees => self.degrees(at)?,
            None => return None,
        };
        self.push_before(at, kind, rule)
    }

    /// `36.5C`: a letter that touches a number of the range of temperatures.
    fn degrees(&self, at: usize) -> Option<(u16, u32)> {
        let kind = self.tables.known.temperature?;
        let value = self.value(kind, at, None, Followed::Alone)?;
        let row = self.kind(kind)?;
        (value.decimals > 0 && value.unit.is_some() && row.is_plausible(value.value))
            .then_some((kind, self.rule_of(kind)?))
    }

    /// `138/82 mmHg`.
    fn pressure(&mut self, at: usize) -> Option<usize> {
        let unit = self.entry(at + 3)?.unit?;
        if !self.is(at + 1, '/') || Some(unit) != self.tables.known.mercury {
            return None;
        }
        let (high, low) = (self.tables.known.systolic?, self.tables.known.diastolic?);
        let first = self.value(high, at, None, Followed::InGroup)?;
        let second = self.value(low, at + 2, None, Followed::Alone)?;
        let link = Link::default();
        for (kind, value) in [(high, first), (low, second)] {
            let found = self.found_of(kind, self.rule_of(kind)?, at, &link, &value);
            let target = self.is_target(at, second.next);
            self.push(Found { target, ..found }, value.next - 1);
        }
        Some(second.next)
    }

    /// Two numbers right before a name: `1 to 3 wbc's`.
    fn range_before_name(&mut self, at: usize) -> Option<usize> {
        let parted = self.is(at + 1, '-') && self.glued(at + 1) || self.has(at + 1, Role::Then);
        let name = if parted { at + 3 } else { return None };
        let (kind, rule, _) = self.names_after(name).into_iter().find(|&(_, _, weak)| !weak)?;
        let low = self.value(kind, at, None, Followed::InGroup)?;
        let high = self.value(kind, at + 2, None, Followed::Alone).filter(|high| high.value >= low.value)?;
        let target = self.is_target(at, name + 1);
        for (value, trend) in [(low, Trend::Low), (high, Trend::High)] {
            let found = self.found_of(kind, rule, at, &Link::default(), &value);
            self.push(Found { target, trend: Some(trend), ..found }, value.next - 1);
        }
        if let Some(used) = self.used.get_mut(name) {
            *used = true;
        }
        Some(name + 1)
    }

    /// A number right before a name that may follow its value.
    fn before_name(&mut self, at: usize) -> Option<usize> {
        // The name follows the number, or its unit.
        for name in [at + 1, at + 2] {
            for (kind, rule, weak) in self.names_after(name) {
                let row = self.kind(kind)?;
                let Some(value) =
                    (row.reads == Reads::Number).then(|| self.value(kind, at, None, Followed::Alone)).flatten()
                else {
                    continue;
                };
                let named = self.is_name(name) && (self.number(name + 1).is_some() || self.is(name + 1, ':'));
                if value.next != name || weak || named && value.unit.is_none() && !self.used_before(at) {
                    continue;
                }
                let link = Link { comparator: self.compared(at), ..Link::default() };
                let target = self.is_target(at, name + 1);
                let first = self.found.len();
                let found = self.found_of(kind, rule, at, &link, &value);
                let statement = self.span(at, name);
                self.push(Found { target, statement, ..found }, value.next - 1);
                if let Some(used) = self.used.get_mut(name) {
                    *used = true;
                }
                self.method_after(first, row, name);
                return Some(name + 1);
            }
        }
        None
    }

    /// Whether the words before a number are of no statement that would go on with it.
    fn used_before(&self, at: usize) -> bool {
        at == 0 || self.used.get(at - 1).copied().unwrap_or(false) || self.is(at - 1, ',') || self.is(at - 1, ';')
    }

    /// A percentage on room air or with oxygen.
    fn on_oxygen(&mut self, at: usize) -> Option<usize> {
        let kind = self.tables.known.saturation?;
        let value =
            self.value(kind, at, None, Followed::Alone).filter(|value| value.unit.is_some() || value.value >= 80.0)?;
        let links = |at: &usize| self.has(*at, Role::Link) && self.word(*at, Role::Oxygen).is_none();
        let link = (value.next..value.next + 2).take_while(links).count();
        let source = value.next + link;
        let word = self.word(source, Role::Oxygen);
        let plain =
            word.and_then(|word| self.tables.values.get(usize::from(word))).is_some_and(|word| word == "oxygen");
        let flow = self.number(source).is_some()
            && link > 0
            && self.entry(source + 1).and_then(|entry| entry.unit).is_some_and(|unit| {
                self.tables.known.oxygen_flow.and_then(|kind| self.kind(kind)).is_some_and(|kind| kind.accepts(unit))
            });
        let room_air = word.is_some() && (link > 0 || value.unit.is_some() || self.written(source).len() > 2) && !plain;
        if !(room_air || flow && value.unit.is_some()) {
            return None;
        }
        let first = self.found.len();
        let target = self.is_target(at, source);
        let found = self.found_of(kind, self.rule_of(kind)?, at, &Link::default(), &value);
        self.push(Found { target, ..found }, value.next - 1);
        let row = self.kind(kind)?;
        self.method_after(first, row, value.next);
        Some(value.next)
    }

    fn push_before(&mut self, at: usize, kind: u16, rule: u32) -> Option<usize> {
        let value = self.value(kind, at, None, Followed::Alone)?;
        let link = Link { comparator: self.compared(at), ..Link::default() };
        let target = self.is_target(at, value.next);
        let found = self.found_of(kind, rule, at, &link, &value);
        self.push(Found { target, ..found }, value.next - 1);
        Some(value.next)
    }

    /// The comparator before a number.
    pub fn compared(&self, at: usize) -> Option<Comparator> {
        let before = at.checked_sub(1)?;
        let words = [
            (Role::Less, Comparator::Less),
            (Role::Greater, Comparator::Greater),
            (Role::AtLeast, Comparator::AtLeast),
            (Role::AtMost, Comparator::AtMost),
            (Role::About, Comparator::About),
        ];
        let marks = [('<', Comparator::Less), ('>', Comparator::Greater), ('~', Comparator::About)];
        let word = words.into_iter().find(|(role, _)| self.has(before, *role)).map(|(_, comparator)| comparator);
        word.or_else(|| marks.into_iter().find(|(mark, _)| self.is(before, *mark)).map(|(_, comparator)| comparator))
    }

    /// The first row of a measurement's names.
    pub fn rule_of(&self, kind: u16) -> Option<u32> {
        self.tables.forms.iter().position(|form| form.kind == kind).map(|form| form as u32)
    }
}
