//! OBO (format 1.2 and 1.4): HPO, DOID, SYMP, MONDO, and other ontologies.
//!
//! A file is read twice: once for the classes and what they are part of, since the type of a term is that of its nearest
//! class in the table of types; once for terms.

use std::collections::VecDeque;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use super::SynonymScope;
use super::collect::{Collector, Provenance, SourceClass, SourceConcept};
use super::lines::Lines;
use super::systems::Codes;
use crate::Result;

/// The classes of an ontology, and which is a part of which.
#[derive(Default)]
struct Classes {
    indices: FxHashMap<Box<str>, u32>,
    ids: Vec<Box<str>>,
    parents: Vec<Vec<u32>>,
}

/// A stanza `[Term]`.
#[derive(Default)]
struct Stanza {
    line: u64,
    id: String,
    name: String,
    is_obsolete: bool,
    synonyms: Vec<(u64, String, SynonymScope)>,
    codes: Codes,
}

/// Reads a file.
pub(super) fn read(path: &Path, collector: &mut Collector<'_>) -> Result<()> {
    let classes = Classes::read(path)?;
    let mut lines = Lines::open(path)?;
    let mut stanza: Option<Stanza> = None;
    while let Some((number, line)) = lines.next(|line, problem| collector.malformed(line, problem))? {
        if line.starts_with('[') {
            finish(stanza.take(), &classes, collector);
            stanza = (line.trim_end() == "[Term]").then(|| Stanza { line: number, ..Stanza::default() });
        } else if let Some(stanza) = &mut stanza {
            stanza.take(number, line, collector);
        }
    }
    finish(stanza, &classes, collector);
    Ok(())
}

impl Classes {
    fn read(path: &Path) -> Result<Classes> {
        let mut classes = Classes::default();
        let mut lines = Lines::open(path)?;
        let mut current = None;
        // What is malformed is reported when terms are read.
        while let Some((_, line)) = lines.next(|_, _| {})? {
            if line.starts_with('[') {
                current = None;
            } else if let Some(id) = line.strip_prefix("id: ") {
                current = Some(classes.index(value(id)));
            } else if let Some(parent) = line.strip_prefix("is_a: ")
                && let Some(child) = current
            {
                let parent = classes.index(value(parent));
                if let Some(parents) = classes.parents.get_mut(child as usize) {
                    parents.push(parent);
                }
            }
        }
        Ok(classes)
    }

    fn index(&mut self, id: &str) -> u32 {
        if let Some(&index) = self.indices.get(id) {
            return index;
        }
        let index = self.ids.len() as u32;
        self.indices.insert(id.into(), index);
        self.ids.push(id.into());
        self.parents.push(Vec::new());
        index
    }

    /// A class and those that it is a part of, the nearest first.
    fn above(&self, id: &str) -> Vec<&str> {
        let mut above = Vec::new();
        let mut seen = FxHashSet::default();
        let mut queue: VecDeque<u32> = self.indices.get(id).copied().into_iter().collect();
        while let Some(class) = queue.pop_front() {
            if seen.insert(class) {
                above.extend(self.ids.get(class as usize).map(|id| &**id));
                queue.extend(self.parents.get(class as usize).into_iter().flatten());
            }
        }
        above
    }
}

impl Stanza {
    fn take(&mut self, number: u64, line: &str, collector: &mut Collector<'_>) {
        if line.trim().is_empty() || line.starts_with('!') {
            return;
        }
        let Some((tag, content)) = line.split_once(':') else {
            return collector.malformed(number, "expected TAG: VALUE, found a line without a colon");
        };
        let content = content.trim();
        match tag {
            "id" => self.id = value(content).to_owned(),
            "name" => self.name = unescaped(content),
            "is_obsolete" => self.is_obsolete = content.starts_with("true"),
            "synonym" => match synonym(content) {
                Some((term, scope)) => self.synonyms.push((number, term, scope)),
                None => collector.malformed(number, "synonym: expected a term in quotes and its scope"),
            },
            "xref" => {
                if let Some((prefix, code)) = value(content).split_once(':') {
                    collector.tables().systems.add(prefix, code, &mut self.codes);
                }
            }
            _ => {}
        }
    }
}

