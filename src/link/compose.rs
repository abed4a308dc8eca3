//! Composition: severity, acuity, side, site and type beside a head, and the concept or code that they make together.
//!
//! A row says which heads it is for, and which groups of qualifiers the mention must hold; of several rows the one that
//! needs most is taken. A row without heads describes a concept by qualifiers alone. A side is read last: the table of
//! laterality knows the codes of the right and the left for those of an unspecified side.

use std::cmp::Reverse;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::LinkTables;
use crate::document::{Document, Sentence};
use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{TableSource, table};
use crate::mention::CodeIndex;
use crate::token::Token;
use crate::{ConceptIndex, Error, Result};

/// The tables of qualifiers and of compositions.
#[derive(Debug)]
pub(super) struct Compositions {
    phrases: PhraseTrie,
    rules: Vec<Rule>,
    /// Rules of each head, and of none.
    by_head: FxHashMap<Option<ConceptIndex>, Vec<u32>>,
    codes: Vec<Box<str>>,
    sides: [Option<Group>; 3],
    /// Codes of the right, the left and both sides, by that of an unspecified side.
    lateral: FxHashMap<Box<str>, [Option<CodeIndex>; 3]>,
}

/// Index of a group of qualifiers.
type Group = u16;

#[derive(Debug, Default)]
struct Rule {
    /// Groups that the mention must hold.
    own: Vec<Group>,
    /// Groups that must stand in it, or before it in its sentence, or in the heading.
    near: Vec<Group>,
    /// Groups that it must not hold.
    without: Vec<Group>,
    concept: Option<ConceptIndex>,
    code: Option<CodeIndex>,
}

/// A mention in its sentence: a range of the sentence's tokens.
pub(super) struct Place<'a> {
    pub document: &'a Document,
    pub sentence: &'a Sentence,
    pub tokens: &'a [Token],
    pub mention: Range<usize>,
}

/// What heads and qualifiers make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Composed {
    pub concept: Option<ConceptIndex>,
    pub code: Option<CodeIndex>,
}

/// Which of the rules that fit is taken: the one that needs most of the mention, then that of the nearest words before it,
/// then that of the words that the mention names first.
type Rank = (usize, usize, Reverse<usize>);

/// Columns of the table of compositions.
const COLUMNS: [&str; 6] = ["heads", "needs", "concept", "code", "example", "source"];

/// Names of the groups that tell sides, and columns of the table of laterality.
const SIDES: [&str; 3] = ["right", "left", "both"];

impl Compositions {
    /// Reads the tables; `by_id` knows the concepts.
    pub fn parse(tables: &LinkTables<'_>, by_id: &FxHashMap<&str, ConceptIndex>) -> Result<Compositions> {
        let (qualifiers, compositions) = (tables.qualifiers, tables.compositions);
        let mut phrases = PhraseTrie::new(Compared::Stems);
        let mut groups: FxHashMap<&str, Group> = FxHashMap::default();
        for row in table::rows(&qualifiers.name, &qualifiers.text, ["group", "words", "source"])? {
            let [name, words, _source] = row.cells;
            let fresh = groups.len() as Group;
            let group = *groups.entry(name).or_insert(fresh);
            words.split('|').for_each(|phrase| phrases.insert_text(phrase, u32::from(group)));
        }
        let mut table = Compositions {
            phrases,
            rules: Vec::new(),
            by_head: FxHashMap::default(),
            codes: Vec::new(),
            sides: SIDES.map(|side| groups.get(side).copied()),
            lateral: FxHashMap::default(),
        };
        table.add_sides(tables.laterality)?;
        for row in table::rows(&compositions.name, &compositions.text, COLUMNS)? {
            let [heads, needs, concept, code, _example, _source] = row.cells;
            let problem = |problem: String| Error::table(&compositions.name, row.line, problem);
            let known = |id: &str| by_id.get(id).copied().ok_or_else(|| problem(format!("no concept {id:?}")));
            let mut rule = Rule::default();
            for need in needs.split(' ').filter(|need| !need.is_empty()) {
                let (list, name) = match need.split_at_checked(1) {
                    Some(("~", name)) => (&mut rule.near, name),
                    Some(("!", name)) => (&mut rule.without, name),
                    _ => (&mut rule.own, need),
                };
                let group = groups.get(name).copied();
                list.push(group.ok_or_else(|| problem(format!("needs: no group {name:?} in {}", qualifiers.name)))?);
            }
            if rule.own.is_empty() && rule.near.is_empty() {
                return Err(problem("needs: expected at least one group".into()));
            }
            rule.concept = if concept.is_empty() { None } else { Some(known(concept)?) };
            rule.code = table.add_code(code);
            if rule.concept.is_none() && (heads.is_empty() || rule.code.is_none()) {
                return Err(problem("expected a concept, or a head and a code".into()));
            }
            let index = table.rules.len() as u32;
            table.rules.push(rule);
            if heads.is_empty() {
                table.by_head.entry(None).or_default().push(index);
            }
            for head in heads.split('|').filter(|head| !head.is_empty()) {
                table.by_head.entry(Some(known(head)?)).or_default().push(index);
            }
        }
        Ok(table)
    }

