//! The tables of the checks, read and checked.

use rustc_hash::FxHashMap;

use super::phrases::{Pattern, Phrases};
use super::view::Role;
use super::{Check, RecordedSex};
use crate::lexicon::{TableSource, table};
use crate::token::word_key;
use crate::{Error, Result};

/// The sources of the tables.
#[derive(Clone, Debug)]
pub(crate) struct QualityTables {
    pub checks: TableSource,
    pub critical: TableSource,
    pub groups: TableSource,
    pub organs: TableSource,
    pub phrases: TableSource,
    pub section_roles: TableSource,
    pub sites: TableSource,
}

impl QualityTables {
    /// The tables that `source` gives for their file names.
    ///
    /// # Errors
    /// What `source` gives.
    pub fn collect(mut source: impl FnMut(&'static str) -> Result<TableSource>) -> Result<QualityTables> {
        Ok(QualityTables {
            checks: source("checks.tsv")?,
            critical: source("critical.tsv")?,
            groups: source("groups.tsv")?,
            organs: source("organs.tsv")?,
            phrases: source("phrases.tsv")?,
            section_roles: source("section-roles.tsv")?,
            sites: source("sites.tsv")?,
        })
    }
}

/// What a phrase of the table of phrases is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// The right, the left, both sides; a side that is none (`left ventricle`).
    Right,
    Left,
    Both,
    NoSide,
    /// Joins two statements; begins a phrase that belongs to what stands before.
    Join,
    Preposition,
    /// Tells that somebody was told.
    Communication,
    /// Tells what is to be done next.
    FollowUp,
    /// A nodule that needs neither size nor follow-up; one that did not change; one that is gone, or getting smaller.
    Benign,
    Unchanged,
    Resolved,
    /// Begins a sentence about what the last one was about.
    Anaphor,
    /// A word for something that was named before; one that asks whether something is there.
    Definite,
    Question,
    /// A unit of length; a word that is a size.
    Unit,
    SizeWord,
    /// Narrows a denial (`no large effusion`).
    Limited,
    Denied,
    /// An operation that is not done, or not as a whole.
    Planned,
    Partial,
    /// An organ that is not there, what is left of it, and one that is as it should be.
    AbsentOrgan,
    Remnant,
    Normal,
    /// A person's sex.
    Male,
    Female,
    /// Names imaging; a type of note that is none.
    Imaging,
    NoImaging,
}

impl Kind {
    const NAMES: [(&'static str, Kind); 27] = [
        ("right", Kind::Right),
        ("left", Kind::Left),
        ("both", Kind::Both),
        ("no_side", Kind::NoSide),
        ("join", Kind::Join),
        ("preposition", Kind::Preposition),
        ("communication", Kind::Communication),
        ("follow_up", Kind::FollowUp),
        ("benign", Kind::Benign),
        ("unchanged", Kind::Unchanged),
        ("resolved", Kind::Resolved),
        ("anaphor", Kind::Anaphor),
        ("definite", Kind::Definite),
        ("question", Kind::Question),
        ("unit", Kind::Unit),
        ("size_word", Kind::SizeWord),
        ("limited", Kind::Limited),
        ("denied", Kind::Denied),
        ("planned", Kind::Planned),
        ("partial", Kind::Partial),
        ("absent_organ", Kind::AbsentOrgan),
        ("remnant", Kind::Remnant),
        ("normal", Kind::Normal),
        ("male", Kind::Male),
        ("female", Kind::Female),
        ("imaging", Kind::Imaging),
        ("no_imaging", Kind::NoImaging),
    ];
}

/// A check in words.
#[derive(Clone, Debug)]
pub(super) struct CheckRow {
    pub check: Check,
    pub name: String,
    pub question: String,
}

/// Identifiers of concepts, some by a beginning, an end or a part (`*fracture*`).
#[derive(Clone, Debug)]
pub(super) struct Concepts(Vec<String>);

impl Concepts {
    fn of(cell: &str) -> Concepts {
        Concepts(cell.split('|').filter(|id| !id.is_empty()).map(str::to_owned).collect())
    }

    pub fn hold(&self, id: &str) -> bool {
        self.0.iter().any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (None, None) => pattern == id,
            (Some(end), None) => id.ends_with(end),
            (None, Some(start)) => id.starts_with(start),
            (Some(part), Some(_)) => id.contains(part.trim_end_matches('*')),
        })
    }
}

