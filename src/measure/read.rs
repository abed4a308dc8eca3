//! Reading one sentence: the state that the readers of statements, layouts, scores and sizes share.

use super::lex::{Item, ItemKind};
use super::moment::Moment;
use super::tables::{Entry, InUrine, Kind, Role, Specimen, Tables};
use crate::Span;
use crate::measurement::{Comparator, Trend};
use crate::token::{Gap, Token};

/// Most items between the word that says that a value is the usual one, and the statement of the value.
const USUAL_BEFORE: usize = 2;

/// In which fluid values are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fluid {
    #[default]
    Unsaid,
    Urine,
    /// One that no measurement is of.
    Other,
}

/// A value that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub kind: u16,
    pub rule: u32,
    /// The number in the canonical unit.
    pub value: Option<f64>,
    pub comparator: Option<Comparator>,
    pub stated: Option<f64>,
    pub unit: Option<u16>,
    pub span: Span,
    pub statement: Span,
    pub trend: Option<Trend>,
    pub moment: Option<Moment>,
    pub site: Option<u16>,
    pub side: Option<u16>,
    pub method: Option<u16>,
    /// Whether it holds only beside another value.
    pub weak: bool,
    /// Whether a colon or an equals sign stands between name and value.
    pub separated: bool,
    /// Whether it is wanted, feared or asked for, not measured.
    pub target: bool,
    /// Whether it is the one that the patient usually has.
    pub usual: bool,
}

/// A number with its unit, as a value of a measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub value: f64,
    pub stated: f64,
    /// The unit as stated.
    pub unit: Option<u16>,
    pub span: Span,
    /// The item after it.
    pub next: usize,
    pub decimals: u8,
}

/// What stands between a name and its value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    /// The item of the number.
    pub at: usize,
    pub comparator: Option<Comparator>,
    pub unit: Option<u16>,
    pub moment: Option<Moment>,
    pub method: Option<u16>,
    pub side: Option<u16>,
    pub site: Option<u16>,
    /// Whether two values follow, and how they stand to each other.
    pub pair: Option<(Trend, Trend)>,
    pub separated: bool,
    pub target: bool,
    /// Words that say nothing here.
    pub n_unknown: usize,
}

/// What may follow a number without making it something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// No other number after a slash.
    Alone,
    /// Anything that parts numbers stated together.
    InGroup,
}

/// The state of reading a sentence.
pub(super) struct Reader<'a> {
    pub tables: &'a Tables,
    pub text: &'a str,
    pub items: &'a [Item],
    /// Dates of the columns of a table, where lines above this one hold them.
    pub columns: &'a [Moment],
    pub fluid: Fluid,
    /// The item where what is wanted begins.
    pub target: Option<usize>,
    pub used: Vec<bool>,
    pub found: Vec<Found>,
    /// The sentence before.
    pub before: &'a [Token],
    /// What this sentence, or the one before, gave a size to.
    pub head: Option<u16>,
}

