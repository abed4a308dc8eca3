//! The tables of measurements: names, units, words around values, and values stated together.

use rustc_hash::{FxHashMap, FxHashSet};

use super::lex;
use crate::lexicon::TableSource;
use crate::lexicon::table::{self, Row};
use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::token::{TokenKind, tokenize};
use crate::{Error, Result};

/// The tables that the engine reads.
#[derive(Clone, Debug)]
pub(crate) struct MeasureTables<'a> {
    /// Measurements: names and spellings, units, ranges.
    pub measurements: &'a TableSource,
    /// Spellings of units: `spelling`, `ucum`, `implies`, `source`.
    pub units: &'a TableSource,
    /// Words around values: `phrase`, `role`, `value`, `source`.
    pub words: &'a TableSource,
    /// Values stated together: `forms`, `names`, `layout`, `example`, `source`.
    pub groups: &'a TableSource,
}

/// How the values of a measurement are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// A number.
    Number,
    /// A number out of this.
    Score(u8),
    /// A word or a number of crosses.
    Result,
    /// One to three lengths.
    Size,
}

/// In what it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Specimen {
    /// The patient: holds in every context.
    Any,
    Blood,
    Urine,
}

/// A row of the table of measurements.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub name: String,
    pub loinc: Option<String>,
    pub unit: Option<String>,
    /// Accepted units.
    pub units: Vec<Conversion>,
    /// The units in which a number without one is taken, by ranges.
    pub bare: Vec<(f64, f64, u16)>,
    pub plausible: (f64, f64),
    pub reportable: (f64, f64),
    pub reads: Reads,
    /// The role of the words that say how it was taken.
    pub methods: Option<Role>,
    pub specimen: Specimen,
    /// What the same words mean in urine.
    pub urine: Option<u16>,
}

/// An accepted unit: `(stated - offset) * factor` is the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion {
    pub unit: u16,
    factor: f64,
    offset: f64,
}

impl Kind {
    /// A stated number in the canonical unit, where the unit is accepted.
    pub fn convert(&self, stated: f64, unit: u16) -> Option<f64> {
        let conversion = self.units.iter().find(|conversion| conversion.unit == unit)?;
        Some((stated - conversion.offset) * conversion.factor)
    }

    /// The unit in which a number without one is taken.
    pub fn bare_unit(&self, stated: f64) -> Option<u16> {
        self.bare.iter().find(|(low, high, _)| (*low..=*high).contains(&stated)).map(|&(_, _, unit)| unit)
    }

    pub fn accepts(&self, unit: u16) -> bool {
        self.units.iter().any(|conversion| conversion.unit == unit)
    }

    pub fn is_reportable(&self, value: f64) -> bool {
        (self.reportable.0..=self.reportable.1).contains(&value)
    }

    pub fn is_plausible(&self, value: f64) -> bool {
        (self.plausible.0..=self.plausible.1).contains(&value)
    }
}

/// What a word does around a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Role {
    /// Stands between a name and its value.
    Link,
    /// A mark of an abnormal value.
    Flag,
    About,
    Less,
    Greater,
    AtLeast,
    AtMost,
    /// Before the earlier of two values.
    From,
    /// Before the lower of two values.
    Between,
    /// Before a later value.
    Then,
    /// Before an earlier value, after a later one.
    Earlier,
    /// What follows is wanted or feared, not measured.
    Target,
    /// What precedes is wanted.
    TargetAfter,
    /// What precedes is given, not measured.
    Dose,
    /// Looks like a name and is none.
    Not,
    /// What follows is of another fluid.
    OtherSpecimen,
    /// What follows is of urine.
    Urine,
    /// What follows is of blood again.
    Blood,
    /// A result in words.
    Result,
    Oxygen,
    Thermometer,
    Posture,
    Vessel,
    /// What has a size.
    Head,
    /// Tells that a length is a size.
    Measure,
    /// Tells that a length is none.
    Away,
    Pain,
    /// Between a score and its most.
    OutOf,
    Site,
    Side,
    Month,
    And,
    For,
    /// Before a date or time.
    When,
    /// Between two lengths.
    Times,
    /// Stands for what the sentence before was about.
    It,
}