/// Hands over a finished stanza.
fn finish(stanza: Option<Stanza>, classes: &Classes, collector: &mut Collector<'_>) {
    let Some(mut stanza) = stanza else { return };
    if stanza.id.is_empty() || (stanza.name.is_empty() && !stanza.is_obsolete) {
        return collector.malformed(stanza.line, "a [Term] without id or name");
    }
    let (prefix, code) = stanza.id.split_once(':').unwrap_or((&stanza.id, ""));
    let from = Provenance { vocabulary: prefix, language: None, is_suppressed: stanza.is_obsolete };
    if stanza.name.is_empty() || !collector.keeps(from) {
        return;
    }
    let mut codes = Codes::default();
    collector.tables().systems.add(prefix, code, &mut codes);
    codes.append(std::mem::take(&mut stanza.codes));
    let above = classes.above(&stanza.id);
    let class = SourceClass::Of(prefix, &above);
    let concept = SourceConcept { id: &stanza.id, name: &stanza.name, class, codes: &codes };
    let Some(index) = collector.concept(&concept) else { return };
    collector.title(stanza.line, index, &stanza.id, prefix, &stanza.name);
    for (line, term, scope) in &stanza.synonyms {
        collector.synonym(*line, index, &stanza.id, term, *scope);
    }
}

/// A value without trailing qualifiers and comment: `HP:1 {source="x"} ! name`.
fn value(content: &str) -> &str {
    content.split([' ', '\t', '{', '!']).next().unwrap_or("")
}

/// The term and the scope of `"TERM" SCOPE ...`; a term that the source calls obsolete is only related.
fn synonym(content: &str) -> Option<(String, SynonymScope)> {
    let quoted = content.strip_prefix('"')?;
    let mut escaped = false;
    let end = quoted.char_indices().find(|&(_, character)| {
        let ends = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        ends
    });
    let (end, _) = end?;
    let (term, rest) = quoted.split_at(end);
    let mut words = rest.trim_start_matches('"').split_whitespace();
    let scope = match (words.next(), words.next()) {
        (_, Some("obsolete_synonym")) => SynonymScope::Related,
        (Some("EXACT"), _) => SynonymScope::Exact,
        (Some("NARROW"), _) => SynonymScope::Narrow,
        (Some("BROAD"), _) => SynonymScope::Broad,
        _ => SynonymScope::Related,
    };
    (!term.trim().is_empty()).then(|| (unescaped(term), scope))
}

/// A value without its backslashes.
fn unescaped(content: &str) -> String {
    let mut plain = String::with_capacity(content.len());
    let mut characters = content.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                plain.extend(characters.next().map(|next| if matches!(next, 'n' | 't' | 'W') { ' ' } else { next }))
            }
            character => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_synonyms() {
        use SynonymScope::{Broad, Exact, Related};
        let check = |content: &str, expected: Option<(&str, SynonymScope)>| {
            assert_eq!(synonym(content), expected.map(|(term, scope)| (term.to_owned(), scope)), "{content}");
        };
        check("\"Fever\" EXACT layperson []", Some(("Fever", Exact)));
        check("\"so \\\"called\\\"\" BROAD []", Some(("so \"called\"", Broad)));
        check("\"x\" EXACT obsolete_synonym []", Some(("x", Related)));
        check("\"x\"", Some(("x", Related)));
        for malformed in ["Fever EXACT", "\"Fever EXACT", "\"\" EXACT"] {
            check(malformed, None);
        }
        assert_eq!(value("HP:0001945 {source=\"x\"} ! Fever"), "HP:0001945");
    }
}
