//! Statements: a name, what links it to its value, the value, and further values of the same statement.

use super::lex::ItemKind;
use super::read::{Followed, Found, Link, Reader, Value};
use super::tables::{Kind, Reads, Role};
use crate::measurement::{Comparator, Trend};
use crate::token::Gap;

/// Most items between a name and its value.
const MAX_LINK: usize = 16;
/// Most words of no meaning there, with a value whose unit is stated.
const MAX_UNKNOWN: usize = 2;
/// Most further values of a statement.
const MAX_FURTHER: usize = 12;

/// How a further value of a statement stands to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Later,
    Earlier,
    /// The upper end of a range.
    Upper,
    /// One of a list.
    Listed,
}

impl Reader<'_> {
    /// Reads the statement of the name at an item; gives the item after it.
    pub fn named(&mut self, at: usize) -> Option<usize> {
        let names = self.names(at);
        if let Some(next) = self.several(at) {
            return Some(next);
        }
        names.into_iter().find_map(|(kind, rule, weak)| {
            let row = self.kind(kind)?;
            match row.reads {
                Reads::Number | Reads::Score(_) => self.stated(at, at + 1, (kind, rule, weak)),
                Reads::Result => self.result_after(at, kind, rule),
                Reads::Size => None,
            }
        })
    }

    /// Names joined by slashes and commas, with as many numbers after them.
    fn several(&mut self, at: usize) -> Option<usize> {
        let mut named = Vec::new();
        let mut next = at;
        loop {
            let &(kind, rule, _) = self.names(next).first()?;
            named.push((kind, rule));
            let comma = usize::from(self.is(next + 1, ',') || self.is(next + 1, '/') || self.is(next + 1, '&'));
            let joined = comma + usize::from(self.has(next + 1 + comma, Role::And));
            if joined == 0 || !self.is_name(next + 1 + joined) {
                break;
            }
            next += 1 + joined;
        }
        if named.len() < 2 {
            return None;
        }
        let link = self.link(next + 1, self.kind(named.first()?.0)?)?;
        let values = self.sequence(&named.iter().map(|&(kind, _)| kind).collect::<Vec<u16>>(), link.at)?;
        let end = values.last()?.next;
        let target = link.target || self.is_target(at, end);
        for ((kind, rule), value) in named.into_iter().zip(values) {
            let found = Found { target, ..self.found_of(kind, rule, at, &link, &value) };
            self.push(found, value.next - 1);
        }
        Some(end)
    }

    /// Numbers one after another, of the given measurements.
    fn sequence(&self, kinds: &[u16], at: usize) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        let mut next = at;
        for (index, &kind) in kinds.iter().enumerate() {
            if index > 0 {
                let mark = usize::from(self.is(next, '/') || self.is(next, ','));
                let joined = mark + usize::from(self.has(next + mark, Role::And));
                next += if joined > 0 { joined } else { return None };
            }
            let followed = if index + 1 < kinds.len() { Followed::InGroup } else { Followed::Alone };
            let value = self.value(kind, next, None, followed)?;
            next = value.next;
            values.push(value);
        }
        Some(values)
    }

    /// Reads the value, and those that follow, of a name at `name` after which `start` comes.
    fn stated(&mut self, name: usize, start: usize, (kind, rule, weak): (u16, u32, bool)) -> Option<usize> {
        let row = self.kind(kind)?;
        let link = self.link(start, row)?;
        if let Some(next) = self.columns_of(name, link.at, kind, rule) {
            return Some(next);
        }
        let value = match row.reads {
            Reads::Score(most) => self.score(kind, link.at, most)?,
            _ => self.value(kind, link.at, link.unit, Followed::Alone)?,
        };
        if link.n_unknown > 0 && (value.unit.is_none() || link.n_unknown > MAX_UNKNOWN) {
            return None;
        }
        // A single letter needs a value as it is usually written.
        let weak = weak && value.decimals == 0 && value.unit.is_none();
        let target = link.target || self.is_target(name, value.next);
        let first = self.found.len();
        let found = Found { weak, target, ..self.found_of(kind, rule, name, &link, &value) };
        self.push(found, value.next - 1);
        let mut next = self.converted(row, &value);
        next = self.further(first, row, &link, next);
        self.method_after(first, row, next);
        if let Some(used) = self.used.get_mut(name) {
            *used = true;
        }
        Some(next)
    }

    /// The row of a value.
    pub fn found_of(&self, kind: u16, rule: u32, first: usize, link: &Link, value: &Value) -> Found {
        Found {
            kind,
            rule,
            value: Some(value.value),
            comparator: link.comparator,
            stated: Some(value.stated),
            unit: value.unit,
            span: value.span,
            statement: self.span(first, first).cover(value.span),
            trend: None,
            moment: link.moment,
            site: link.site,
            side: link.side,
            method: link.method,
            weak: false,
            separated: link.separated,
            target: link.target,
            usual: false,
        }
    }

    /// Adds a value, whose numbers then belong to no other one.
    pub fn push(&mut self, found: Found, last: usize) {
        let inside = |span: crate::Span| span.start() >= found.span.start();
        for index in (0..=last).rev().take_while(|&index| self.items.get(index).is_some_and(|item| inside(item.span))) {
            if let Some(used) = self.used.get_mut(index) {
                *used = true;
            }
        }
        let usual = found.usual || self.is_usual(&found, last);
        self.found.push(Found { usual, ..found });
    }

    /// What stands from `start` to the number of a measurement.
    pub fn link(&self, start: usize, row: &Kind) -> Option<Link> {
        let mut link = Link::default();
        let mut at = start;
        while at < start + MAX_LINK {
            let item = self.item(at)?;
            if item.before == Gap::Blank && !(at > 0 && self.is(at - 1, ':')) {
                return None;
            }
            if let Some((moment, next)) = self.moment(at)
                && self.item(next).is_some()
            {
                link.moment = Some(link.moment.unwrap_or_default().with(moment));
                at = next;
                continue;
            }
            match item.kind {
                ItemKind::Number { .. } => {
                    link.at = at;
                    return (link.n_unknown <= MAX_UNKNOWN).then_some(link);
                }
                ItemKind::Mark(mark) => at = self.link_mark(at, mark, row, &mut link)?,
                ItemKind::Phrase(_) => at = self.link_phrase(at, row, &mut link)?,
                ItemKind::Other => {
                    link.n_unknown += 1;
                    at += 1;
                }
                ItemKind::Moment(_) | ItemKind::Mask => return None,
            }
        }
        None
    }

    /// The item after a mark between name and value.
    fn link_mark(&self, at: usize, mark: char, row: &Kind, link: &mut Link) -> Option<usize> {
        let equals = usize::from(self.is(at + 1, '='));
        match mark {
            ':' | '=' => link.separated = true,
            '-' => link.separated |= !self.glued(at) || !self.glued(at + 1),
            '|' | '*' | '\t' => {}
            '.' if self.glued(at) => {}
            '~' | '\u{2248}' => link.comparator = Some(Comparator::About),
            '<' => {
                link.comparator = Some(if equals > 0 { Comparator::AtMost } else { Comparator::Less });
                return Some(at + 1 + equals);
            }
            '>' => {
                link.comparator = Some(if equals > 0 { Comparator::AtLeast } else { Comparator::Greater });
                return Some(at + 1 + equals);
            }
            '\u{2264}' => link.comparator = Some(Comparator::AtMost),
            '\u{2265}' => link.comparator = Some(Comparator::AtLeast),
            '(' | '[' => return self.link_bracket(at, row, link),
            '/' | '\\' if self.number(at + 1).is_none() && !self.is_name(at + 1) => return None,
            _ => return None,
        }
        Some(at + 1)
    }

    /// The item after a bracket between name and value: a unit, a range, another name, or the value itself.
    fn link_bracket(&self, open: usize, row: &Kind, link: &mut Link) -> Option<usize> {
        let close = (open + 1..open + 10).find(|&at| self.is(at, ')') || self.is(at, ']'))?;
        let unit = self.entry(open + 1).and_then(|entry| entry.unit).filter(|&unit| row.accepts(unit));
        if unit.is_some() && close == open + 2 {
            link.unit = unit;
            return Some(close + 1);
        }
        let is_range = self.number(open + 1).is_some() && (open + 2..close).any(|at| self.number(at).is_some());
        if self.number(open + 1).is_some() && !is_range {
            return Some(open + 1);
        }
        Some(close + 1)
    }

    /// The item after a phrase between name and value.
    fn link_phrase(&self, at: usize, row: &Kind, link: &mut Link) -> Option<usize> {
        let entry = self.entry(at)?;
        if entry.has(Role::Not) || entry.has(Role::OtherSpecimen) || entry.has(Role::Pain) && row.reads == Reads::Number
        {
            return None;
        }
        if let Some(unit) = entry.unit
            && row.accepts(unit)
            && !self.is_name(at)
            && (self.number(at + 1).is_some() || self.is(at + 1, ':'))
        {
            link.unit = Some(unit);
            return Some(at + 1);
        }
        let method = row.methods.filter(|&role| entry.has(role));
        let linking = [Role::Link, Role::When, Role::Flag, Role::Side, Role::Site, Role::Then, Role::Blood];
        let comparator = [
            (Role::Less, Comparator::Less),
            (Role::Greater, Comparator::Greater),
            (Role::AtLeast, Comparator::AtLeast),
            (Role::AtMost, Comparator::AtMost),
            (Role::About, Comparator::About),
        ];
        let compared = comparator.into_iter().find(|(role, _)| entry.has(*role)).map(|(_, comparator)| comparator);
        if let Some(role) = method {
            link.method = entry.value(role);
        } else if compared.is_some() {
            link.comparator = compared;
        } else if entry.has(Role::Between) {
            link.pair = Some((Trend::Low, Trend::High));
        } else if entry.has(Role::From) {
            link.pair = Some((Trend::From, Trend::To));
        } else if entry.has(Role::Target) || entry.has(Role::TargetAfter) {
            link.target = true;
        } else if !linking.into_iter().any(|role| entry.has(role)) {
            return None;
        } else if self.is_name(at) {
            // A name that is also a linking word is a name where a value follows it.
            return None;
        }
        link.side = link.side.or(entry.value(Role::Side));
        link.site = link.site.or(entry.value(Role::Site));
        Some(at + 1)
    }

    /// The item after a value that is stated again in another unit: `75 kg (165 lb)`.
    fn converted(&self, row: &Kind, value: &Value) -> usize {
        let bracket = self.is(value.next, '(') || self.is(value.next, '[') || self.is(value.next, '/');
        let again = || {
            let stated = self.number(value.next + 1)?;
            let unit = self.entry(value.next + 2)?.unit?;
            let same = row.convert(stated, unit)?;
            ((same - value.value).abs() <= 0.03 * value.value.abs().max(0.01)).then_some(value.next + 3)
        };
        let end = if bracket { again() } else { None };
        end.map_or(value.next, |end| end + usize::from(self.is(end, ')') || self.is(end, ']')))
    }

    /// Reads the further values of the statement that began with `found[first]`; gives the item after them.
    fn further(&mut self, first: usize, row: &Kind, link: &Link, next: usize) -> usize {
        let Some(start) = self.found.get(first).copied() else { return next };
        let mut next = next;
        let mut relations = Vec::new();
        if let Some((moment, after)) = self.moment(next) {
            self.set_moment(first, moment);
            next = after;
        }
        while relations.len() < MAX_FURTHER {
            let Some((relation, value, comparator, moment)) = self.one_further(&start, link, next) else { break };
            let index = self.found.len();
            let target = start.target || self.is_target(next, value.next);
            let statement = value.span;
            let stated = Found {
                value: Some(value.value),
                stated: Some(value.stated),
                unit: value.unit,
                span: value.span,
                statement,
                comparator,
                moment,
                target,
                usual: start.usual && relation == Relation::Upper,
                ..start
            };
            self.push(stated, value.next - 1);
            relations.push(relation);
            next = self.converted(row, &value);
            if let Some((moment, after)) = self.moment(next) {
                self.set_moment(index, moment);
                next = after;
            }
            next += usize::from(self.is(next, ')') && relation == Relation::Earlier);
        }
        let found = self.found.get_mut(first..).unwrap_or(&mut []);
        relate(found, &relations, link.pair);
        next
    }

    fn set_moment(&mut self, index: usize, moment: super::moment::Moment) {
        if let Some(found) = self.found.get_mut(index) {
            found.moment = Some(found.moment.unwrap_or_default().with(moment));
        }
    }

    /// A further value after `next`.
    fn one_further(
        &self,
        start: &Found,
        link: &Link,
        next: usize,
    ) -> Option<(Relation, Value, Option<Comparator>, Option<super::moment::Moment>)> {
        let mut at = next;
        let comma = self.is(at, ',') || self.is(at, ';');
        let bracket = self.is(at, '(') || self.is(at, '[');
        at += usize::from(comma || bracket);
        let (relation, mut at) = self.relation(at, link, bracket, comma)?;
        let mut comparator = None;
        let mut moment = None;
        for _ in 0..5 {
            if let Some((stated, after)) = self.moment(at) {
                moment = Some(stated);
                at = after;
            } else if self.is(at, '~') || self.is(at, '<') {
                comparator = Some(if self.is(at, '<') { Comparator::Less } else { Comparator::About });
                at += 1;
            } else if self.has(at, Role::About) {
                comparator = Some(Comparator::About);
                at += 1;
            } else if self.has(at, Role::Greater) || self.is(at, '>') {
                comparator = Some(Comparator::Greater);
                at += 1;
            } else if self.has(at, Role::Link) && !self.is_name(at) || self.is(at, ':') {
                at += 1;
            } else {
                break;
            }
        }
        let value = self.value(start.kind, at, None, Followed::Alone).or_else(|| {
            // `1.2 to 3.4 mg/dL` states the unit once, and so does `3.4 mg/dL, up from 1.2`.
            self.value(start.kind, at, start.unit, Followed::Alone)
        })?;
        // A number that another name follows belongs to that.
        if !self.names_after(value.next).is_empty() && relation != Relation::Upper {
            return None;
        }
        let listed = relation != Relation::Listed || self.moment(value.next).is_some() || moment.is_some();
        let rises = link.pair == Some((Trend::From, Trend::To)) || Some(value.value) >= start.value;
        (listed && (relation != Relation::Upper || rises)).then_some((relation, value, comparator, moment))
    }

    /// How the value after an item stands to the one before it, and the item after what says so.
    fn relation(&self, at: usize, link: &Link, bracket: bool, comma: bool) -> Option<(Relation, usize)> {
        if let Some(after) = self.arrow(at) {
            return Some((Relation::Later, after));
        }
        if self.is(at, '-') && !bracket && !comma {
            return Some((Relation::Upper, at + 1));
        }
        if link.pair.is_some() && (self.has(at, Role::Then) || self.has(at, Role::And)) && !bracket {
            return Some((Relation::Upper, at + 1));
        }
        if self.has(at, Role::Earlier) {
            return Some((Relation::Earlier, at + 1));
        }
        // `(2.1 baseline)`, `(12.4 on 1/31)`.
        if bracket && self.number(at).is_some() && (self.has(at + 1, Role::Usual) || self.moment(at + 1).is_some()) {
            return Some((Relation::Earlier, at));
        }
        if self.has(at, Role::Then) {
            let to = self.has(at, Role::To) && !comma;
            return Some((if to && link.pair.is_none() { Relation::Upper } else { Relation::Later }, at + 1));
        }
        if self.has(at, Role::And) && (self.has(at + 1, Role::Then) || self.has(at + 1, Role::Earlier)) {
            let relation = if self.has(at + 1, Role::Then) { Relation::Later } else { Relation::Earlier };
            return Some((relation, at + 2));
        }
        let and = usize::from(self.has(at, Role::And));
        ((comma || and > 0) && !bracket).then_some((Relation::Listed, at + and))
    }

    /// The item after an arrow: `->`, `-->`, `=>`, `→`, or `>` between two numbers.
    fn arrow(&self, at: usize) -> Option<usize> {
        if self.is(at, '\u{2192}') {
            return Some(at + 1);
        }
        let shaft = (at..at + 3).take_while(|&index| self.is(index, '-') || self.is(index, '=')).count();
        let head = at + shaft;
        if !self.is(head, '>') {
            return None;
        }
        let heads = (head..head + 3).take_while(|&index| self.is(index, '>')).count();
        Some(head + heads)
    }

    /// Gives the values from `first` on the method that is said after them.
    pub fn method_after(&mut self, first: usize, row: &Kind, next: usize) {
        let Some(role) = row.methods else { return };
        let mut method = None;
        for at in next..next + 6 {
            let Some(item) = self.item(at) else { break };
            if let Some(word) = self.word(at, role) {
                method = Some(word);
                break;
            }
            let passes = match item.kind {
                ItemKind::Mark(mark) => mark == '(' || mark == ',' && at == next && role != Role::Oxygen,
                ItemKind::Number { .. } => role == Role::Oxygen,
                ItemKind::Phrase(_) => {
                    self.has(at, Role::Link)
                        || role == Role::Oxygen && self.entry(at).is_some_and(|entry| entry.unit.is_some())
                }
                _ => false,
            };
            if !passes {
                break;
            }
        }
        for found in self.found.get_mut(first..).unwrap_or(&mut []) {
            found.method = found.method.or(method);
        }
    }
}

/// Says of each value of a statement how it stands to the others.
fn relate(found: &mut [Found], relations: &[Relation], pair: Option<(Trend, Trend)>) {
    let Some((first, further)) = found.split_first_mut() else { return };
    match relations {
        [] => {}
        [Relation::Upper, ..] => {
            let rising = pair.is_none_or(|pair| pair == (Trend::Low, Trend::High));
            let (low, high) = if rising { (Trend::Low, Trend::High) } else { (Trend::From, Trend::To) };
            first.trend = Some(low);
            if let Some(upper) = further.first_mut() {
                upper.trend = Some(high);
            }
        }
        [Relation::Earlier, ..] => {
            first.trend = Some(Trend::To);
            for (found, relation) in further.iter_mut().zip(relations) {
                found.trend = (*relation == Relation::Earlier).then_some(Trend::From);
            }
        }
        [Relation::Later, ..] => {
            first.trend = Some(Trend::From);
            if let Some(last) = further.last_mut() {
                last.trend = Some(Trend::To);
            }
        }
        [Relation::Listed, ..] => {}
    }
}
