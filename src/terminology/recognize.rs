//! Which files hold which terminology: by what they hold, not by what they are called.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::TerminologyFormat;
use super::delimited::Layout;
use super::{icd, lines};
use crate::lexicon::Lexicon;
use crate::lexicon::concepts::COLUMNS;
use crate::{Error, Result};

/// Bytes at the start of a file that are looked at.
pub(super) const HEAD_BYTES: u64 = 1 << 16;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Obo,
    UmlsTerms,
    UmlsTypes,
    SnomedConcepts,
    SnomedDescriptions,
    SnomedLanguage,
    IcdXml,
    IcdOrder,
    Table(Layout),
    Concepts,
}

/// The files of terminologies, in the order in which they were given; those of a folder sorted.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub parts: Vec<(PathBuf, Part)>,
    /// Files of folders that are none.
    pub ignored: Vec<PathBuf>,
}

impl Files {
    /// Looks at files and folders. Of folders of SNOMED CT, only the snapshot counts.
    ///
    /// # Errors
    /// A file that is not there, or that is given by name and holds no terminology.
    pub fn find(inputs: &[PathBuf], format: Option<TerminologyFormat>) -> Result<Files> {
        let mut files = Files::default();
        for input in inputs {
            if !input.is_dir() {
                let part = recognize(input, format)?.map_err(|found| Error::input(input, found))?;
                files.parts.push((input.clone(), part));
                continue;
            }
            let before = files.parts.len();
            let walk = walkdir::WalkDir::new(input).sort_by_file_name();
            let is_other_view = |name: &str| ["Full", "Delta"].contains(&name);
            let entries = walk.into_iter().filter_entry(|entry| !entry.file_name().to_str().is_some_and(is_other_view));
            for entry in entries {
                let entry = entry.map_err(|error| Error::input(input, format!("cannot be listed: {error}")))?;
                if entry.file_type().is_file() {
                    match recognize(entry.path(), format)? {
                        Ok(part) => files.parts.push((entry.into_path(), part)),
                        Err(_) => files.ignored.push(entry.into_path()),
                    }
                }
            }
            if files.parts.len() == before {
                return Err(Error::input(input, "the folder holds no terminology that is read"));
            }
        }
        files.add_companions()?;
        Ok(files)
    }

    /// Adds what stands beside a file and belongs to it.
    fn add_companions(&mut self) -> Result<()> {
        let pairs = [(Part::UmlsTerms, Part::UmlsTypes), (Part::SnomedDescriptions, Part::SnomedConcepts)];
        for (main, companion) in pairs {
            if self.paths(&companion).next().is_some() {
                continue;
            }
            let mut folders: Vec<PathBuf> =
                self.paths(&main).filter_map(|path| path.parent().map(Path::to_owned)).collect();
            folders.dedup();
            for folder in folders {
                let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
                let listed = std::fs::read_dir(&folder).map_err(|error| Error::io("listing", &folder, error))?;
                let mut beside: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
                beside.sort();
                for path in beside {
                    if path.is_file()
                        && !self.has(&path)
                        && recognize(&path, None).is_ok_and(|found| found.as_ref() == Ok(&companion))
                    {
                        self.parts.push((path, companion.clone()));
                    }
                }
            }
        }
        Ok(())
    }

    fn has(&self, path: &Path) -> bool {
        self.parts.iter().any(|(own, _)| own == path)
    }

    /// The files of a kind.
    pub fn paths(&self, part: &Part) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter(move |(_, own)| own == part).map(|(path, _)| path.as_path())
    }
}

/// What a file is; the inner error says what it is instead, and what to do about it.
///
/// # Errors
/// The file cannot be read.
fn recognize(path: &Path, format: Option<TerminologyFormat>) -> Result<Result<Part, String>> {
    let mut head = Vec::new();
    let read = lines::open(path)?.take(HEAD_BYTES).read_to_end(&mut head);
    read.map_err(|error| Error::io("reading", path, error))?;
    Ok(match (of_head(&head), format) {
        (found, None) => found,
        (Ok(part), Some(format)) if part.format() == format => Ok(part),
        (found, Some(format)) => {
            let found = match found {
                Ok(part) => format!("is {}", part.format().title()),
                Err(problem) => problem,
            };
            forced(&head, format).ok_or_else(|| format!("not {}, as --format says: {found}", format.title()))
        }
    })
}

/// What a file is taken for where its content does not tell and a format is named.
fn forced(head: &[u8], format: TerminologyFormat) -> Option<Part> {
    let text = std::str::from_utf8(head).ok()?;
    match format {
        TerminologyFormat::Obo => text.contains("[Term]").then_some(Part::Obo),
        TerminologyFormat::Icd10cmOrder => {
            text.lines().any(|line| icd::order_row(line).is_some()).then_some(Part::IcdOrder)
        }
        TerminologyFormat::Umls => text.lines().any(|line| line.matches('|').count() == 18).then_some(Part::UmlsTerms),
        _ => None,
    }
}

