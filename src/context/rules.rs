//! The rule tables: cues with category, direction and reach; section priors; words of lasting conditions.

use rustc_hash::FxHashMap;

use super::{ContextTables, FactCues};
use crate::assertion::RuleIndex;
use crate::document::SectionKind;
use crate::fact::{FactType, FactTypes, Says};
use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{TableSource, table};
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
    /// The types of facts that it holds for.
    pub facts: FactTypes,
}

impl CueRow {
    /// A row that reaches everywhere.
    fn unlimited(category: Category, facts: FactTypes) -> CueRow {
        CueRow { category, direction: Direction::Both, limit: usize::MAX, overrides_chronic: false, facts }
    }
}

/// The words of a cue while the tables are read.
struct Phrase {
    /// Their place in [`Rules::phrases`].
    place: usize,
    /// The types of facts for which the table of facts has rows of these words.
    own: FactTypes,
}

/// The rules that assert a fact without a cue: what its form says, and a year beside it.
const WITHOUT_CUE: [(&str, Category); 4] = [
    ("form:absent", Category::Absent),
    ("form:historical", Category::Historical),
    ("form:hypothetical", Category::Hypothetical),
    ("date:earlier-year", Category::Historical),
];

/// The compiled tables.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    rows: Vec<CueRow>,
    names: Vec<String>,
    /// The rows of each cue's words.
    phrases: Vec<Vec<RuleIndex>>,
    trie: PhraseTrie,
    priors: FxHashMap<SectionKind, Vec<(Category, RuleIndex)>>,
    chronic: PhraseTrie,
    /// The first of the rules `model:CATEGORY`, one for each category in the order of their names.
    first_learned: u32,
    /// The first of the rules by which facts are asserted without a cue.
    first_of_facts: u32,
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
            first_of_facts: 0,
        };
        let mut phrases = FxHashMap::default();
        if let Some(facts) = &tables.facts {
            rules.parse_fact_cues(facts, &mut phrases)?;
        }
        rules.parse_cues(tables.cues, &mut phrases)?;
        rules.parse_priors(tables, section_index)?;
        rules.first_learned = rules.rows.len() as u32;
        for (name, category) in Category::NAMES {
            rules.add(format!("model:{name}"), CueRow::unlimited(category, FactTypes::ALL));
        }
        rules.first_of_facts = rules.rows.len() as u32;
        for (name, category) in WITHOUT_CUE {
            rules.add(name.to_owned(), CueRow::unlimited(category, FactTypes::ALL));
        }
        let source = tables.chronic;
        for (index, row) in table::rows(&source.name, &source.text, ["word", "source"])?.iter().enumerate() {
            rules.chronic.insert_text(row.cells[0], index as u32);
        }
        Ok(rules)
    }

    /// Reads the cues; of facts, they hold for the types that no row of the same words in the table of facts has.
    fn parse_cues<'a>(&mut self, source: &'a TableSource, phrases: &mut FxHashMap<&'a str, Phrase>) -> Result<()> {
        let columns = ["cue", "category", "direction", "limit", "example", "source"];
        for row in table::rows(&source.name, &source.text, columns)? {
            let [cue, category, direction, limit, _example, _source] = row.cells;
            let problem = |problem: String| Error::table(&source.name, row.line, problem);
            let types = phrases.get(cue).map_or(FactTypes::ALL, |phrase| phrase.own.complement());
            let parsed = cue_row([cue, category, direction, limit], types).map_err(problem)?;
            self.add_cue(phrases, cue, parsed);
        }
        Ok(())
    }

    /// Reads the cues of facts.
    fn parse_fact_cues<'a>(&mut self, facts: &FactCues<'a>, phrases: &mut FxHashMap<&'a str, Phrase>) -> Result<()> {
        let source = facts.cues;
        let columns = ["cue", "types", "category", "direction", "limit", "example", "source"];
        for row in table::rows(&source.name, &source.text, columns)? {
            let [cue, types, category, direction, limit, _example, _source] = row.cells;
            let problem = |problem: String| Error::table(&source.name, row.line, problem);
            let types = FactTypes::parse(types).map_err(|name| problem(format!("types: {name:?} is no type")))?;
            let parsed = cue_row([cue, category, direction, limit], types).map_err(problem)?;
            let phrase = self.add_cue(phrases, cue, parsed);
            phrase.own = phrase.own.with(types);
        }
        Ok(())
    }

    fn add_cue<'a, 'b>(
        &mut self,
        phrases: &'b mut FxHashMap<&'a str, Phrase>,
        cue: &'a str,
        row: CueRow,
    ) -> &'b mut Phrase {
        let rule = self.add(format!("{}:{cue}", row.category.name()), row);
        let phrase = phrases.entry(cue).or_insert_with(|| {
            self.phrases.push(Vec::new());
            self.trie.insert_text(cue, self.phrases.len() as u32 - 1);
            Phrase { place: self.phrases.len() - 1, own: FactTypes::NONE }
        });
        self.phrases[phrase.place].push(rule);
        phrase
    }

    fn parse_priors(
        &mut self,
        tables: &ContextTables<'_>,
        section_index: impl Fn(&str) -> Option<SectionKind>,
    ) -> Result<()> {
        let mut add = |source: &TableSource, line: usize, section: &str, category: &str, types: &str| {
            let problem = |problem: String| Error::table(&source.name, line, problem);
            let category = category_named(category).map_err(problem)?;
            let kind = section_index(section)
                .ok_or_else(|| problem(format!("section {section:?} is no kind of section-kinds.tsv")))?;
            let types = FactTypes::parse(types).map_err(|name| problem(format!("types: {name:?} is no type")))?;
            let rule = self.add(format!("section:{section}"), CueRow::unlimited(category, types));
            self.priors.entry(kind).or_default().push((category, rule));
            Ok::<(), Error>(())
        };
        if let Some(FactCues { priors: source, .. }) = tables.facts {
            let columns = ["section", "types", "category", "example", "source"];
            for row in table::rows(&source.name, &source.text, columns)? {
                let [section, types, category, _example, _source] = row.cells;
                add(source, row.line, section, category, types)?;
            }
            return Ok(());
        }
        let source = tables.priors;
        for row in table::rows(&source.name, &source.text, ["section", "category", "example", "source"])? {
            let [section, category, _example, _source] = row.cells;
            add(source, row.line, section, category, "")?;
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

    /// The category that a section gives to mentions that no cue decides; of facts, to those of a type.
    pub fn prior(&self, kind: SectionKind, fact: Option<FactType>) -> Option<(Category, RuleIndex)> {
        self.priors.get(&kind)?.iter().copied().find(|&(_, rule)| self.holds_for(rule, fact))
    }

    /// Whether a rule holds for a type of facts; all hold for mentions.
    pub fn holds_for(&self, rule: RuleIndex, fact: Option<FactType>) -> bool {
        fact.is_none_or(|kind| self.row(rule).facts.contains(kind))
    }

    /// The rule by which a form says something by itself, and what.
    pub fn said(&self, says: Says) -> (Category, RuleIndex) {
        self.without_cue(match says {
            Says::Absent => 0,
            Says::Historical => 1,
            Says::Hypothetical => 2,
        })
    }

    /// The rule by which a year before that of the note makes a fact historical.
    pub fn earlier_year(&self) -> (Category, RuleIndex) {
        self.without_cue(3)
    }

    fn without_cue(&self, place: u32) -> (Category, RuleIndex) {
        let rule = RuleIndex(self.first_of_facts + place);
        (self.row(rule).category, rule)
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

/// Reads the cells `cue`, `category`, `direction` and `limit` of a row.
fn cue_row([cue, category, direction, limit]: [&str; 4], facts: FactTypes) -> Result<CueRow, String> {
    let category = category_named(category)?;
    let direction = match direction {
        "forward" => Direction::Forward,
        "backward" => Direction::Backward,
        "both" | "" => Direction::Both,
        "closing" => Direction::Closing,
        _ => {
            let expected = "direction: expected forward, backward, both or closing";
            return Err(format!("{expected}, found {direction:?}"));
        }
    };
    let (limit, overrides_chronic) = match limit.strip_suffix('!') {
        Some(limit) => (limit, true),
        None => (limit, false),
    };
    let limit = match limit {
        "" => usize::MAX,
        number => number.parse().map_err(|_| format!("limit: expected a number of tokens, found {number:?}"))?,
    };
    if cue.is_empty() {
        return Err("cue is empty".into());
    }
    Ok(CueRow { category, direction, limit, overrides_chronic, facts })
}

fn category_named(name: &str) -> Result<Category, String> {
    let found = Category::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, category)| category);
    found.ok_or_else(|| {
        let names: Vec<&str> = Category::NAMES.iter().map(|(name, _)| *name).collect();
        format!("category: expected one of {}, found {name:?}", names.join(", "))
    })
}