impl Role {
    const NAMES: [(&'static str, Role); 36] = [
        ("link", Role::Link),
        ("flag", Role::Flag),
        ("about", Role::About),
        ("lt", Role::Less),
        ("gt", Role::Greater),
        ("ge", Role::AtLeast),
        ("le", Role::AtMost),
        ("from", Role::From),
        ("between", Role::Between),
        ("then", Role::Then),
        ("earlier", Role::Earlier),
        ("target", Role::Target),
        ("target_after", Role::TargetAfter),
        ("dose", Role::Dose),
        ("not", Role::Not),
        ("other_specimen", Role::OtherSpecimen),
        ("urine", Role::Urine),
        ("blood", Role::Blood),
        ("result", Role::Result),
        ("oxygen", Role::Oxygen),
        ("thermometer", Role::Thermometer),
        ("posture", Role::Posture),
        ("vessel", Role::Vessel),
        ("head", Role::Head),
        ("measure", Role::Measure),
        ("away", Role::Away),
        ("pain", Role::Pain),
        ("out_of", Role::OutOf),
        ("site", Role::Site),
        ("side", Role::Side),
        ("month", Role::Month),
        ("and", Role::And),
        ("for", Role::For),
        ("when", Role::When),
        ("times", Role::Times),
        ("it", Role::It),
    ];

    fn named(name: &str) -> Option<Role> {
        Role::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, role)| role)
    }
}

/// A spelling of a measurement's name.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub kind: u16,
    /// Whether it names the measurement only with support.
    pub weak: bool,
    spelling: Spelling,
}

/// How a phrase is written in the table, where its case matters.
#[derive(Clone, Debug)]
enum Spelling {
    /// Any case.
    Free,
    /// No small letter.
    Capitals,
    /// As it is, or in capitals.
    Exact(String),
}

impl Spelling {
    fn of(phrase: &str) -> Spelling {
        if !phrase.chars().any(char::is_lowercase) && phrase.chars().any(char::is_alphabetic) {
            Spelling::Capitals
        } else if phrase.len() <= 2 {
            Spelling::Exact(phrase.to_owned())
        } else {
            Spelling::Free
        }
    }

    fn admits(&self, written: &str) -> bool {
        let capitals = || !written.chars().any(char::is_lowercase);
        match self {
            Spelling::Free => true,
            Spelling::Capitals => capitals(),
            Spelling::Exact(phrase) => written == phrase || capitals(),
        }
    }
}

/// Everything that one phrase may mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub names: Vec<u32>,
    pub after: Vec<u32>,
    pub groups: Vec<u16>,
    pub unit: Option<u16>,
    roles: u64,
    values: Vec<(Role, u16)>,
    /// Of the roles and the unit: whether a capital phrase needs capitals.
    capitals: bool,
}

impl Entry {
    pub fn has(&self, role: Role) -> bool {
        self.roles & (1u64 << role as u8) != 0
    }

    /// Whether it does anything around values.
    pub fn has_role(&self) -> bool {
        self.roles != 0
    }

    pub fn value(&self, role: Role) -> Option<u16> {
        self.values.iter().find(|(known, _)| *known == role).map(|&(_, value)| value)
    }
}

/// A unit.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub ucum: String,
}

/// Measurements stated together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub kinds: Vec<u16>,
    /// The marks between the numbers; one that stands for all where the group has a name.
    pub layout: Vec<char>,
    pub rule: u32,
}

/// The compiled tables.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub kinds: Vec<Kind>,
    pub forms: Vec<Form>,
    pub units: Vec<Unit>,
    /// For each unit spelling that implies a measurement: entry, measurement and rule.
    pub implied: FxHashMap<u32, (u16, u32)>,
    pub groups: Vec<Group>,
    /// Groups that are known by their layout.
    pub layouts: Vec<u16>,
    pub entries: Vec<Entry>,
    /// Normalised words.
    pub values: Vec<String>,
    /// Names of the rules; forms come first.
    pub rules: Vec<String>,
    rules_of_sizes: Vec<String>,
    /// First words of results that are no numbers.
    pub result_words: FxHashSet<u64>,
    trie: PhraseTrie,
    by_keys: FxHashMap<Vec<u64>, u32>,
}

impl Tables {
    pub fn parse(sources: &MeasureTables<'_>) -> Result<Tables> {
        let mut tables = Tables {
            kinds: Vec::new(),
            forms: Vec::new(),
            units: Vec::new(),
            implied: FxHashMap::default(),
            groups: Vec::new(),
            layouts: Vec::new(),
            entries: Vec::new(),
            values: Vec::new(),
            rules: Vec::new(),
            rules_of_sizes: Vec::new(),
            result_words: FxHashSet::default(),
            trie: PhraseTrie::new(Compared::Stems),
            by_keys: FxHashMap::default(),
        };
        let units = unit_rows(sources.units)?;
        for row in &units {
            tables.add_unit(row.cells[1]);
        }
        tables.parse_measurements(sources.measurements)?;
        for row in &units {
            tables.add_unit_spelling(&sources.units.name, row)?;
        }
        tables.parse_words(sources.words)?;
        tables.parse_groups(sources.groups)?;
        Ok(tables)
    }

