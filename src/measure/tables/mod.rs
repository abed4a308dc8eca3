//! The tables of measurements: names, units, words around values, and values stated together.

mod parse;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::lexicon::TableSource;
use crate::lexicon::trie::PhraseTrie;
use crate::token::Token;

/// The tables that the engine reads.
#[derive(Clone, Debug)]
pub(crate) struct MeasureTables<'a> {
    /// Measurements: names and spellings, units, ranges.
    pub measurements: &'a TableSource,
    /// Spellings of units: `spelling`, `ucum`, `implies`, `source`.
    pub units: &'a TableSource,
    /// Words around values: `phrase`, `role`, `value`, `source`.
    pub words: &'a TableSource,
    /// Values stated together: `forms`, `names`, `layout`, `example`, `source`.
    pub groups: &'a TableSource,
}

/// How the values of a measurement are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// A number.
    Number,
    /// A number out of this.
    Score(u8),
    /// A word or a number of crosses.
    Result,
    /// One to three lengths.
    Size,
}

/// In what it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Specimen {
    /// The patient: holds in every context.
    Any,
    Blood,
    Urine,
}

/// What the words of a measurement of blood mean where urine was spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InUrine {
    /// The same: it is measured in blood only.
    Same,
    /// A measurement of urine that is not read.
    Unread,
    /// Another measurement.
    Other(u16),
}

/// A row of the table of measurements.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub name: String,
    pub loinc: Option<String>,
    pub unit: Option<String>,
    /// Accepted units.
    pub units: Vec<Conversion>,
    /// The units in which a number without one is taken, by ranges.
    pub bare: Vec<(f64, f64, u16)>,
    pub plausible: (f64, f64),
    pub reportable: (f64, f64),
    pub reads: Reads,
    /// The role of the words that say how it was taken.
    pub methods: Option<Role>,
    pub specimen: Specimen,
    /// Two units of which a value may be written together: feet and inches, pounds and ounces.
    pub compound: Option<(u16, u16)>,
    /// What the same words mean in urine.
    pub urine: InUrine,
}

/// An accepted unit: `(stated - offset) * factor` is the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion {
    pub unit: u16,
    factor: f64,
    offset: f64,
}

impl Kind {
    /// A stated number in the canonical unit, where the unit is accepted.
    pub fn convert(&self, stated: f64, unit: u16) -> Option<f64> {
        let conversion = self.units.iter().find(|conversion| conversion.unit == unit)?;
        Some((stated - conversion.offset) * conversion.factor)
    }

    /// The unit in which a number without one is taken.
    pub fn bare_unit(&self, stated: f64) -> Option<u16> {
        self.bare.iter().find(|(low, high, _)| (*low..=*high).contains(&stated)).map(|&(_, _, unit)| unit)
    }

    pub fn accepts(&self, unit: u16) -> bool {
        self.units.iter().any(|conversion| conversion.unit == unit)
    }

    pub fn is_reportable(&self, value: f64) -> bool {
        (self.reportable.0..=self.reportable.1).contains(&value)
    }

    pub fn is_plausible(&self, value: f64) -> bool {
        (self.plausible.0..=self.plausible.1).contains(&value)
    }
}

/// What a word does around a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Role {
    /// Stands between a name and its value.
    Link,
    /// A mark of an abnormal value.
    Flag,
    About,
    Less,
    Greater,
    AtLeast,
    AtMost,
    /// Before the earlier of two values.
    From,
    /// Before the lower of two values.
    Between,
    /// Before a later value.
    Then,
    /// Between the two ends of a range.
    To,
    /// Before an earlier value, after a later one.
    Earlier,
    /// The value beside it is the one that the patient usually has.
    Usual,
    /// What follows is wanted or feared, not measured.
    Target,
    /// What precedes is wanted.
    TargetAfter,
    /// What precedes is given, not measured.
    Dose,
    /// Looks like a name and is none.
    Not,
    /// What follows is of another fluid.
    OtherSpecimen,
    /// What follows is of urine.
    Urine,
    /// What follows is of blood again.
    Blood,
    /// A result in words.
    Result,
    Oxygen,
    Thermometer,
    Posture,
    Vessel,
    /// What has a size.
    Head,
    /// Tells that a length is a size.
    Measure,
    /// Tells that a length is none.
    Away,
    Pain,
    /// Between a score and its most.
    OutOf,
    Site,
    Side,
    Month,
    And,
    For,
    /// Before a date or time.
    When,
    /// Between two lengths.
    Times,
    /// Stands for what the sentence before was about.
    It,
}

