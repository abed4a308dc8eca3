//! SNOMED CT Release Format 2: snapshot files of concepts, descriptions and, where it is given, of a language reference set.
//!
//! The type of a concept is that of the semantic tag in its fully specified name. Descriptions stand in no order of concepts,
//! so their file is read twice: for the names, then for the synonyms. Identifiers of concepts and, with a language reference
//! set, of descriptions are held in memory.

use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use super::collect::{Collector, Provenance, SourceClass, SourceConcept};
use super::lines::Lines;
use super::systems::Codes;
use crate::Result;
use crate::lexicon::compile::Rank;

/// The name of the terminology in the tables.
const SNOMED: &str = "SNOMEDCT";
/// The type of a fully specified name.
const FULL_NAME: &str = "900000000000003001";
/// The type of a text definition, which is no term.
const DEFINITION: &str = "900000000000550004";
/// A description that is preferred in a language.
const PREFERRED: &str = "900000000000548007";

/// The files of a release.
#[derive(Clone, Debug, Default)]
pub(super) struct Release<'p> {
    pub concepts: Vec<&'p Path>,
    pub descriptions: Vec<&'p Path>,
    pub languages: Vec<&'p Path>,
}

/// A row of a file of descriptions.
struct Description<'l> {
    id: &'l str,
    is_active: bool,
    concept: &'l str,
    language: &'l str,
    kind: &'l str,
    term: &'l str,
}

/// Reads a release.
pub(super) fn read(release: &Release<'_>, collector: &mut Collector<'_>) -> Result<()> {
    let mut inactive = FxHashSet::default();
    for path in &release.concepts {
        rows(path, collector, 5, |_, _, cells| {
            if let [id, _, "0", ..] = cells {
                inactive.extend(id.parse::<u64>());
            }
            Ok(())
        })?;
    }
    // Of each acceptable description, whether it is preferred.
    let mut acceptable: FxHashMap<u64, bool> = FxHashMap::default();
    for path in &release.languages {
        rows(path, collector, 7, |_, _, cells| {
            if let [_, _, "1", _, _, description, acceptability, ..] = cells {
                let description = description.parse().map_err(|_| "referencedComponentId: expected an identifier")?;
                *acceptable.entry(description).or_default() |= *acceptability == PREFERRED;
            }
            Ok(())
        })?;
    }
    let mut indices: FxHashMap<u64, u32> = FxHashMap::default();
    for path in &release.descriptions {
        descriptions(path, collector, Report::Malformed, |collector, line, description| {
            let Some(concept) = full_name(description) else { return Ok(()) };
            let id = description.concept.parse().map_err(|_| "conceptId: expected an identifier")?;
            let is_suppressed = !description.is_active || inactive.contains(&id);
            let (name, tag) = concept;
            let language = Some(description.language);
            if !collector.keeps(Provenance { vocabulary: SNOMED, language, is_suppressed }) {
                return Ok(());
            }
            let mut codes = Codes::default();
            collector.tables().systems.add(SNOMED, description.concept, &mut codes);
            let class = SourceClass::Of(SNOMED, &[tag]);
            let concept = SourceConcept { id: description.concept, name, class, codes: &codes };
            if let Some(index) = collector.concept(&concept) {
                indices.insert(id, index);
                collector.title(line, index, description.concept, SNOMED, name);
            }
            Ok(())
        })?;
    }
    for path in &release.descriptions {
        descriptions(path, collector, Report::Nothing, |collector, line, description| {
            let Some(&index) = description.concept.parse().ok().and_then(|id: u64| indices.get(&id)) else {
                return Ok(());
            };
            if description.kind == DEFINITION || description.kind == FULL_NAME {
                return Ok(());
            }
            let preferred = description.id.parse().ok().and_then(|id: u64| acceptable.get(&id)).copied();
            let is_suppressed = !description.is_active || (!acceptable.is_empty() && preferred.is_none());
            let language = Some(description.language);
            if collector.keeps(Provenance { vocabulary: SNOMED, language, is_suppressed }) {
                let rank = if preferred == Some(true) { Rank::Name } else { Rank::Exact };
                collector.term(line, index, description.concept, description.term, rank);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Whether malformed lines are reported: once, where a file is read twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Report {
    Malformed,
    Nothing,
}

/// The name and the semantic tag of `Name (tag)`; `None` where the description is no fully specified name.
fn full_name<'l>(description: &Description<'l>) -> Option<(&'l str, &'l str)> {
    if description.kind != FULL_NAME {
        return None;
    }
    let split = description.term.strip_suffix(')').and_then(|term| term.rsplit_once('('));
    Some(split.map_or((description.term, "none"), |(name, tag)| (name.trim(), tag)))
}

/// Goes through the rows of a file of descriptions.
fn descriptions(
    path: &Path,
    collector: &mut Collector<'_>,
    report: Report,
    mut take: impl FnMut(&mut Collector<'_>, u64, &Description<'_>) -> Result<(), &'static str>,
) -> Result<()> {
    collector.begin(path);
    let mut lines = Lines::open(path)?;
    loop {
        let malformed = |line, problem: &str| {
            if report == Report::Malformed {
                collector.malformed(line, problem);
            }
        };
        let Some((number, line)) = lines.next(malformed)? else { return Ok(()) };
        if number == 1 || line.is_empty() {
            continue;
        }
        let cells: Vec<&str> = line.split('\t').collect();
        let taken = match cells.as_slice() {
            &[id, _, active, _, concept, language, kind, term, _] if !term.is_empty() => {
                let description = Description { id, is_active: active == "1", concept, language, kind, term };
                take(collector, number, &description)
            }
            _ => Err("a description: expected 9 cells with a term"),
        };
        if let (Err(problem), Report::Malformed) = (taken, report) {
            collector.malformed(number, format!("{problem}, found {} cells", cells.len()));
        }
    }
}

/// Goes through the rows of another file of a release, those without the expected number of cells reported.
fn rows(
    path: &Path,
    collector: &mut Collector<'_>,
    n_cells: usize,
    mut take: impl FnMut(&mut Collector<'_>, u64, &[&str]) -> Result<(), &'static str>,
) -> Result<()> {
    collector.begin(path);
    let mut lines = Lines::open(path)?;
    while let Some((number, line)) = lines.next(|line, problem| collector.malformed(line, problem))? {
        if number == 1 || line.is_empty() {
            continue;
        }
        let cells: Vec<&str> = line.split('\t').collect();
        let taken =
            if cells.len() == n_cells { take(collector, number, &cells) } else { Err("another number of cells") };
        if let Err(problem) = taken {
            collector.malformed(number, format!("{problem}: expected {n_cells} cells, found {}", cells.len()));
        }
    }
    Ok(())
}
