//! The tables of patient features: groups of codes, sections that hold a statement, kinds of notes.

use crate::lexicon::{TableSource, table};
use crate::{Error, Result};

/// What a statement is of, which decides the sections that would hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Symptom,
    Finding,
    Diagnosis,
    Procedure,
    Drug,
    Device,
    Behaviour,
    State,
    Demographic,
    /// Anything of relatives.
    Family,
    /// No section in particular.
    None,
}

impl Holder {
    const ALL: [Holder; 11] = [
        Holder::Symptom,
        Holder::Finding,
        Holder::Diagnosis,
        Holder::Procedure,
        Holder::Drug,
        Holder::Device,
        Holder::Behaviour,
        Holder::State,
        Holder::Demographic,
        Holder::Family,
        Holder::None,
    ];
    /// How many there are.
    pub const COUNT: usize = Holder::ALL.len();

    /// The holder of a type of mentions or facts.
    pub fn of(kind: &str) -> Holder {
        Holder::ALL.into_iter().find(|holder| holder.name() == kind).unwrap_or(Holder::None)
    }

    /// The holder with a number, as [`Holder::number`] gives it.
    pub fn numbered(number: u8) -> Holder {
        Holder::ALL.get(usize::from(number)).copied().unwrap_or(Holder::None)
    }

    pub fn number(self) -> u8 {
        self as u8
    }

    pub fn name(self) -> &'static str {
        match self {
            Holder::Symptom => "symptom",
            Holder::Finding => "finding",
            Holder::Diagnosis => "diagnosis",
            Holder::Procedure => "procedure",
            Holder::Drug => "drug",
            Holder::Device => "device",
            Holder::Behaviour => "behaviour",
            Holder::State => "state",
            Holder::Demographic => "demographic",
            Holder::Family => "family",
            Holder::None => "",
        }
    }
}

/// Groups of ICD-10-CM codes.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    /// Beginnings of codes, without the dot, with the place of their group.
    prefixes: Vec<(String, usize)>,
    /// Key and name.
    groups: Vec<(String, String)>,
}

impl Groups {
    /// Reads the table of `group`, `icd10cm`, `name` and `source`.
    pub fn parse(source: &TableSource) -> Result<Groups> {
        let mut groups = Groups::default();
        for row in table::rows(&source.name, &source.text, ["group", "icd10cm", "name", "source"])? {
            let problem = |problem: String| Err(Error::table(&source.name, row.line, problem));
            let [key, prefix, name, _] = row.cells;
            let is_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if key.is_empty() || !key.chars().all(is_key) {
                return problem("group: expected small letters, digits and _".to_owned());
            }
            let prefix = without_dot(prefix);
            let is_code = prefix.len() >= 3 && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !is_code || !prefix.starts_with(|c: char| c.is_ascii_uppercase()) {
                return problem("icd10cm: expected the beginning of a code, such as I50 or E11.2".to_owned());
            }
            let place = groups.groups.iter().position(|(known, _)| known == key);
            let place = match place {
                Some(place) if groups.groups[place].1 != name => {
                    return problem(format!("group {key} has another name above"));
                }
                Some(place) => place,
                None if name.is_empty() => return problem("name must not be empty".to_owned()),
                None => {
                    groups.groups.push((key.to_owned(), name.to_owned()));
                    groups.groups.len() - 1
                }
            };
            if groups.prefixes.contains(&(prefix.clone(), place)) {
                return problem(format!("{key} {prefix} stands twice"));
            }
            groups.prefixes.push((prefix, place));
        }
        Ok(groups)
    }

    /// Key and name of the groups that a code belongs to, in the order of the table.
    pub fn of<'a>(&'a self, code: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let code = without_dot(code);
        let holds =
            move |place: usize| self.prefixes.iter().any(|(p, of)| *of == place && code.starts_with(p.as_str()));
        let groups = self.groups.iter().enumerate().filter(move |(place, _)| holds(*place));
        groups.map(|(_, (key, name))| (key.as_str(), name.as_str()))
    }
}

fn without_dot(code: &str) -> String {
    code.chars().filter(|c| *c != '.').collect()
}

/// Which sections hold statements of which kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders {
    rows: Vec<(Holder, String)>,
}

impl Holders {
    /// Reads the table of `type`, `section` and `source`.
    pub fn parse(source: &TableSource) -> Result<Holders> {
        let mut holders = Holders::default();
        for row in table::rows(&source.name, &source.text, ["type", "section", "source"])? {
            let [kind, section, _] = row.cells;
            let holder = Holder::of(kind);
            if holder == Holder::None || section.is_empty() {
                let expected = "expected a type of mentions or facts, or family, and a section";
                return Err(Error::table(&source.name, row.line, expected));
            }
            let row_of = (holder, section.to_owned());
            if holders.rows.contains(&row_of) {
                return Err(Error::table(&source.name, row.line, format!("{kind} {section} stands twice")));
            }
            holders.rows.push(row_of);
        }
        Ok(holders)
    }

