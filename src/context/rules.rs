//! The rule tables: cues with category, direction and reach; section priors; words of lasting conditions.

use rustc_hash::FxHashMap;

use super::ContextTables;
use crate::assertion::RuleIndex;
use crate::document::SectionKind;
use crate::lexicon::table;
use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::token::Token;
use crate::{Error, Result};

/// What a cue says of the mentions it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// Not there.
    Absent,
    /// Uncertain.
    Possible,
    /// There after all: ends the reach of absence and doubt, and reaches itself.
    Present,
    /// Over before this episode.
    Historical,
    /// Not asserted as happening.
    Hypothetical,
    /// In this episode after all.
    Current,
    /// A relative's.
    Family,
    /// Somebody else's.
    Other,
    /// The patient's after all.
    Patient,
    /// A verb of telling: the relative before it is who tells, not whose problem it is.
    Reporting,
    /// Looks like a cue and is none.
    Pseudo,
    /// Ends the reach of every cue.
    End,
}

/// An axis of the assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Presence,
    Temporality,
    Experiencer,
}

impl Axis {
    /// Every axis.
    pub const ALL: [Axis; 3] = [Axis::Presence, Axis::Temporality, Axis::Experiencer];
}

impl Category {
    const NAMES: [(&'static str, Category); 12] = [
        ("absent", Category::Absent),
        ("possible", Category::Possible),
        ("present", Category::Present),
        ("historical", Category::Historical),
        ("hypothetical", Category::Hypothetical),
        ("current", Category::Current),
        ("family", Category::Family),
        ("other", Category::Other),
        ("patient", Category::Patient),
        ("reporting", Category::Reporting),
        ("pseudo", Category::Pseudo),
        ("end", Category::End),
    ];

    /// The name in the tables.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, category)| *category == self).map_or("", |(name, _)| name)
    }

    /// The axis that the category decides.
    pub fn axis(self) -> Option<Axis> {
        match self {
            Category::Absent | Category::Possible | Category::Present => Some(Axis::Presence),
            Category::Historical | Category::Hypothetical | Category::Current => Some(Axis::Temporality),
            Category::Family | Category::Other | Category::Patient => Some(Axis::Experiencer),
            Category::Reporting | Category::Pseudo | Category::End => None,
        }
    }
}

/// Where the mentions that a cue reaches stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// After it.
    Forward,
    /// Before it.
    Backward,
    /// Before and after it.
    Both,
    /// Before it, and only where the clause ends with it: `Fever: no.`
    Closing,
}

/// A row of the cue table.
#[derive(Clone, Copy, Debug)]
pub(super) struct CueRow {
    pub category: Category,
    pub direction: Direction,
    /// Most tokens between cue and mention.
    pub limit: usize,
    /// Whether a historical cue holds for lasting conditions too.
    pub overrides_chronic: bool,
}

/// The compiled tables.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    rows: Vec<CueRow>,
    names: Vec<String>,
    /// The rows of each cue's words.
    phrases: Vec<Vec<RuleIndex>>,
    trie: PhraseTrie,
    priors: FxHashMap<SectionKind, (Category, RuleIndex)>,
    chronic: PhraseTrie,
    /// The first of the rules `model:CATEGORY`, one for each category in the order of their names.
    first_learned: u32,
}

impl Rules {
    pub fn parse(tables: &ContextTables<'_>, section_index: impl Fn(&str) -> Option<SectionKind>) -> Result<Rules> {
        let mut rules = Rules {
            rows: Vec::new(),
            names: Vec::new(),
            phrases: Vec::new(),
            trie: PhraseTrie::new(Compared::Words),
            priors: FxHashMap::default(),
            chronic: PhraseTrie::new(Compared::Stems),
            first_learned: 0,
        };
        rules.parse_cues(tables)?;
        let source = tables.priors;
        for row in table::rows(&source.name, &source.text, ["section", "category", "example", "source"])? {
            let [section, category, _example, _source] = row.cells;
            let category = category_named(&source.name, row.line, category)?;
            let kind = section_index(section).ok_or_else(|| {
                Error::table(&source.name, row.line, format!("section {section:?} is no kind of section-kinds.tsv"))
            })?;
            let rule = rules.add(
                format!("section:{section}"),
                CueRow { category, direction: Direction::Both, limit: usize::MAX, overrides_chronic: false },
            );
            rules.priors.insert(kind, (category, rule));
        }
        rules.first_learned = rules.rows.len() as u32;
        for (name, category) in Category::NAMES {
            let row = CueRow { category, direction: Direction::Both, limit: usize::MAX, overrides_chronic: false };
            rules.add(format!("model:{name}"), row);
        }
        let source = tables.chronic;
        for (index, row) in table::rows(&source.name, &source.text, ["word", "source"])?.iter().enumerate() {
            rules.chronic.insert_text(row.cells[0], index as u32);
        }
        Ok(rules)
    }