impl<'a> Reader<'a> {
    pub fn item(&self, index: usize) -> Option<&'a Item> {
        self.items.get(index)
    }

    pub fn entry(&self, index: usize) -> Option<&'a Entry> {
        self.items.get(index)?.entry(self.tables)
    }

    pub fn has(&self, index: usize, role: Role) -> bool {
        self.entry(index).is_some_and(|entry| entry.has(role))
    }

    pub fn is(&self, index: usize, mark: char) -> bool {
        self.items.get(index).is_some_and(|item| item.is(mark))
    }

    pub fn number(&self, index: usize) -> Option<f64> {
        self.items.get(index)?.number()
    }

    pub fn kind(&self, kind: u16) -> Option<&'a Kind> {
        self.tables.kinds.get(usize::from(kind))
    }

    pub fn written(&self, index: usize) -> &'a str {
        self.items.get(index).map_or("", |item| item.span.of(self.text))
    }

    pub fn span(&self, first: usize, last: usize) -> Span {
        let first = self.items.get(first).map(|item| item.span).unwrap_or_default();
        let last = self.items.get(last).map_or(first, |item| item.span);
        first.cover(last)
    }

    pub fn glued(&self, index: usize) -> bool {
        self.items.get(index).is_some_and(|item| item.before == Gap::None)
    }

    /// The measurements that a phrase names here: measurement, rule, and whether it needs support.
    pub fn names(&self, index: usize) -> Vec<(u16, u32, bool)> {
        let forms = self.entry(index).map_or(&[][..], |entry| &entry.names);
        self.meanings(index, forms)
    }

    /// The same of a phrase that stands after its value.
    pub fn names_after(&self, index: usize) -> Vec<(u16, u32, bool)> {
        let forms = self.entry(index).map_or(&[][..], |entry| &entry.after);
        self.meanings(index, forms)
    }

    fn meanings(&self, index: usize, forms: &[u32]) -> Vec<(u16, u32, bool)> {
        let written = self.written(index);
        let admitted = forms.iter().filter(|&&form| self.tables.admits(form, written));
        admitted.filter_map(|&form| self.meaning(form)).collect()
    }

    /// What a form means in the fluid that is read of.
    fn meaning(&self, form: u32) -> Option<(u16, u32, bool)> {
        let row = self.tables.forms.get(form as usize)?;
        let kind = self.kind(row.kind)?;
        match (self.fluid, kind.specimen) {
            (_, Specimen::Any) | (Fluid::Unsaid, Specimen::Blood) => Some((row.kind, form, row.weak)),
            (Fluid::Urine, Specimen::Blood) => match kind.urine {
                InUrine::Same => Some((row.kind, form, row.weak)),
                InUrine::Unread => None,
                InUrine::Other(urine) => Some((urine, form, false)),
            },
            (Fluid::Urine, Specimen::Urine) => Some((row.kind, form, false)),
            (Fluid::Unsaid, Specimen::Urine) => (!row.weak).then_some((row.kind, form, false)),
            (Fluid::Other, _) => None,
        }
    }

    pub fn is_name(&self, index: usize) -> bool {
        let written = self.written(index);
        self.entry(index).is_some_and(|entry| {
            !entry.has(Role::Not)
                && (!entry.groups.is_empty() || entry.names.iter().any(|&form| self.tables.admits(form, written)))
        })
    }

    /// Whether what stands at an item is wanted, not measured.
    pub fn is_target(&self, first: usize, next: usize) -> bool {
        let after = (next..next + 3).take_while(|&index| !self.is(index, ',') && !self.is(index, ';'));
        self.target.is_some_and(|start| start <= first) || after.into_iter().any(|at| self.has(at, Role::TargetAfter))
    }

    /// Whether words between the value before it and a value of a laboratory, or right after it, say that this is the usual
    /// one; `last` is the value's last item.
    pub fn is_usual(&self, found: &Found, last: usize) -> bool {
        if self.kind(found.kind).is_none_or(|kind| kind.specimen == Specimen::Any) {
            return false;
        }
        let item_at = |start: usize| self.items.partition_point(|item| item.span.start() < start);
        let earliest = item_at(found.statement.start()).saturating_sub(USUAL_BEFORE);
        let before = (earliest..item_at(found.span.start())).rev();
        let ends = |&index: &usize| {
            let used = self.number(index).is_some() && self.used.get(index).copied().unwrap_or(true);
            used || self.is(index, ',') || self.is(index, ';')
        };
        let is_after = self.has(last + 1, Role::Usual) && !self.is_stated(last + 2);
        is_after || before.take_while(|index| !ends(index)).any(|index| self.has(index, Role::Usual))
    }

    /// The value at an item, in a unit that the measurement takes.
    ///
    /// `unit` is one that stands elsewhere: beside the name, or beside another value of the statement.
    pub fn value(&self, kind: u16, at: usize, unit: Option<u16>, followed: Followed) -> Option<Value> {
        let row = self.kind(kind)?;
        let ItemKind::Number { value: stated, decimals } = self.item(at)?.kind else { return None };
        if self.used.get(at).copied().unwrap_or(true) {
            return None;
        }
        if let Some(value) = self.compound(row, at) {
            return self.ends(value.next, Followed::Alone).then_some(value);
        }
        let negative =
            row.reportable.0 < 0.0 && at > 0 && self.is(at - 1, '-') && self.glued(at) && !self.glued(at - 1);
        let (stated, first) = if negative { (-stated, at - 1) } else { (stated, at) };
        let (own, next) = self.unit_after(row, at + 1)?;
        let read_in = own.or(unit).or_else(|| row.bare_unit(stated))?;
        let value = row.convert(stated, read_in).filter(|&value| row.is_reportable(value))?;
        if !self.ends(next, followed) {
            return None;
        }
        Some(Value { value, stated, unit: own.or(unit), span: self.span(first, next - 1), next, decimals })
    }

    /// Feet and inches, pounds and ounces: one value of two numbers.
    fn compound(&self, row: &Kind, at: usize) -> Option<Value> {
        let (whole, rest) = row.compound?;
        let large = self.number(at)?;
        let unit_at = |index: usize, unit: u16| self.entry(index).is_some_and(|entry| entry.unit == Some(unit));
        let is_feet = self.tables.known.feet == Some(whole);
        let mut next = at + 1;
        if is_feet && self.is(next, '\'') {
            next += 1;
        } else if unit_at(next, whole) {
            next += 1;
            next += usize::from(self.is(next, ',') || self.has(next, Role::And) || self.is(next, '.'));
        } else if self.is(next, '-') && unit_at(next + 1, whole) {
            next += 2;
            next += usize::from(self.is(next, '-'));
        } else {
            return None;
        }
        let large_value = row.convert(large, whole)?;
        let small = self.number(next).filter(|small| {
            let marked = self.is(next - 1, '\'') || unit_at(next + 1, rest) || self.is(next + 1, '-');
            marked && *small < 16.0
        });
        let (value, end) = match small {
            Some(small) => {
                let hyphen = usize::from(self.is(next + 1, '-') && unit_at(next + 2, rest));
                let quote = is_feet && (self.is(next + 1, '"') || self.is(next + 1, '\''));
                let doubled = usize::from(quote && self.is(next + 1, '\'') && self.is(next + 2, '\''));
                let unit = quote || unit_at(next + 1 + hyphen, rest);
                (large_value + row.convert(small, rest)?, next + 1 + if unit { 1 + hyphen + doubled } else { 0 })
            }
            None if is_feet && self.is(at + 1, '\'') => (large_value, at + 2),
            None => return None,
        };
        let unit = Some(whole);
        let span = self.span(at, end - 1);
        let stated = if small.is_some() { value / row.convert(1.0, whole)? } else { large };
        row.is_reportable(value).then_some(Value { value, stated, unit, span, next: end, decimals: 1 })
    }

    /// The unit of the number before `next`, and the item after it; `None` where the number is of another unit.
    fn unit_after(&self, row: &Kind, next: usize) -> Option<(Option<u16>, usize)> {
        let unit = |index: usize| self.entry(index).and_then(|entry| entry.unit);
        if let Some(unit) = unit(next) {
            let names_next = !self.glued(next) && self.is_name(next) && self.is_stated(next + 1);
            if row.accepts(unit) && !names_next {
                return Some((Some(unit), next + 1));
            }
            let means_more = self.is_name(next) || self.entry(next).is_some_and(Entry::has_role);
            return (means_more && !self.has(next, Role::Not)).then_some((None, next));
        }
        if self.is(next, '-') && self.glued(next) && self.glued(next + 1) {
            return match unit(next + 1) {
                Some(unit) if row.accepts(unit) => Some((Some(unit), next + 2)),
                Some(_) => None,
                None => Some((None, next)),
            };
        }
        if self.has(next, Role::Flag)
            && let Some(unit) = unit(next + 1).filter(|&unit| row.accepts(unit))
        {
            return Some((Some(unit), next + 2));
        }
        Some((None, next))
    }

    /// Whether a value is stated at an item: a number, maybe after a mark.
    fn is_stated(&self, index: usize) -> bool {
        let marks = (index..index + 2).take_while(|&at| self.is(at, ':') || self.is(at, '=')).count();
        self.number(index + marks).is_some()
    }

    /// Whether a number may end before an item.
    fn ends(&self, next: usize, followed: Followed) -> bool {
        let Some(item) = self.item(next) else { return true };
        let glued = item.before == Gap::None;
        let number_after = self.number(next + 1).is_some();
        match item.kind {
            ItemKind::Mark('/') if number_after => {
                followed == Followed::InGroup || self.entry(next + 2).is_some_and(|entry| entry.unit.is_some())
            }
            ItemKind::Mark('/') => {
                !(glued && matches!(self.item(next + 1).map(|item| item.kind), Some(ItemKind::Mask)))
            }
            ItemKind::Mark('+' | '\'') => !glued,
            ItemKind::Mark(':') => !(glued && number_after),
            ItemKind::Mark('-') if glued && self.glued(next + 1) => {
                self.number(next + 1).is_some() || self.is_mark(next + 1)
            }
            ItemKind::Other => !glued,
            ItemKind::Phrase(_) if glued && self.entry(next).is_some_and(|entry| entry.unit.is_none()) => {
                !self.written(next).starts_with(char::is_alphabetic)
            }
            ItemKind::Phrase(_) if self.has(next, Role::Times) => {
                self.entry(next + 2).is_none_or(|entry| entry.unit.is_none())
            }
            ItemKind::Phrase(_) => !self.has(next, Role::Dose),
            _ => true,
        }
    }

    fn is_mark(&self, index: usize) -> bool {
        matches!(self.item(index).map(|item| item.kind), Some(ItemKind::Mark(_)))
    }

    /// A month and a day with a slash between, at an item.
    pub fn partial_date(&self, at: usize) -> Option<Moment> {
        let slash = self.is(at + 1, '/') && self.glued(at + 1) && self.glued(at + 2);
        let whole = |index: usize| match self.item(index)?.kind {
            ItemKind::Number { value, decimals: 0 } => Some(value),
            _ => None,
        };
        let moment = Moment::month_day(whole(at)?, whole(at + 2)?)?;
        (slash && !(self.is(at + 3, '/') && self.glued(at + 3))).then_some(moment)
    }

    /// The date or time at an item, and the item after it; a month and a day only where a word or a bracket announces it.
    pub fn moment(&self, at: usize) -> Option<(Moment, usize)> {
        let mut start = at;
        let bracket = self.is(start, '(') || self.is(start, '[');
        start += usize::from(bracket);
        let announced = self.has(start, Role::When);
        start += usize::from(announced);
        let mut moment = Moment::default();
        let mut next = start;
        loop {
            if let Some(ItemKind::Moment(stated)) = self.item(next).map(|item| item.kind) {
                moment = moment.with(stated);
                next += 1;
            } else if let Some(stated) = self.partial_date(next).filter(|_| bracket || announced || next > start) {
                moment = moment.with(stated);
                next += 3;
            } else if next > start && self.has(next, Role::When) && self.moment_at(next + 1) {
                next += 1;
            } else {
                break;
            }
        }
        if next == start {
            return None;
        }
        if bracket {
            return (self.is(next, ')') || self.is(next, ']')).then_some((moment, next + 1));
        }
        Some((moment, next))
    }

    /// The date or time with which a line begins, at an item, and the item after it: `08:00`, `0800:`, `3/4 14:30`, `3/4:`.
    pub fn leading_moment(&self, at: usize) -> Option<(Moment, usize)> {
        let (moment, next) = if let Some(day) = self.partial_date(at) {
            let time = self.moment(at + 3).filter(|_| self.moment_at(at + 3));
            let (moment, next) = time.map_or((day, at + 3), |(time, next)| (day.with(time), next));
            (time.is_some() || self.is(next, ':')).then_some((moment, next))?
        } else if self.moment_at(at) {
            self.moment(at)?
        } else {
            let time = self.number(at).and_then(|_| Moment::of_day(self.written(at)))?;
            self.is(at + 1, ':').then_some((time, at + 1))?
        };
        // A year alone is no moment, and a number after the colon makes it something else.
        let is_some = moment.day.is_some() || moment.time.is_some();
        let next = next + usize::from(self.is(next, ':') || self.is(next, '-'));
        (is_some && self.number(next).is_none()).then_some((moment, next))
    }

    /// Gives a moment to the values of the sentence that have none, up to the next moment that is stated.
    pub fn give_moment(&mut self, moment: Moment, from: usize) {
        let later = (from..self.items.len()).find(|&index| self.moment_at(index));
        let end = later.and_then(|index| self.item(index)).map_or(usize::MAX, |item| item.span.start());
        let without = self.found.iter_mut().filter(|found| found.moment.is_none() && found.span.start() < end);
        without.for_each(|found| found.moment = Some(moment));
    }

    fn moment_at(&self, index: usize) -> bool {
        matches!(self.item(index).map(|item| item.kind), Some(ItemKind::Moment(_)))
    }

    /// The index of the role's word at an item.
    pub fn word(&self, index: usize, role: Role) -> Option<u16> {
        self.entry(index)?.value(role)
    }
}