impl Role {
    const NAMES: [(&'static str, Role); 38] = [
        ("link", Role::Link),
        ("flag", Role::Flag),
        ("about", Role::About),
        ("lt", Role::Less),
        ("gt", Role::Greater),
        ("ge", Role::AtLeast),
        ("le", Role::AtMost),
        ("from", Role::From),
        ("between", Role::Between),
        ("then", Role::Then),
        ("to", Role::To),
        ("earlier", Role::Earlier),
        ("usual", Role::Usual),
        ("target", Role::Target),
        ("target_after", Role::TargetAfter),
        ("dose", Role::Dose),
        ("not", Role::Not),
        ("other_specimen", Role::OtherSpecimen),
        ("urine", Role::Urine),
        ("blood", Role::Blood),
        ("result", Role::Result),
        ("oxygen", Role::Oxygen),
        ("thermometer", Role::Thermometer),
        ("posture", Role::Posture),
        ("vessel", Role::Vessel),
        ("head", Role::Head),
        ("measure", Role::Measure),
        ("away", Role::Away),
        ("pain", Role::Pain),
        ("out_of", Role::OutOf),
        ("site", Role::Site),
        ("side", Role::Side),
        ("month", Role::Month),
        ("and", Role::And),
        ("for", Role::For),
        ("when", Role::When),
        ("times", Role::Times),
        ("it", Role::It),
    ];

    fn named(name: &str) -> Option<Role> {
        Role::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, role)| role)
    }
}

/// A spelling of a measurement's name.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub kind: u16,
    /// Whether it names the measurement only with support.
    pub weak: bool,
    spelling: Spelling,
}

/// How a phrase is written in the table, where its case matters.
#[derive(Clone, Debug)]
enum Spelling {
    /// Any case.
    Free,
    /// No small letter.
    Capitals,
    /// As it is, or in capitals.
    Exact(String),
}

impl Spelling {
    fn of(phrase: &str) -> Spelling {
        if !phrase.chars().any(char::is_lowercase) && phrase.chars().any(char::is_alphabetic) {
            Spelling::Capitals
        } else if phrase.len() <= 2 {
            Spelling::Exact(phrase.to_owned())
        } else {
            Spelling::Free
        }
    }

    fn admits(&self, written: &str) -> bool {
        let capitals = || !written.chars().any(char::is_lowercase);
        match self {
            Spelling::Free => true,
            Spelling::Capitals => capitals(),
            Spelling::Exact(phrase) => written == phrase || capitals(),
        }
    }
}

/// Everything that one phrase may mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub names: Vec<u32>,
    pub after: Vec<u32>,
    pub groups: Vec<u16>,
    pub unit: Option<u16>,
    roles: u64,
    values: Vec<(Role, u16)>,
    /// Of the roles and the unit: whether a capital phrase needs capitals.
    capitals: bool,
}

impl Entry {
    pub fn has(&self, role: Role) -> bool {
        self.roles & (1u64 << role as u8) != 0
    }

    /// Whether it does anything around values.
    pub fn has_role(&self) -> bool {
        self.roles != 0
    }

    pub fn value(&self, role: Role) -> Option<u16> {
        self.values.iter().find(|(known, _)| *known == role).map(|&(_, value)| value)
    }
}

/// A unit.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub ucum: String,
}