/// A family of findings.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub name: String,
    concepts: Concepts,
    /// Itself, and the other families in which the findings may tell of it.
    pub shown_by: Vec<usize>,
    /// Words that tell of it.
    pub words: Vec<Pattern>,
    pub is_sided: bool,
}

/// A critical finding.
#[derive(Clone, Debug)]
pub(super) struct Critical {
    pub finding: String,
    pub concepts: Concepts,
    pub needs: Vec<Pattern>,
    pub unless: Vec<Pattern>,
}

/// An organ.
#[derive(Clone, Debug)]
pub(super) struct Organ {
    pub name: String,
    pub words: Vec<Pattern>,
    pub sex: Option<RecordedSex>,
    pub is_paired: bool,
    pub removals: Vec<Pattern>,
}

/// The tables.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub phrases: Phrases,
    pub checks: Vec<CheckRow>,
    pub groups: Vec<Group>,
    pub critical: Vec<Critical>,
    pub organs: Vec<Organ>,
    /// Places at which findings may be.
    pub sites: Vec<Vec<Pattern>>,
    roles: FxHashMap<String, Role>,
    kinds: FxHashMap<Kind, Vec<Pattern>>,
    /// The family of nodules.
    pub nodules: usize,
    /// The keys of units of length.
    pub units: Vec<u64>,
}

/// The name of the family of nodules, which two checks are about.
const NODULES: &str = "nodule";

impl Tables {
    pub fn parse(sources: &QualityTables) -> Result<Tables> {
        let mut phrases = Phrases::new();
        let kinds = parse_kinds(&sources.phrases, &mut phrases)?;
        let groups = parse_groups(&sources.groups, &mut phrases)?;
        let nodules = groups.iter().position(|group| group.name == NODULES);
        let missing = || Error::table(&sources.groups.name, 1, format!("expected a row of the group {NODULES:?}"));
        Ok(Tables {
            checks: parse_checks(&sources.checks)?,
            critical: parse_critical(&sources.critical, &mut phrases)?,
            organs: parse_organs(&sources.organs, &mut phrases)?,
            sites: parse_sites(&sources.sites, &mut phrases)?,
            roles: parse_roles(&sources.section_roles)?,
            nodules: nodules.ok_or_else(missing)?,
            units: parse_units(&sources.phrases)?,
            kinds,
            groups,
            phrases,
        })
    }

    /// The phrases of a kind.
    pub fn of(&self, kind: Kind) -> &[Pattern] {
        self.kinds.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// What a section is in a report.
    pub fn role(&self, section: &str) -> Role {
        self.roles.get(section).copied().unwrap_or(Role::Background)
    }

    /// The family of a concept.
    pub fn group_of(&self, concept: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.concepts.hold(concept))
    }
}

fn parse_kinds(source: &TableSource, phrases: &mut Phrases) -> Result<FxHashMap<Kind, Vec<Pattern>>> {
    let mut kinds: FxHashMap<Kind, Vec<Pattern>> = FxHashMap::default();
    for row in table::rows(&source.name, &source.text, ["phrase", "kind", "source"])? {
        let [phrase, name, _source] = row.cells;
        let kind = Kind::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind);
        let Some(kind) = kind else {
            let known: Vec<&str> = Kind::NAMES.iter().map(|(name, _)| *name).collect();
            let problem = format!("kind: expected one of {}, found {name:?}", known.join(", "));
            return Err(Error::table(&source.name, row.line, problem));
        };
        kinds.entry(kind).or_default().push(phrases.pattern(phrase));
    }
    Ok(kinds)
}

/// The units of length, for numbers that touch theirs.
fn parse_units(source: &TableSource) -> Result<Vec<u64>> {
    let rows = table::rows(&source.name, &source.text, ["phrase", "kind", "source"])?;
    Ok(rows.iter().filter(|row| row.cells[1] == "unit").map(|row| word_key(row.cells[0])).collect())
}

