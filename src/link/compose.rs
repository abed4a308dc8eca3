//! Composition: severity, acuity, side, site and type beside a head, and the concept or code that they make together.
//!
//! A row says which heads it is for, and which groups of qualifiers the mention must hold; of several rows the one that
//! needs most is taken. A row without heads describes a concept by qualifiers alone.

use std::ops::Range;

use rustc_hash::FxHashMap;

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
    /// Codes without a side, right, left and both.
    codes: [Option<CodeIndex>; 4],
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

/// Columns of the table of compositions.
const COLUMNS: [&str; 9] = ["heads", "needs", "concept", "code", "right", "left", "both", "example", "source"];

/// Names of the groups that tell sides, in the order of the columns.
const SIDES: [&str; 3] = ["right", "left", "both"];

impl Compositions {
    /// Reads the tables; `by_id` knows the concepts.
    pub fn parse(
        qualifiers: &TableSource,
        compositions: &TableSource,
        by_id: &FxHashMap<&str, ConceptIndex>,
    ) -> Result<Compositions> {
        let mut phrases = PhraseTrie::new(Compared::Stems);
        let mut groups: FxHashMap<&str, Group> = FxHashMap::default();
        for row in table::rows(&qualifiers.name, &qualifiers.text, ["group", "words", "source"])? {
            let [name, words, _source] = row.cells;
            let fresh = groups.len() as Group;
            let group = *groups.entry(name).or_insert(fresh);
            words.split('|').for_each(|phrase| phrases.insert_text(phrase, u32::from(group)));
        }
        let sides = SIDES.map(|side| groups.get(side).copied());
        let mut table =
            Compositions { phrases, rules: Vec::new(), by_head: FxHashMap::default(), codes: Vec::new(), sides };
        for row in table::rows(&compositions.name, &compositions.text, COLUMNS)? {
            let [heads, needs, concept, code, right, left, both, _example, _source] = row.cells;
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
            rule.codes = [code, right, left, both].map(|code| {
                (!code.is_empty()).then(|| {
                    table.codes.push(code.into());
                    CodeIndex(table.codes.len() as u32 - 1)
                })
            });
            if rule.concept.is_none() && (heads.is_empty() || rule.codes.iter().all(Option::is_none)) {
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
        let mut best: Option<((usize, usize), &Rule)> = None;
        for rule in rules.iter().filter_map(|&index| self.rules.get(index as usize)) {
            if !rule.own.iter().all(holds) || rule.without.iter().any(holds) {
                continue;
            }
            let mut rank = (rule.own.len(), 0);
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
        let side = match self.sides.map(|side| side.is_some_and(|side| holds(&side))) {
            [_, _, true] | [true, true, _] => 3,
            [true, ..] => 1,
            [_, true, _] => 2,
            _ => 0,
        };
        let code = rule.codes[side].or(rule.codes[0]);
        let composed = Composed { concept: rule.concept, code };
        (code.is_some() || rule.concept.is_some()).then_some(composed)
    }

    /// The groups in the heading and before the mention, with how near they stand: the nearer, the larger.
    fn around(&self, place: &Place<'_>) -> Vec<(usize, Group)> {
        let heading = place.document.section_of(place.sentence).map(|section| section.heading);
        let all = place.document.tokens();
        let heading = heading.map_or(&[][..], |span| {
            let start = all.partition_point(|token| token.span.start() < span.start());
            let end = all.partition_point(|token| token.span.end() <= span.end());
            all.get(start..end).unwrap_or(&[])
        });
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