fn of_head(head: &[u8]) -> Result<Part, String> {
    if Lexicon::is_compiled(head) {
        return Err("a compiled lexicon: give it to annotate --lexicon as it is".into());
    }
    if head.is_empty() {
        return Err("the file is empty".into());
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err("a zip archive: unpack it, and give the folder".into());
    }
    // A character at the end may be cut.
    let end = if head.len() as u64 == HEAD_BYTES { head.len() - 4 } else { head.len() };
    let text = String::from_utf8_lossy(head.get(..end).unwrap_or(head));
    if text.contains('\0') {
        return Err(format!("a binary file: expected {}", TerminologyFormat::all()));
    }
    if text.starts_with("format-version:") || text.lines().any(|line| line.trim_end() == "[Term]") {
        return Ok(Part::Obo);
    }
    if text.trim_start().starts_with('<') {
        return xml(&text);
    }
    let Some(first) = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')) else {
        return Err("the file holds no line".into());
    };
    if let Some(part) = rrf(first)? {
        return Ok(part);
    }
    if first == COLUMNS.join("\t") {
        return Ok(Part::Concepts);
    }
    if let Some(part) = rf2(first)? {
        return Ok(part);
    }
    if text.lines().take(20).any(|line| icd::order_row(line).is_some()) {
        return Ok(Part::IcdOrder);
    }
    Layout::of(first).map(Part::Table).ok_or_else(|| {
        format!(
            "no terminology that is read: expected {}. A table of terms needs a line that names its columns, one of them {}",
            TerminologyFormat::all(),
            Layout::term_names()
        )
    })
}

fn xml(text: &str) -> Result<Part, String> {
    if text.contains("<ICD10CM.tabular") {
        Ok(Part::IcdXml)
    } else if text.contains("<rdf:RDF") || text.contains("<Ontology") {
        Err("an ontology in OWL: fetch its OBO edition".into())
    } else {
        Err("XML that is not the tabular list of ICD-10-CM".into())
    }
}

/// A table of the UMLS by its first row; an error names one that is not read.
fn rrf(first: &str) -> Result<Option<Part>, String> {
    let fields: Vec<&str> = first.split('|').collect();
    let is_cui = |field: &str| field.len() >= 8 && field.strip_prefix('C').is_some_and(is_number);
    match fields.as_slice() {
        [cui, .., ""] if fields.len() == 19 && is_cui(cui) => Ok(Some(Part::UmlsTerms)),
        [cui, tui, .., ""] if fields.len() == 7 && is_cui(cui) && tui.strip_prefix('T').is_some_and(is_number) => {
            Ok(Some(Part::UmlsTypes))
        }
        [cui, .., ""] if fields.len() > 5 && is_cui(cui) => {
            Err("another table of the UMLS: expected MRCONSO.RRF and MRSTY.RRF".into())
        }
        _ => Ok(None),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A file of SNOMED CT by its header; an error names one that is not read.
fn rf2(first: &str) -> Result<Option<Part>, String> {
    let columns: Vec<&str> = first.split('\t').collect();
    match columns.as_slice() {
        ["id", "effectiveTime", "active", "moduleId", "conceptId", "languageCode", "typeId", "term", _] => {
            Ok(Some(Part::SnomedDescriptions))
        }
        ["id", "effectiveTime", "active", "moduleId", "definitionStatusId"] => Ok(Some(Part::SnomedConcepts)),
        ["id", "effectiveTime", "active", "moduleId", "refsetId", _, "acceptabilityId"] => {
            Ok(Some(Part::SnomedLanguage))
        }
        ["id", "effectiveTime", "active", ..] => {
            Err("another file of SNOMED CT: expected concepts, descriptions and a language reference set".into())
        }
        _ => Ok(None),
    }
}

impl Part {
    pub fn format(&self) -> TerminologyFormat {
        match self {
            Part::Obo => TerminologyFormat::Obo,
            Part::UmlsTerms | Part::UmlsTypes => TerminologyFormat::Umls,
            Part::SnomedConcepts | Part::SnomedDescriptions | Part::SnomedLanguage => TerminologyFormat::Snomed,
            Part::IcdXml => TerminologyFormat::Icd10cmXml,
            Part::IcdOrder => TerminologyFormat::Icd10cmOrder,
            Part::Table(_) => TerminologyFormat::Table,
            Part::Concepts => TerminologyFormat::Concepts,
        }
    }
}

/// What a file is that was given where a lexicon is expected: the name of a terminology that can be compiled.
pub(super) fn terminology_in(head: &[u8]) -> Option<&'static str> {
    of_head(head).ok().filter(|part| *part != Part::Concepts).map(|part| part.format().title())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_a_file_is() {
        let check = |text: &str| of_head(text.as_bytes()).map(|part| part.format());
        let conso = format!("C0000005|ENG|{}\n", "x|".repeat(16));
        let order = format!("00001 A00     0 {:<60} Cholera\n", "Cholera");
        use TerminologyFormat as Format;
        for (text, expected) in [
            ("format-version: 1.2\n", Format::Obo),
            ("! x\n\n[Term]\nid: X:1\n", Format::Obo),
            (conso.as_str(), Format::Umls),
            ("C0000005|T116|A1|x|AT1|256|\n", Format::Umls),
            ("id\teffectiveTime\tactive\tmoduleId\tdefinitionStatusId\n", Format::Snomed),
            ("<?xml version=\"1.0\"?>\n<ICD10CM.tabular>\n", Format::Icd10cmXml),
            (order.as_str(), Format::Icd10cmOrder),
            ("# c\nid\tname\ttype\ticd10cm\tcodes\tforms\tsource\n", Format::Concepts),
            ("term;code\nfever;R50.9\n", Format::Table),
        ] {
            assert_eq!(check(text), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("", "empty"),
            ("PK\u{3}\u{4}", "unpack"),
            ("noteward lex\0\u{1a}02", "--lexicon as it is"),
            ("<rdf:RDF", "OBO edition"),
            ("C0000005|A|B|C|D|E|F|G|\n", "another table of the UMLS"),
            ("id\teffectiveTime\tactive\tmoduleId\tsourceId\n", "another file of SNOMED CT"),
            ("note_id,text\n1,fever\n", "no terminology that is read"),
        ] {
            assert!(check(text).unwrap_err().contains(expected), "{text}: {:?}", check(text));
        }
    }
}