    fn parse_cues(&mut self, tables: &ContextTables<'_>) -> Result<()> {
        let source = tables.cues;
        let columns = ["cue", "category", "direction", "limit", "example", "source"];
        let mut phrases: FxHashMap<&str, usize> = FxHashMap::default();
        for row in table::rows(&source.name, &source.text, columns)? {
            let [cue, category, direction, limit, _example, _source] = row.cells;
            let problem = |problem: String| Error::table(&source.name, row.line, problem);
            let category = category_named(&source.name, row.line, category)?;
            let direction = match direction {
                "forward" => Direction::Forward,
                "backward" => Direction::Backward,
                "both" | "" => Direction::Both,
                "closing" => Direction::Closing,
                _ => {
                    let expected = "direction: expected forward, backward, both or closing";
                    return Err(problem(format!("{expected}, found {direction:?}")));
                }
            };
            let (limit, overrides_chronic) = match limit.strip_suffix('!') {
                Some(limit) => (limit, true),
                None => (limit, false),
            };
            let limit = match limit {
                "" => usize::MAX,
                number => number
                    .parse()
                    .map_err(|_| problem(format!("limit: expected a number of tokens, found {number:?}")))?,
            };
            if cue.is_empty() {
                return Err(problem("cue is empty".into()));
            }
            let rule =
                self.add(format!("{}:{cue}", row.cells[1]), CueRow { category, direction, limit, overrides_chronic });
            let phrase = *phrases.entry(cue).or_insert_with(|| {
                self.phrases.push(Vec::new());
                self.trie.insert_text(cue, self.phrases.len() as u32 - 1);
                self.phrases.len() - 1
            });
            self.phrases[phrase].push(rule);
        }
        Ok(())
    }

    fn add(&mut self, name: String, row: CueRow) -> RuleIndex {
        self.rows.push(row);
        self.names.push(name);
        RuleIndex(self.rows.len() as u32 - 1)
    }

    pub fn row(&self, rule: RuleIndex) -> &CueRow {
        &self.rows[rule.0 as usize]
    }

    pub fn name(&self, rule: RuleIndex) -> &str {
        self.names.get(rule.0 as usize).map_or("", String::as_str)
    }

    /// The rule by which a model gives a category.
    pub fn learned(&self, category: Category) -> RuleIndex {
        RuleIndex(self.first_learned + category as u32)
    }

    /// The category that a section gives to mentions that no cue decides.
    pub fn prior(&self, kind: SectionKind) -> Option<(Category, RuleIndex)> {
        self.priors.get(&kind).copied()
    }

    /// The longest cue at the start of `tokens`: how many tokens it takes, and the rows that hold there.
    ///
    /// `closes` tells whether a clause ends after so many tokens: then the rows that need this hold, else the others.
    pub fn cue(
        &self,
        tokens: &[Token],
        closes: impl Fn(usize) -> bool,
    ) -> Option<(usize, impl Iterator<Item = RuleIndex>)> {
        let holds = |rule: RuleIndex, closing: bool| (self.row(rule).direction == Direction::Closing) == closing;
        let active = |phrase: u32, used: usize| {
            let rows = &self.phrases[phrase as usize];
            let closing = rows.iter().any(|&rule| holds(rule, true)) && closes(used);
            rows.iter().copied().filter(move |&rule| holds(rule, closing))
        };
        let (used, phrase) = self.trie.longest(tokens, |used, phrase| active(phrase, used).next().is_some())?;
        Some((used, active(phrase, used)))
    }

    /// Whether the tokens of a mention name a lasting condition.
    pub fn is_chronic(&self, tokens: &[Token]) -> bool {
        (0..tokens.len()).any(|index| self.chronic.longest(&tokens[index..], |_, _| true).is_some())
    }

    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.trie.keys()
    }
}

fn category_named(table: &str, line: usize, name: &str) -> Result<Category> {
    let found = Category::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, category)| category);
    found.ok_or_else(|| {
        let names: Vec<&str> = Category::NAMES.iter().map(|(name, _)| *name).collect();
        Error::table(table, line, format!("category: expected one of {}, found {name:?}", names.join(", ")))
    })
}
