//! UMLS Rich Release Format: MRCONSO.RRF (terms) and MRSTY.RRF (semantic types), as MetamorphoSys writes them.
//!
//! MRCONSO is sorted by concept, so that one concept is held at a time; of MRSTY the types of all concepts are held.

use std::path::Path;

use rustc_hash::FxHashMap;

use super::collect::{Collector, Provenance, SourceClass, SourceConcept};
use super::lines::Lines;
use super::systems::Codes;
use crate::Result;
use crate::lexicon::compile::Rank;

/// The name of the terminology in the tables.
const UMLS: &str = "UMLS";
/// Fields of a row of MRCONSO, the empty one after the last bar included.
const CONSO_FIELDS: usize = 19;
/// Fields of a row of MRSTY.
const STY_FIELDS: usize = 7;

/// The semantic types of concepts: lists, of identifiers and names, that many concepts share, and which a concept has.
#[derive(Default)]
struct SemanticTypes {
    lists: Vec<Vec<Box<str>>>,
    of: FxHashMap<u32, u32>,
}

/// The rows of one concept.
#[derive(Default)]
struct Atoms {
    cui: String,
    kept: Vec<Atom>,
    codes: Codes,
}

struct Atom {
    line: u64,
    term: String,
    /// Preferred term in its preferred spelling.
    is_preferred: bool,
}

/// Reads MRCONSO files by the semantic types of MRSTY files; without these, concepts have no type.
pub(super) fn read(conso: &[&Path], sty: &[&Path], collector: &mut Collector<'_>) -> Result<()> {
    let mut types = SemanticTypes::default();
    for path in sty {
        types.read(path, collector)?;
    }
    for path in conso {
        collector.begin(path);
        read_conso(path, &types, collector)?;
    }
    Ok(())
}

impl SemanticTypes {
    fn read(&mut self, path: &Path, collector: &mut Collector<'_>) -> Result<()> {
        collector.begin(path);
        let mut known: FxHashMap<Vec<Box<str>>, u32> = FxHashMap::default();
        let mut lines = Lines::open(path)?;
        while let Some((number, line)) = lines.next(|line, problem| collector.malformed(line, problem))? {
            let fields: Vec<&str> = line.split('|').collect();
            let cui = fields.first().and_then(|cui| number_of(cui));
            let (Some(cui), [_, tui, _, name, ..], STY_FIELDS) = (cui, fields.as_slice(), fields.len()) else {
                collector.malformed(
                    number,
                    format!("MRSTY: expected CUI|TUI|STN|STY|ATUI|CVF|, found {} fields", fields.len()),
                );
                continue;
            };
            let mut list =
                self.of.get(&cui).and_then(|&place| self.lists.get(place as usize)).cloned().unwrap_or_default();
            list.extend([(*tui).into(), (*name).into()]);
            let place = *known.entry(list).or_insert_with_key(|list| {
                self.lists.push(list.clone());
                (self.lists.len() - 1) as u32
            });
            self.of.insert(cui, place);
        }
        Ok(())
    }

    fn of(&self, cui: &str) -> Vec<&str> {
        let place = number_of(cui).and_then(|cui| self.of.get(&cui));
        let list = place.and_then(|&place| self.lists.get(place as usize));
        list.into_iter().flatten().map(|tui| &**tui).collect()
    }
}

/// The number of a CUI.
fn number_of(cui: &str) -> Option<u32> {
    cui.strip_prefix('C').filter(|digits| digits.len() >= 7)?.parse().ok()
}

fn read_conso(path: &Path, types: &SemanticTypes, collector: &mut Collector<'_>) -> Result<()> {
    let mut lines = Lines::open(path)?;
    let mut atoms = Atoms::default();
    while let Some((number, line)) = lines.next(|line, problem| collector.malformed(line, problem))? {
        let mut fields = [""; CONSO_FIELDS];
        let mut n_fields = 0;
        for field in line.split('|') {
            if let Some(place) = fields.get_mut(n_fields) {
                *place = field;
            }
            n_fields += 1;
        }
        let [cui, language, status, _, form, _, is_preferred, _, _, _, _, source, _, code, term, _, suppress, ..] =
            fields;
        if n_fields != CONSO_FIELDS || number_of(cui).is_none() || term.is_empty() {
            let found = format!("found {n_fields} fields");
            collector.malformed(
                number,
                format!("MRCONSO: expected 18 fields with a CUI and a term, each closed by |; {found}"),
            );
            continue;
        }
        if cui != atoms.cui {
            finish(std::mem::take(&mut atoms), types, collector);
            atoms = Atoms { cui: cui.to_owned(), ..Atoms::default() };
        }
        let is_suppressed = suppress != "N" && !suppress.is_empty();
        // The classification gives the code of a concept whether or not its terms are asked for.
        if !is_suppressed && source == "ICD10CM" {
            collector.tables().systems.add(source, code, &mut atoms.codes);
        }
        if !collector.keeps(Provenance { vocabulary: source, language: Some(language), is_suppressed }) {
            continue;
        }
        let code = code.rsplit_once(':').map_or(code, |(_, code)| code);
        collector.tables().systems.add(source, code, &mut atoms.codes);
        let is_preferred = status == "P" && form == "PF" && is_preferred == "Y";
        atoms.kept.push(Atom { line: number, term: term.to_owned(), is_preferred });
    }
    finish(atoms, types, collector);
    Ok(())
}

/// Hands over a concept.
fn finish(atoms: Atoms, types: &SemanticTypes, collector: &mut Collector<'_>) {
    let preferred = atoms.kept.iter().find(|atom| atom.is_preferred).or(atoms.kept.first());
    let Some(name) = preferred else { return };
    let mut codes = Codes::default();
    collector.tables().systems.add(UMLS, &atoms.cui, &mut codes);
    codes.append(atoms.codes);
    let mut own = types.of(&atoms.cui);
    if let Some(first) = collector.tables().types.first(UMLS, &own) {
        own.insert(0, first);
    }
    let class = SourceClass::Of(UMLS, &own);
    let concept = SourceConcept { id: &atoms.cui, name: &name.term, class, codes: &codes };
    let Some(index) = collector.concept(&concept) else { return };
    for atom in &atoms.kept {
        if atom.is_preferred {
            collector.title(atom.line, index, &atoms.cui, UMLS, &atom.term);
        } else {
            collector.term(atom.line, index, &atoms.cui, &atom.term, Rank::Exact);
        }
    }
}