    /// The longest phrase at the start of tokens: how many it takes, and its entry.
    pub fn longest(&self, text: &str, tokens: &[crate::token::Token]) -> Option<(usize, u32)> {
        self.trie.longest(tokens, |used, entry| {
            let Some(found) = self.entries.get(entry as usize) else { return false };
            if found.unit.is_some() || (found.roles != 0 && !found.capitals) {
                return true;
            }
            let written = written(text, tokens, used);
            let capitals = || !written.chars().any(char::is_lowercase);
            (found.roles != 0 || !found.groups.is_empty()) && (!found.capitals || capitals())
                || found.names.iter().chain(&found.after).any(|&form| self.admits(form, written))
        })
    }

    /// Whether a form is written as the table asks.
    pub fn admits(&self, form: u32, written: &str) -> bool {
        self.forms.get(form as usize).is_some_and(|form| form.spelling.admits(written))
    }

    /// The index of a measurement.
    pub fn kind_named(&self, name: &str) -> Option<u16> {
        self.kinds.iter().position(|kind| kind.name == name).map(|index| index as u16)
    }

    pub fn unit_named(&self, ucum: &str) -> Option<u16> {
        self.units.iter().position(|unit| unit.ucum == ucum).map(|index| index as u16)
    }

    /// The unit of a spelling, or of a UCUM code.
    pub fn unit_spelled(&self, spelling: &str) -> Option<u16> {
        let spelled = || self.entries.get(*self.by_keys.get(&phrase_keys(spelling))? as usize)?.unit;
        self.unit_named(spelling).or_else(spelled)
    }

