//! Reading the tables: every cell is checked, and what is wrong is named by table, line and column.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::lex;
use super::{
    Conversion, Entry, Form, Group, InUrine, Kind, Known, MeasureTables, Reads, Role, Specimen, Spelling, Tables, Unit,
};
use crate::lexicon::TableSource;
use crate::lexicon::table::{self, Row};
use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::token::{Gap, TokenKind, tokenize};
use crate::{Error, Result};

impl Tables {
    pub fn parse(sources: &MeasureTables<'_>) -> Result<Tables> {
        let mut tables = Tables {
            kinds: Vec::new(),
            known: Known::default(),
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
        tables.known = Known {
            systolic: tables.kind_named("systolic_bp"),
            diastolic: tables.kind_named("diastolic_bp"),
            temperature: tables.kind_named("temperature"),
            saturation: tables.kind_named("oxygen_saturation"),
            oxygen_flow: tables.kind_named("oxygen_flow"),
            pain: tables.kind_named("pain_score"),
            coma: tables.kind_named("gcs"),
            size: tables.kinds.iter().position(|kind| kind.reads == Reads::Size).map(|kind| kind as u16),
            mercury: tables.unit_named("mm[Hg]"),
            feet: tables.unit_named("[ft_i]"),
        };
        Ok(tables)
    }

    /// The unit of a spelling, or of a UCUM code.
    pub fn unit_spelled(&self, spelling: &str) -> Option<u16> {
        let spelled = || self.entries.get(*self.by_keys.get(&phrase_keys(spelling))? as usize)?.unit;
        self.unit_named(spelling).or_else(spelled)
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
            let meant = match urine {
                "" => InUrine::Same,
                "none" => InUrine::Unread,
                name => {
                    let kind = self.kind_named(name);
                    InUrine::Other(kind.ok_or_else(|| unknown(&source.name, row.line, "urine", name))?)
                }
            };
            if let Some(kind) = self.kinds.get_mut(index) {
                kind.urine = meant;
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
        let accepted = |ucum: &str| {
            self.unit_named(ucum).filter(|&unit| conversions.iter().any(|conversion| conversion.unit == unit))
        };
        let compound = [("[ft_i]", "[in_i]"), ("[lb_av]", "[oz_av]")]
            .into_iter()
            .find_map(|(whole, rest)| Some((accepted(whole)?, accepted(rest)?)));
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
            urine: InUrine::Same,
            compound,
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

/// The keys of a phrase, cut as texts are, without full stops and the hyphens within words.
fn phrase_keys(phrase: &str) -> Vec<u64> {
    let tokens = lex::split(phrase, &tokenize(phrase, |_| false)).into_owned();
    let glued = |index: usize| tokens.get(index).is_some_and(|token| token.before == Gap::None && token.is_wordlike());
    let kept = tokens.iter().enumerate().filter(|&(index, token)| {
        let joins = index > 0 && token.is_hyphen() && token.before == Gap::None && glued(index + 1);
        !(token.kind == TokenKind::Punctuation && token.is_full_stop()) && !joins
    });
    kept.map(|(_, token)| token.stem).collect()
}