    fn add_sides(&mut self, laterality: &TableSource) -> Result<()> {
        for row in table::rows(&laterality.name, &laterality.text, ["code", "right", "left", "both", "source"])? {
            let [code, right, left, both, _source] = row.cells;
            let sides = [right, left, both].map(|side| self.add_code(side));
            self.lateral.insert(code.into(), sides);
        }
        Ok(())
    }

    fn add_code(&mut self, code: &str) -> Option<CodeIndex> {
        (!code.is_empty()).then(|| {
            self.codes.push(code.into());
            CodeIndex(self.codes.len() as u32 - 1)
        })
    }

    /// A code by its index.
    pub fn code(&self, code: CodeIndex) -> Option<&str> {
        self.codes.get(code.0 as usize).map(|code| &**code)
    }

    /// Every word that occurs in a qualifier, as keys.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.phrases.keys()
    }

    /// What a head and the words around it make; no head: what the words alone describe.
    pub fn apply(&self, head: Option<ConceptIndex>, place: &Place<'_>) -> Option<Composed> {
        let rules = self.by_head.get(&head)?;
        let own = self.groups(place.tokens.get(place.mention.clone())?);
        let holds = |group: &Group| own.iter().any(|(_, held)| held == group);
        let mut around: Option<Vec<(usize, Group)>> = None;
        let mut best: Option<(Rank, &Rule)> = None;
        for rule in rules.iter().filter_map(|&index| self.rules.get(index as usize)) {
            if !rule.own.iter().all(holds) || rule.without.iter().any(holds) {
                continue;
            }
            let first = rule.own.first().and_then(|group| own.iter().find(|(_, held)| held == group));
            let mut rank = (rule.own.len(), 0, Reverse(first.map_or(0, |&(at, _)| at)));
            let mut is_met = true;
            for group in &rule.near {
                if holds(group) {
                    rank.0 += 1;
                    continue;
                }
                let around = around.get_or_insert_with(|| self.around(place));
                match around.iter().rfind(|(_, held)| held == group) {
                    Some(&(at, _)) => rank.1 += at + 1,
                    None => is_met = false,
                }
            }
            if is_met && best.is_none_or(|(most, _)| rank > most) {
                best = Some((rank, rule));
            }
        }
        let (_, rule) = best?;
        Some(Composed { concept: rule.concept, code: rule.code })
    }

    /// The code of the side that the words tell, for that of an unspecified side.
    pub fn sided(&self, code: &str, own: &[Token]) -> Option<CodeIndex> {
        let [right, left, both] = *self.lateral.get(code)?;
        let own = self.groups(own);
        let holds = |side: Option<Group>| side.is_some_and(|side| own.iter().any(|&(_, held)| held == side));
        match self.sides.map(holds) {
            [_, _, true] | [true, true, _] => both,
            [true, ..] => right,
            [_, true, _] => left,
            _ => None,
        }
    }

    /// The groups in the sub-heading and before the mention, with how near they stand: the nearer, the larger.
    fn around(&self, place: &Place<'_>) -> Vec<(usize, Group)> {
        let heading = sub_heading(place.document, place.sentence);
        let mut groups = self.groups(heading);
        let n = heading.len();
        let before = place.tokens.get(..place.mention.start).unwrap_or(&[]);
        groups.extend(self.groups(before).into_iter().map(|(at, group)| (at + n, group)));
        groups
    }

    /// The groups among tokens, with the token at which each begins; of nested phrases the longest.
    fn groups(&self, tokens: &[Token]) -> Vec<(usize, Group)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let mut spelled: Vec<(usize, u32)> = Vec::new();
            self.phrases.longest(&tokens[at..], |used, value| {
                spelled.push((used, value));
                false
            });
            let longest = spelled.last().map_or(0, |&(used, _)| used);
            let whole = spelled.iter().filter(|(used, _)| *used == longest);
            found.extend(whole.map(|&(_, value)| (at, value as Group)));
            at += longest.max(1);
        }
        found
    }
}

/// Sentences that a sub-heading is looked for before one.
const MAX_BACK: usize = 12;

/// The words of the nearest heading before a sentence, in its section: those that stand in no sentence.
fn sub_heading<'a>(document: &'a Document, sentence: &Sentence) -> &'a [Token] {
    let sentences = document.sentences();
    let own = sentences.partition_point(|other| other.first_token < sentence.first_token);
    for index in (own.saturating_sub(MAX_BACK)..=own).rev() {
        let Some(here) = sentences.get(index).filter(|here| here.section == sentence.section) else { break };
        let before = index.checked_sub(1).and_then(|before| sentences.get(before)).map_or(0, |before| before.end_token);
        let between = document.tokens().get(before as usize..here.first_token as usize).unwrap_or(&[]);
        if between.iter().any(Token::is_wordlike) {
            return between;
        }
    }
    &[]
}
