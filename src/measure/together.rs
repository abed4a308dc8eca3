//! Values stated together: a name of several (`BP 138/82`), layouts that are known by their marks (fishbones), and the
//! columns of a table.

use super::lex::ItemKind;
use super::read::{Followed, Found, Link, Reader, Value};
use super::tables::{Group, Role};
use crate::measurement::Trend;
use crate::token::Gap;

/// Most items between two pairs of one statement.
const MAX_BETWEEN: usize = 7;

/// One value, or the two ends of a range.
type Ends = (Value, Option<Value>);

impl Reader<'_> {
    /// Reads the numbers after a name of several measurements; gives the item after them.
    pub fn group(&mut self, at: usize) -> Option<usize> {
        let groups = &self.entry(at)?.groups;
        groups.iter().find_map(|&group| self.group_as(at, self.tables.groups.get(usize::from(group))?))
    }

    fn group_as(&mut self, name: usize, group: &Group) -> Option<usize> {
        let link = self.link(name + 1, self.kind(*group.kinds.first()?)?)?;
        let mark = *group.layout.first()?;
        let values = self.together(group, mark, link.at)?;
        if link.n_unknown > 0 && group.kinds.len() > 2 {
            return None;
        }
        let mut next = self.push_group(name, group, &link, &values)?;
        // Further pairs of the same name: `160/80, by me 140/78`.
        while group.kinds.len() == 2 && mark == '/' {
            let Some((again, further)) = self.further_pair(group, mark, next) else { break };
            let Some(end) = self.push_group(again.at, group, &again, &further) else { break };
            next = end;
        }
        Some(next)
    }

    /// The numbers of a group that begin at an item.
    fn together(&self, group: &Group, mark: char, at: usize) -> Option<Vec<Ends>> {
        let mut values = Vec::new();
        let mut next = at;
        for (index, &kind) in group.kinds.iter().enumerate() {
            if index > 0 {
                next = self.between(mark, next)?;
            }
            let followed = if index + 1 < group.kinds.len() { Followed::InGroup } else { Followed::Alone };
            let value = self.value(kind, next, None, followed)?;
            next = value.next;
            let is_range = self.is(next, '-') && self.glued(next) && mark == '/' && group.kinds.len() == 2;
            let upper = if is_range { self.value(kind, next + 1, None, followed) } else { None };
            next = upper.map_or(next, |upper| upper.next);
            values.push((value, upper));
        }
        Some(self.turned(group, mark, at, &values).unwrap_or(values))
    }

    /// The item after what parts two numbers of a group.
    fn between(&self, mark: char, at: usize) -> Option<usize> {
        let found = match mark {
            '&' => self.has(at, Role::And) || self.is(at, ','),
            '/' => self.is(at, '/') || self.is(at, '\\') || self.has(at, Role::OutOf),
            mark => self.is(at, mark),
        };
        found.then_some(at + 1)
    }

    /// The numbers of a pair, the other way round where only that makes sense: `H&H 33.3/10.9`.
    fn turned(&self, group: &Group, mark: char, at: usize, straight: &[Ends]) -> Option<Vec<Ends>> {
        let ([first, second], [(left, None), (right, None)]) = (group.kinds.as_slice(), straight) else { return None };
        let fits = |kind: u16, value: &Value| {
            let row = self.kind(kind)?;
            let usual = value.unit.is_some() || row.bare_unit(value.stated) == row.bare.first().map(|&(.., unit)| unit);
            Some(usual && row.is_plausible(value.value))
        };
        if fits(*first, left)? && fits(*second, right)? {
            return None;
        }
        let left = self.value(*second, at, None, Followed::InGroup)?;
        let right = self.value(*first, self.between(mark, left.next)?, None, Followed::Alone)?;
        (fits(*second, &left)? && fits(*first, &right)?).then(|| vec![(right, None), (left, None)])
    }

    fn push_group(&mut self, name: usize, group: &Group, link: &Link, values: &[Ends]) -> Option<usize> {
        let end = values.iter().flat_map(|(value, upper)| [Some(value.next), upper.map(|upper| upper.next)]);
        let end = end.flatten().max()?;
        let target = link.target || self.is_target(name, end);
        let method = self.kind(*group.kinds.first()?).and_then(|kind| kind.methods);
        let method = link.method.or_else(|| self.word(end, method?));
        let moment = self.moment(end);
        for (&kind, &(value, upper)) in group.kinds.iter().zip(values) {
            let trends = upper.map(|_| (Trend::Low, Trend::High));
            let ends = [Some((value, trends.map(|trends| trends.0))), upper.map(|upper| (upper, Some(Trend::High)))];
            for (value, trend) in ends.into_iter().flatten() {
                let found = Found {
                    trend,
                    target,
                    method,
                    moment: moment.map(|(moment, _)| moment).or(link.moment),
                    ..self.found_of(kind, group.rule, name, link, &value)
                };
                self.push(found, value.next - 1);
            }
        }
        Some(moment.map_or(end, |(_, next)| next))
    }

    /// Another pair after an item, with only linking words between.
    fn further_pair(&self, group: &Group, mark: char, at: usize) -> Option<(Link, Vec<Ends>)> {
        let row = self.kind(*group.kinds.first()?)?;
        let joins = |at: usize| {
            [',', ';', '(', ')'].into_iter().any(|mark| self.is(at, mark))
                || self.has(at, Role::And)
                || self.has(at, Role::Posture)
        };
        let arrow = |at: usize| self.is(at, '-') || self.is(at, '>') || self.is(at, '\u{2192}');
        let start = (at..at + MAX_BETWEEN).find(|&at| !joins(at) && !arrow(at) && !self.has(at, Role::Then))?;
        let link = self.link(start, row).filter(|link| link.n_unknown == 0 && link.at <= at + MAX_BETWEEN)?;
        let values = self.together(group, mark, link.at)?;
        Some((link, values))
    }

    /// Reads a layout that needs no name: `7.2>12.1/36.3<268`.
    pub fn layout(&mut self, at: usize) -> Option<usize> {
        let marked = matches!(self.item(at + 1)?.kind, ItemKind::Mark('>' | '/' | '|' | '\\'));
        if !marked || self.item(at + 3).is_none() {
            return None;
        }
        self.tables.layouts.iter().find_map(|&index| {
            let group = self.tables.groups.get(usize::from(index))?;
            let mut values = Vec::new();
            let mut next = at;
            for (place, &kind) in group.kinds.iter().enumerate() {
                if let Some(mark) = place.checked_sub(1).and_then(|place| group.layout.get(place)) {
                    next = self.is(next, *mark).then_some(next + 1)?;
                }
                let followed = if place + 1 < group.kinds.len() { Followed::InGroup } else { Followed::Alone };
                let value = self.value(kind, next, None, followed)?;
                next = value.next;
                values.push((value, None));
            }
            self.push_group(at, group, &Link::default(), &values)
        })
    }

    /// Reads a row of a table whose columns have dates: as many numbers after the name as there are columns.
    pub fn columns_of(&mut self, name: usize, at: usize, kind: u16, rule: u32) -> Option<usize> {
        let columns = self.columns;
        if columns.len() < 2 {
            return None;
        }
        let mut values = Vec::new();
        let mut next = at;
        while values.len() < columns.len() {
            let mark = usize::from(!values.is_empty() && (self.is(next, '|') || self.has(next, Role::Flag)));
            next += mark;
            let in_row = self.item(next).is_some_and(|item| item.before < Gap::Line);
            let value = self.value(kind, next, None, Followed::Alone).filter(|_| in_row || values.is_empty());
            let Some(value) = value else { break };
            next = value.next;
            values.push(value);
        }
        if values.len() != columns.len() {
            return None;
        }
        let link = Link::default();
        for (value, &moment) in values.iter().zip(columns) {
            let found = Found { moment: Some(moment), ..self.found_of(kind, rule, name, &link, value) };
            self.push(found, value.next - 1);
        }
        Some(next)
    }
}