fn parse_checks(source: &TableSource) -> Result<Vec<CheckRow>> {
    let rows = table::rows(&source.name, &source.text, ["check", "name", "question", "source"])?;
    let mut checks = Vec::new();
    for row in &rows {
        let [check, name, question, _source] = row.cells;
        let known = Check::ALL.into_iter().find(|known| known.name() == check);
        let known =
            known.ok_or_else(|| Error::table(&source.name, row.line, format!("no check is named {check:?}")))?;
        checks.push(CheckRow { check: known, name: name.to_owned(), question: question.to_owned() });
    }
    match Check::ALL.into_iter().find(|check| !checks.iter().any(|row| row.check == *check)) {
        Some(missing) => {
            Err(Error::table(&source.name, 1, format!("expected a row of {:?}, found none", missing.name())))
        }
        None => Ok(checks),
    }
}

fn parse_groups(source: &TableSource, phrases: &mut Phrases) -> Result<Vec<Group>> {
    let columns = ["group", "concepts", "shown_by", "sided", "words", "source"];
    let rows = table::rows(&source.name, &source.text, columns)?;
    let names: Vec<&str> = rows.iter().map(|row| row.cells[0]).collect();
    let mut groups = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let [name, concepts, shown_by, sided, words, _source] = row.cells;
        let mut shown = vec![index];
        for other in shown_by.split('|').filter(|other| !other.is_empty()) {
            let found = names.iter().position(|name| *name == other);
            shown.push(found.ok_or_else(|| {
                Error::table(&source.name, row.line, format!("shown_by: no row is the group {other:?}"))
            })?);
        }
        groups.push(Group {
            name: name.to_owned(),
            concepts: Concepts::of(concepts),
            shown_by: shown,
            words: phrases.patterns(words),
            is_sided: yes(source, row.line, "sided", sided)?,
        });
    }
    Ok(groups)
}

fn parse_critical(source: &TableSource, phrases: &mut Phrases) -> Result<Vec<Critical>> {
    let columns = ["finding", "concepts", "needs", "unless", "example", "source"];
    let rows = table::rows(&source.name, &source.text, columns)?;
    let critical = rows.iter().map(|row| {
        let [finding, concepts, needs, unless, _example, _source] = row.cells;
        Critical {
            finding: finding.to_owned(),
            concepts: Concepts::of(concepts),
            needs: phrases.patterns(needs),
            unless: phrases.patterns(unless),
        }
    });
    Ok(critical.collect())
}

fn parse_organs(source: &TableSource, phrases: &mut Phrases) -> Result<Vec<Organ>> {
    let columns = ["organ", "words", "sex", "paired", "removals", "source"];
    let mut organs = Vec::new();
    for row in table::rows(&source.name, &source.text, columns)? {
        let [name, words, sex, paired, removals, _source] = row.cells;
        let sex = match sex {
            "" => None,
            "male" => Some(RecordedSex::Male),
            "female" => Some(RecordedSex::Female),
            _ => {
                let problem = format!("sex: expected male, female or -, found {sex:?}");
                return Err(Error::table(&source.name, row.line, problem));
            }
        };
        organs.push(Organ {
            name: name.to_owned(),
            words: phrases.patterns(words),
            sex,
            is_paired: yes(source, row.line, "paired", paired)?,
            removals: phrases.patterns(removals),
        });
    }
    Ok(organs)
}

fn parse_sites(source: &TableSource, phrases: &mut Phrases) -> Result<Vec<Vec<Pattern>>> {
    let rows = table::rows(&source.name, &source.text, ["site", "words", "source"])?;
    if rows.len() > 64 {
        return Err(Error::table(&source.name, 1, format!("expected at most 64 sites, found {}", rows.len())));
    }
    Ok(rows.iter().map(|row| phrases.patterns(row.cells[1])).collect())
}

fn parse_roles(source: &TableSource) -> Result<FxHashMap<String, Role>> {
    let mut roles = FxHashMap::default();
    for row in table::rows(&source.name, &source.text, ["section", "role", "source"])? {
        let [section, role, _source] = row.cells;
        let role = match role {
            "findings" => Role::Findings,
            "impression" => Role::Impression,
            _ => {
                let problem = format!("role: expected findings or impression, found {role:?}");
                return Err(Error::table(&source.name, row.line, problem));
            }
        };
        roles.insert(section.to_owned(), role);
    }
    Ok(roles)
}

fn yes(source: &TableSource, line: usize, column: &str, cell: &str) -> Result<bool> {
    match cell {
        "yes" => Ok(true),
        "" => Ok(false),
        _ => Err(Error::table(&source.name, line, format!("{column}: expected yes or -, found {cell:?}"))),
    }
}