    /// The sections that hold statements of a kind.
    pub fn sections(&self, holder: Holder) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(move |(of, _)| *of == holder).map(|(_, section)| section.as_str())
    }
}

/// What a note is by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoteKind {
    Plain,
    DischargeSummary,
    Addendum,
}

impl NoteKind {
    /// The kind with a number, as `as u8` gives it.
    pub fn numbered(number: u8) -> NoteKind {
        match number {
            1 => NoteKind::DischargeSummary,
            2 => NoteKind::Addendum,
            _ => NoteKind::Plain,
        }
    }
}

/// Words of types of notes.
#[derive(Clone, Debug, Default)]
pub(super) struct NoteKinds {
    rows: Vec<(String, NoteKind)>,
}

impl NoteKinds {
    /// Reads the table of `words`, `kind` and `source`.
    pub fn parse(source: &TableSource) -> Result<NoteKinds> {
        let mut kinds = NoteKinds::default();
        for row in table::rows(&source.name, &source.text, ["words", "kind", "source"])? {
            let [words, kind, _] = row.cells;
            let kind = match kind {
                "discharge_summary" => NoteKind::DischargeSummary,
                "addendum" => NoteKind::Addendum,
                _ => return Err(Error::table(&source.name, row.line, "kind: expected discharge_summary or addendum")),
            };
            if words.is_empty() || words != words.to_lowercase() {
                return Err(Error::table(&source.name, row.line, "words: expected words in small letters"));
            }
            kinds.rows.push((words.to_owned(), kind));
        }
        Ok(kinds)
    }

    /// The kind of a note of a type; the first row that fits decides.
    pub fn of(&self, note_type: &str) -> NoteKind {
        let note_type = note_type.to_lowercase();
        let row = self.rows.iter().find(|(words, _)| note_type.contains(words.as_str()));
        row.map_or(NoteKind::Plain, |(_, kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::embedded;

    #[test]
    fn codes_belong_to_groups_by_their_beginning() {
        let groups = Groups::parse(&embedded::table("groups.tsv")).unwrap();
        let keys = |code: &str| groups.of(code).map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
        assert_eq!(keys("I50.9"), ["heart_failure"]);
        assert_eq!(keys("I26.99"), ["pulmonary_circulation_disorder", "venous_thromboembolism"]);
        assert_eq!(keys("E11.22"), ["diabetes_complicated"]);
        assert_eq!(keys("R07.9"), [""; 0]);
    }

    #[test]
    fn malformed_rows_are_refused() {
        let refused = |text: &str, expected: &str| {
            let source = TableSource { name: "g.tsv".into(), text: format!("group\ticd10cm\tname\tsource\n{text}") };
            let message = Groups::parse(&source).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        refused("A b\tI50\tn\thand\n", "line 2: group: expected small letters");
        refused("a\tI5\tn\thand\n", "icd10cm: expected the beginning of a code");
        refused("a\tI50\tn\thand\na\tI51\tm\thand\n", "line 3: group a has another name above");
        refused("a\tI50\tn\thand\na\tI50\tn\thand\n", "stands twice");
    }

    #[test]
    fn types_of_notes_are_known_by_their_words() {
        let kinds = NoteKinds::parse(&embedded::table("note-kinds.tsv")).unwrap();
        assert_eq!(kinds.of("Discharge Summary"), NoteKind::DischargeSummary);
        assert_eq!(kinds.of("progress note - ADDENDUM"), NoteKind::Addendum);
        assert_eq!(kinds.of("discharge planning"), NoteKind::Plain);
    }

    #[test]
    fn tables_are_sorted() {
        for name in ["groups.tsv", "section-holds.tsv", "note-kinds.tsv"] {
            let text = embedded::table(name).text;
            let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).skip(1).collect();
            assert!(rows.len() > 5 && rows.is_sorted_by(|left, right| left < right), "{name}");
        }
    }

    /// A section that no note can have would silently make a denominator too small.
    #[test]
    fn sections_that_hold_statements_are_kinds_of_sections() {
        let known = embedded::table("section-kinds.tsv").text;
        let known: Vec<&str> = known.lines().filter_map(|line| line.split('\t').next()).collect();
        let holders = Holders::parse(&embedded::table("section-holds.tsv")).unwrap();
        for holder in Holder::ALL.into_iter().filter(|holder| *holder != Holder::None) {
            assert!(holders.sections(holder).count() > 0, "{holder:?}");
            assert!(holders.sections(holder).all(|section| known.contains(&section)), "{holder:?}");
            assert_eq!(Holder::numbered(holder.number()), holder);
        }
    }
}