    /// Every key that occurs in a phrase.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.trie.keys()
    }

    fn add_unit(&mut self, ucum: &str) -> u16 {
        self.unit_named(ucum).unwrap_or_else(|| {
            self.units.push(Unit { ucum: ucum.to_owned() });
            self.units.len() as u16 - 1
        })
    }

    fn add_value(&mut self, value: &str) -> u16 {
        let known = self.values.iter().position(|known| known == value);
        known.map(|index| index as u16).unwrap_or_else(|| {
            self.values.push(value.to_owned());
            self.values.len() as u16 - 1
        })
    }

    /// The entry of a phrase, made where there is none.
    fn entry(&mut self, phrase: &str) -> u32 {
        let keys = phrase_keys(phrase);
        if let Some(&entry) = self.by_keys.get(&keys) {
            return entry;
        }
        let entry = self.entries.len() as u32;
        self.entries.push(Entry { capitals: true, ..Entry::default() });
        self.trie.insert(keys.iter().copied(), entry);
        self.by_keys.insert(keys, entry);
        entry
    }

    fn parse_measurements(&mut self, source: &TableSource) -> Result<()> {
        let rows = table::rows(&source.name, &source.text, MEASUREMENT_COLUMNS)?;
        for row in &rows {
            let kind = self.kind(&source.name, row)?;
            if self.kind_named(&kind.name).is_some() {
                return Err(Error::table(&source.name, row.line, format!("{:?} is there twice", kind.name)));
            }
            self.kinds.push(kind);
        }
        for (index, row) in rows.iter().enumerate() {
            let [name, .., specimen, urine, forms, weak, after, _example, _source] = row.cells;
            if !urine.is_empty() {
                let meant = self.kind_named(urine).ok_or_else(|| unknown(&source.name, row.line, "urine", urine))?;
                if let Some(kind) = self.kinds.get_mut(index) {
                    kind.urine = Some(meant);
                }
            }
            if self.kinds.get(index).is_some_and(|kind| kind.reads == Reads::Size) {
                self.rules_of_sizes.push(format!("{name}:length"));
            }
            for form in list(forms) {
                let added = self.add_form(name, index as u16, form, false);
                let entry = self.entry(form);
                self.entries[entry as usize].names.push(added);
            }
            for form in list(weak) {
                let added = self.add_form(name, index as u16, form, true);
                let entry = self.entry(form);
                self.entries[entry as usize].names.push(added);
            }
            for form in list(after) {
                let is_sure = specimen != "urine" || form.contains("urin") || list(forms).any(|known| known == form);
                let added = self.add_form(name, index as u16, form, !is_sure);
                let entry = self.entry(form);
                self.entries[entry as usize].after.push(added);
            }
            if self.kinds.get(index).is_some_and(|kind| kind.reads == Reads::Result) {
                for form in list(forms).chain(list(after)) {
                    self.result_words.extend(phrase_keys(form).first());
                }
            }
        }
        // Names of forms come first, since a form is the rule of its index.
        self.rules.append(&mut self.rules_of_sizes);
        Ok(())
    }

    fn add_form(&mut self, name: &str, kind: u16, form: &str, weak: bool) -> u32 {
        self.forms.push(Form { kind, weak, spelling: Spelling::of(form) });
        self.rules.push(format!("{name}:{form}"));
        self.forms.len() as u32 - 1
    }

    fn kind(&mut self, table: &str, row: &Row<'_, 16>) -> Result<Kind> {
        let [name, loinc, unit, units, bare, plausible, reportable, reads, methods, specimen, ..] = row.cells;
        let problem = |column: &str, found: &str, expected: &str| {
            Error::table(table, row.line, format!("{column}: expected {expected}, found {found:?}"))
        };
        let mut conversions = Vec::new();
        for part in units.split(';').filter(|part| !part.is_empty()) {
            let parsed = part.rsplit_once('=').and_then(|(unit, factor)| {
                let (factor, offset) = factor.split_once('@').unwrap_or((factor, "0"));
                Some((unit, factor.parse::<f64>().ok()?, offset.parse::<f64>().ok()?))
            });
            let (unit, factor, offset) =
                parsed.ok_or_else(|| problem("units", part, "UNIT=factor or UNIT=factor@offset"))?;
            conversions.push(Conversion { unit: self.add_unit(unit), factor, offset });
        }
        let mut ranges = Vec::new();
        for part in bare.split(';').filter(|part| !part.is_empty()) {
            let parsed = part.split_once('=').and_then(|(range, unit)| Some((range_of(range)?, unit)));
            let ((low, high), unit) = parsed.ok_or_else(|| problem("bare", part, "low..high=UNIT"))?;
            let unit = self.unit_named(unit).filter(|&unit| conversions.iter().any(|known| known.unit == unit));
            ranges.push((low, high, unit.ok_or_else(|| problem("bare", part, "a unit of the column units"))?));
        }
        let everything = (f64::NEG_INFINITY, f64::INFINITY);
        let range = |column: &str, cell: &str| match cell {
            "" => Ok(everything),
            cell => range_of(cell).ok_or_else(|| problem(column, cell, "low..high")),
        };
        let reads = match reads {
            "number" => Reads::Number,
            "score10" => Reads::Score(10),
            "score15" => Reads::Score(15),
            "result" => Reads::Result,
            "size" => Reads::Size,
            other => return Err(problem("reads", other, "number, score10, score15, result or size")),
        };
        let specimen = match specimen {
            "any" => Specimen::Any,
            "blood" => Specimen::Blood,
            "urine" => Specimen::Urine,
            other => return Err(problem("specimen", other, "any, blood or urine")),
        };
        let methods = match methods {
            "" => None,
            role => Some(Role::named(role).ok_or_else(|| problem("methods", role, "a role"))?),
        };
        let optional = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
        Ok(Kind {
            name: name.to_owned(),
            loinc: optional(loinc),
            unit: optional(unit),
            units: conversions,
            bare: ranges,
            plausible: range("plausible", plausible)?,
            reportable: range("reportable", reportable)?,
            reads,
            methods,
            specimen,
            urine: None,
        })
    }

    fn add_unit_spelling(&mut self, table: &str, row: &Row<'_, 4>) -> Result<()> {
        let [spelling, ucum, implies, _source] = row.cells;
        let unit = self.add_unit(ucum);
        let entry = self.entry(spelling);
        let found = &mut self.entries[entry as usize];
        if found.unit.is_some_and(|known| known != unit) {
            return Err(Error::table(table, row.line, format!("{spelling:?} is the spelling of another unit too")));
        }
        found.unit = Some(unit);
        if !implies.is_empty() {
            let kind = self.kind_named(implies).ok_or_else(|| unknown(table, row.line, "implies", implies))?;
            self.rules.push(format!("{implies}:{spelling}"));
            self.implied.insert(entry, (kind, self.rules.len() as u32 - 1));
        }
        Ok(())
    }

    fn parse_words(&mut self, source: &TableSource) -> Result<()> {
        for row in table::rows(&source.name, &source.text, ["phrase", "role", "value", "source"])? {
            let [phrase, role, value, _source] = row.cells;
            let role_named = Role::named(role).ok_or_else(|| unknown(&source.name, row.line, "role", role))?;
            if phrase_keys(phrase).is_empty() {
                return Err(Error::table(&source.name, row.line, "phrase is empty"));
            }
            let value = (!value.is_empty()).then(|| self.add_value(value));
            let entry = self.entry(phrase);
            let found = &mut self.entries[entry as usize];
            found.roles |= 1u64 << role_named as u8;
            found.values.extend(value.map(|value| (role_named, value)));
            found.capitals &= matches!(Spelling::of(phrase), Spelling::Capitals);
        }
        Ok(())
    }

    fn parse_groups(&mut self, source: &TableSource) -> Result<()> {
        for row in table::rows(&source.name, &source.text, ["forms", "names", "layout", "example", "source"])? {
            let [forms, names, layout, _example, _source] = row.cells;
            let kinds = names
                .split('+')
                .map(|name| self.kind_named(name).ok_or_else(|| unknown(&source.name, row.line, "names", name)))
                .collect::<Result<Vec<u16>>>()?;
            let layout: Vec<char> = layout.chars().collect();
            let n_marks = if forms.is_empty() { kinds.len() - 1 } else { 1 };
            if layout.len() != n_marks {
                let problem = format!("layout: expected {n_marks} marks, found {}", layout.len());
                return Err(Error::table(&source.name, row.line, problem));
            }
            let group = self.groups.len() as u16;
            let shown = if forms.is_empty() { row.cells[2] } else { forms };
            self.rules.push(format!("group:{}", list(shown).next().unwrap_or("")));
            self.groups.push(Group { kinds, layout, rule: self.rules.len() as u32 - 1 });
            if forms.is_empty() {
                self.layouts.push(group);
            }
            for form in list(forms) {
                let entry = self.entry(form);
                let found = &mut self.entries[entry as usize];
                found.groups.push(group);
                if found.roles == 0 {
                    found.capitals &= matches!(Spelling::of(form), Spelling::Capitals);
                }
            }
        }
        // Those of more values are tried first.
        let groups = &self.groups;
        for entry in &mut self.entries {
            entry.groups.sort_by_key(|&group| std::cmp::Reverse(groups[group as usize].kinds.len()));
        }
        self.layouts.sort_by_key(|&group| std::cmp::Reverse(groups[group as usize].kinds.len()));
        Ok(())
    }
}

