//! OMOP's concepts for codes, from a file that is made of the vocabulary of a site: `system,code,concept_id` and, where the
//! code's own concept is another one than the standard concept, `source_concept_id`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{Error, Result};

/// What stands for a code that no concept is known for.
pub(super) const UNMAPPED: i32 = 0;

/// The concepts of a code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mapped {
    /// The standard concept.
    pub standard: i32,
    /// The concept of the code itself.
    pub source: i32,
}

impl Mapped {
    /// The concept of the code itself, which is the standard one where no other is named.
    pub fn own(self) -> i32 {
        if self.source == UNMAPPED { self.standard } else { self.source }
    }
}

/// Codes of any system and their concepts.
#[derive(Debug, Default)]
pub(super) struct Concepts {
    /// By the system in capitals, then the code.
    by_code: BTreeMap<String, BTreeMap<String, Mapped>>,
    /// Rows of a code that stood in an earlier row: the first row counts.
    pub n_repeated: u64,
    pub n_codes: u64,
}

impl Concepts {
    /// Reads a mapping: comma-separated, or separated by tabs in a `.tsv`.
    ///
    /// # Errors
    /// The file cannot be read, lacks a column, or names something that is no concept id.
    pub fn read(path: &Path) -> Result<Concepts> {
        let bad = |error: &csv::Error| match error.position() {
            Some(position) => Error::input(path, format!("line {}: not a row of a table", position.line())),
            None => Error::input(path, format!("cannot be read: {error}")),
        };
        let delimiter = if path.extension().is_some_and(|extension| extension == "tsv") { b'\t' } else { b',' };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(path).map_err(|error| bad(&error))?;
        let header = reader.headers().map_err(|error| bad(&error))?.clone();
        let position = |names: &[&str]| {
            header.iter().position(|column| names.iter().any(|name| column.trim().eq_ignore_ascii_case(name)))
        };
        let needed = |names: &[&str]| {
            position(names).ok_or_else(|| {
                let problem =
                    format!("lacks a column {}; expected system,code,concept_id[,source_concept_id]", names[0]);
                Error::input(path, problem)
            })
        };
        let (system, code) = (needed(&["system", "vocabulary_id"])?, needed(&["code", "concept_code"])?);
        let (standard, source) = (needed(&["concept_id"])?, position(&["source_concept_id"]));
        let mut concepts = Concepts::default();
        for row in reader.records() {
            let row = row.map_err(|error| bad(&error))?;
            let line = row.position().map_or(0, csv::Position::line);
            let id = |column: usize| match row.get(column).unwrap_or_default().trim() {
                "" => Ok(UNMAPPED),
                value => value.parse::<i32>().map_err(|_| {
                    let name = header.get(column).unwrap_or_default();
                    Error::input(path, format!("line {line}, column {name:?}: expected a concept id, found {value:?}"))
                }),
            };
            let mapped = Mapped { standard: id(standard)?, source: source.map(id).transpose()?.unwrap_or(UNMAPPED) };
            concepts.add(row.get(system).unwrap_or_default(), row.get(code).unwrap_or_default(), mapped);
        }
        Ok(concepts)
    }

    fn add(&mut self, system: &str, code: &str, mapped: Mapped) {
        let codes = self.by_code.entry(system.trim().to_ascii_uppercase()).or_default();
        match codes.entry(code.trim().to_owned()) {
            std::collections::btree_map::Entry::Occupied(_) => self.n_repeated += 1,
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(mapped);
                self.n_codes += 1;
            }
        }
    }

    /// The concepts of a code of a system.
    pub fn find(&self, system: &str, code: &str) -> Option<Mapped> {
        let codes = self.by_code.get(system).or_else(|| self.by_code.get(&system.to_ascii_uppercase()))?;
        codes.get(code).copied()
    }

    /// The concepts of a dotted path, or of the longest of its beginnings that has any: a class holds what is under it.
    pub fn find_path(&self, system: &str, path: &str) -> Option<Mapped> {
        let mut rest = Some(path);
        while let Some(path) = rest {
            if let Some(mapped) = self.find(system, path) {
                return Some(mapped);
            }
            rest = path.rsplit_once('.').map(|(class, _)| class);
        }
        None
    }

    /// Every concept id that the mapping may give, in order.
    pub fn ids(&self) -> BTreeSet<i32> {
        self.by_code.values().flat_map(BTreeMap::values).flat_map(|mapped| [mapped.standard, mapped.source]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Concepts> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Concepts::read(&path)
    }

    #[test]
    fn reads_what_a_vocabulary_gives() {
        let text = "source_concept_id,vocabulary_id,concept_code,concept_id\n45566731,ICD10CM,I50.9,316139\n,LOINC,8867-4,3027018\n\
                    1,icd10cm,I50.9,2\n";
        let concepts = read("c.csv", text).unwrap();
        assert_eq!(concepts.find("ICD10CM", "I50.9"), Some(Mapped { standard: 316_139, source: 45_566_731 }));
        assert_eq!(concepts.find("loinc", "8867-4"), Some(Mapped { standard: 3_027_018, source: 0 }));
        assert_eq!((concepts.n_codes, concepts.n_repeated), (2, 1));
        assert_eq!(concepts.find("ICD10CM", "I50"), None);
    }

    #[test]
    fn a_class_stands_for_what_is_under_it() {
        let concepts = read("c.tsv", "system\tcode\tconcept_id\nnoteward\tdrug.anticoagulant\t21600961\n").unwrap();
        assert_eq!(concepts.find_path("noteward", "drug.anticoagulant.warfarin").unwrap().standard, 21_600_961);
        assert_eq!(concepts.find_path("noteward", "drug"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text| read("c.csv", text).unwrap_err().to_string();
        assert!(error("system,code\nLOINC,1\n").contains("lacks a column concept_id"));
        let told = error("system,code,concept_id\nLOINC,1,abc\n");
        assert!(told.contains("line 2, column \"concept_id\": expected a concept id, found \"abc\""), "{told}");
        assert!(error("system,code,concept_id\nLOINC\n").contains("line 2"));
    }
}
