//! What other vocabularies are called, and the codes that a concept has in them.

use rustc_hash::FxHashMap;

use crate::Result;
use crate::lexicon::concepts::is_icd10cm;
use crate::lexicon::{TableSource, table};

/// The system whose codes have a column of their own.
const ICD10CM: &str = "ICD10CM";

/// The spellings of names of vocabularies.
#[derive(Clone, Debug, Default)]
pub(super) struct Systems {
    names: FxHashMap<String, String>,
}

/// The codes of a concept, each once, in the order in which they were met.
#[derive(Clone, Debug, Default)]
pub(super) struct Codes {
    icd10cm: Vec<String>,
    others: Vec<String>,
}

impl Systems {
    /// Reads the table of `prefix`, `system` and `source`.
    pub fn parse(source: &TableSource) -> Result<Systems> {
        let rows = table::rows(&source.name, &source.text, ["prefix", "system", "source"])?;
        let names = rows.into_iter().map(|row| (row.cells[0].to_lowercase(), row.cells[1].to_owned())).collect();
        Ok(Systems { names })
    }

    /// Adds a code to those of a concept; one of a vocabulary that the table does not list, or that is no code (a range),
    /// is left out.
    pub fn add(&self, prefix: &str, code: &str, codes: &mut Codes) {
        if let Some(system) = self.system(prefix) {
            codes.push(system, code);
        }
    }

    /// The same for the user's own vocabularies, which keep their names.
    pub fn add_any(&self, prefix: &str, code: &str, codes: &mut Codes) {
        codes.push(self.system(prefix).unwrap_or(prefix), code);
    }

    /// The same without a vocabulary: what has the shape of an ICD-10-CM code is one.
    pub fn add_unnamed(&self, code: &str, codes: &mut Codes) {
        codes.push(if dotted(code).is_some() { ICD10CM } else { "LOCAL" }, code);
    }

    /// The name of a vocabulary, a version at its end left out (`SNOMEDCT_US_2016_03_01`).
    fn system(&self, prefix: &str) -> Option<&str> {
        let mut prefix = prefix.to_lowercase();
        loop {
            if let Some(system) = self.names.get(&prefix) {
                return Some(system);
            }
            let (shorter, version) = prefix.rsplit_once('_')?;
            if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            prefix = shorter.to_owned();
        }
    }
}

impl Codes {
    fn push(&mut self, system: &str, code: &str) {
        let is_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
        if code.is_empty() || !code.chars().all(is_code) {
            return;
        }
        let (list, code) = match system {
            ICD10CM => match dotted(code) {
                Some(code) => (&mut self.icd10cm, code),
                None => return,
            },
            system => (&mut self.others, format!("{system}:{code}")),
        };
        if !list.contains(&code) {
            list.push(code);
        }
    }

    /// The ICD-10-CM code, where there is just one: which of several is meant the words alone do not tell.
    pub fn icd10cm(&self) -> Option<&str> {
        match self.icd10cm.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Adds the codes of another list.
    pub fn append(&mut self, codes: Codes) {
        for (list, more) in [(&mut self.icd10cm, codes.icd10cm), (&mut self.others, codes.others)] {
            for code in more {
                if !list.contains(&code) {
                    list.push(code);
                }
            }
        }
    }

    /// The other codes, separated by `;`.
    pub fn others(&self) -> Option<String> {
        let several = if self.icd10cm.len() > 1 { self.icd10cm.as_slice() } else { &[] };
        let several = several.iter().map(|code| format!("{ICD10CM}:{code}"));
        let all: Vec<String> = self.others.iter().cloned().chain(several).collect();
        (!all.is_empty()).then(|| all.join(";"))
    }
}

/// An ICD-10-CM code in dotted form; `None` for what is none.
pub(super) fn dotted(code: &str) -> Option<String> {
    let code = code.to_ascii_uppercase();
    let dotted = match code.get(3..) {
        Some(rest) if !rest.is_empty() && !rest.starts_with('.') => format!("{}.{rest}", code.get(..3)?),
        _ => code,
    };
    is_icd10cm(&dotted).then_some(dotted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_vocabularies_and_keeps_codes() {
        let text = "prefix\tsystem\tsource\nICD10CM\tICD10CM\t-\nSNOMEDCT_US\tSNOMEDCT\t-\nUMLS_CUI\tUMLS\t-\n".into();
        let systems = Systems::parse(&TableSource { name: "s".into(), text }).unwrap();
        let mut codes = Codes::default();
        for (prefix, code) in [
            ("SNOMEDCT_US_2016_03_01", "126926005"),
            ("UMLS_CUI", "C0018923"),
            ("UMLS_CUI", "C0018923"),
            ("ICD10CM", "C50-C50"),
            ("ICD10CM", "i509"),
            ("Fyler", "12"),
            ("UMLS_CUI", "a b"),
        ] {
            systems.add(prefix, code, &mut codes);
        }
        assert_eq!(codes.icd10cm(), Some("I50.9"));
        assert_eq!(codes.others().as_deref(), Some("SNOMEDCT:126926005;UMLS:C0018923"));
        systems.add("ICD10CM", "I50", &mut codes);
        assert_eq!(codes.icd10cm(), None);
        assert_eq!(codes.others().as_deref(), Some("SNOMEDCT:126926005;UMLS:C0018923;ICD10CM:I50.9;ICD10CM:I50"));
    }
}