const MEASUREMENT_COLUMNS: [&str; 16] = [
    "name",
    "loinc",
    "unit",
    "units",
    "bare",
    "plausible",
    "reportable",
    "reads",
    "methods",
    "specimen",
    "urine",
    "forms",
    "weak",
    "after",
    "example",
    "source",
];

fn unit_rows(source: &TableSource) -> Result<Vec<Row<'_, 4>>> {
    table::rows(&source.name, &source.text, ["spelling", "ucum", "implies", "source"])
}

fn list(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('|').filter(|part| !part.is_empty())
}

fn range_of(cell: &str) -> Option<(f64, f64)> {
    let (low, high) = cell.split_once("..")?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

fn unknown(table: &str, line: usize, column: &str, found: &str) -> Error {
    Error::table(table, line, format!("{column}: {found:?} is not known"))
}

/// The text of the first `used` tokens.
fn written<'a>(text: &'a str, tokens: &[crate::token::Token], used: usize) -> &'a str {
    let ends = tokens.first().zip(tokens.get(used.saturating_sub(1)));
    ends.map_or("", |(first, last)| first.span.cover(last.span).of(text))
}

/// The keys of a phrase, cut as texts are, without full stops and the hyphens within words.
fn phrase_keys(phrase: &str) -> Vec<u64> {
    let tokens = lex::split(phrase, &tokenize(phrase, |_| false)).into_owned();
    let glued = |index: usize| {
        tokens.get(index).is_some_and(|token| token.before == crate::token::Gap::None && token.is_wordlike())
    };
    let kept = tokens.iter().enumerate().filter(|&(index, token)| {
        let joins = index > 0 && token.is_hyphen() && token.before == crate::token::Gap::None && glued(index + 1);
        !(token.kind == TokenKind::Punctuation && token.is_full_stop()) && !joins
    });
    kept.map(|(_, token)| token.stem).collect()
}