/// Measurements stated together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub kinds: Vec<u16>,
    /// The marks between the numbers; one that stands for all where the group has a name.
    pub layout: Vec<char>,
    pub rule: u32,
}

/// The measurements that are read by more than their names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub systolic: Option<u16>,
    pub diastolic: Option<u16>,
    pub temperature: Option<u16>,
    pub saturation: Option<u16>,
    pub oxygen_flow: Option<u16>,
    pub pain: Option<u16>,
    pub coma: Option<u16>,
    /// One that is a size.
    pub size: Option<u16>,
    /// The unit of pressures.
    pub mercury: Option<u16>,
    pub feet: Option<u16>,
}

/// The compiled tables.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub kinds: Vec<Kind>,
    pub known: Known,
    pub forms: Vec<Form>,
    pub units: Vec<Unit>,
    /// For each unit spelling that implies a measurement: entry, measurement and rule.
    pub implied: FxHashMap<u32, (u16, u32)>,
    pub groups: Vec<Group>,
    /// Groups that are known by their layout.
    pub layouts: Vec<u16>,
    pub entries: Vec<Entry>,
    /// Normalised words.
    pub values: Vec<String>,
    /// Names of the rules; forms come first.
    pub rules: Vec<String>,
    rules_of_sizes: Vec<String>,
    /// First words of results that are no numbers, and bits of them by which most words are passed over.
    result_words: FxHashSet<u64>,
    result_bits: [u64; RESULT_BITS / 64],
    trie: PhraseTrie,
    by_keys: FxHashMap<Vec<u64>, u32>,
}

/// Bits of the filter over first words of results.
const RESULT_BITS: usize = 4096;

impl Tables {
    /// Whether a result in words may begin with a word.
    pub fn begins_result(&self, stem: u64) -> bool {
        let bit = stem as usize % RESULT_BITS;
        self.result_bits[bit / 64] & (1 << (bit % 64)) != 0 && self.result_words.contains(&stem)
    }

    /// The longest phrase at the start of tokens: how many it takes, and its entry.
    pub fn longest(&self, text: &str, tokens: &[Token]) -> Option<(usize, u32)> {
        self.trie.longest(tokens, |used, entry| {
            let Some(found) = self.entries.get(entry as usize) else { return false };
            if found.unit.is_some() || (found.roles != 0 && !found.capitals) {
                return true;
            }
            let written = written(text, tokens, used);
            let capitals = || !written.chars().any(char::is_lowercase);
            (found.roles != 0 || !found.groups.is_empty()) && (!found.capitals || capitals())
                || found.names.iter().chain(&found.after).any(|&form| self.admits(form, written))
        })
    }

    /// Whether a form is written as the table asks.
    pub fn admits(&self, form: u32, written: &str) -> bool {
        self.forms.get(form as usize).is_some_and(|form| form.spelling.admits(written))
    }

    /// The index of a measurement.
    pub fn kind_named(&self, name: &str) -> Option<u16> {
        self.kinds.iter().position(|kind| kind.name == name).map(|index| index as u16)
    }

    pub fn unit_named(&self, ucum: &str) -> Option<u16> {
        self.units.iter().position(|unit| unit.ucum == ucum).map(|index| index as u16)
    }

    /// The unit of a spelling, or of a UCUM code.
    pub fn unit_spelled(&self, spelling: &str) -> Option<u16> {
        let spelled = || self.entries.get(*self.by_keys.get(&parse::phrase_keys(spelling))? as usize)?.unit;
        self.unit_named(spelling).or_else(spelled)
    }

    /// Every key that occurs in a phrase.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.trie.keys()
    }
}

/// The text of the first `used` tokens.
fn written<'a>(text: &'a str, tokens: &[Token], used: usize) -> &'a str {
    let ends = tokens.first().zip(tokens.get(used.saturating_sub(1)));
    ends.map_or("", |(first, last)| first.span.cover(last.span).of(text))
}
