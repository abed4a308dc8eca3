//! Facts: what notes state besides problems, and scores and cohorts need: procedures, drugs, devices, behaviour, states,
//! age and sex.

use crate::{Assertion, Span};

/// What kind of fact it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactType {
    /// Something done to a patient.
    Procedure,
    /// A drug or a class of drugs.
    Drug,
    /// A device in, on or beside a patient.
    Device,
    /// Tobacco, alcohol, other drugs.
    Behaviour,
    /// A functional or life state: bedbound, pregnant, confused.
    State,
    /// Age or sex as stated.
    Demographic,
}

impl FactType {
    /// Every type.
    pub const ALL: [FactType; 6] = [
        FactType::Procedure,
        FactType::Drug,
        FactType::Device,
        FactType::Behaviour,
        FactType::State,
        FactType::Demographic,
    ];

    /// The name in tables and output: the first part of the ids of its concepts.
    pub fn name(self) -> &'static str {
        match self {
            FactType::Procedure => "procedure",
            FactType::Drug => "drug",
            FactType::Device => "device",
            FactType::Behaviour => "behaviour",
            FactType::State => "state",
            FactType::Demographic => "demographic",
        }
    }

    /// Reads the name.
    pub fn from_name(name: &str) -> Option<FactType> {
        FactType::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FactTypes(u8);

impl FactTypes {
    /// Every type.
    pub const ALL: FactTypes = FactTypes(u8::MAX);
    /// No type.
    pub const NONE: FactTypes = FactTypes(0);

    /// Reads names separated by `|`, or nothing for every type.
    ///
    /// # Errors
    /// The name that is none.
    pub fn parse(names: &str) -> Result<FactTypes, &str> {
        if names.is_empty() {
            return Ok(FactTypes::ALL);
        }
        names.split('|').try_fold(FactTypes(0), |FactTypes(set), name| {
            FactType::from_name(name).map(|kind| FactTypes(set | 1 << kind as u8)).ok_or(name)
        })
    }

    /// The types of both sets.
    pub fn with(self, other: FactTypes) -> FactTypes {
        FactTypes(self.0 | other.0)
    }

    /// The types that are not in the set.
    pub fn complement(self) -> FactTypes {
        FactTypes(!self.0)
    }

    /// Whether a type is in the set.
    pub fn contains(self, kind: FactType) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// Index of a concept in the tables of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactIndex(pub u32);

/// What the tables know of a concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactConcept<'a> {
    /// Dotted path, whose beginnings are its classes.
    pub id: &'a str,
    /// Preferred name.
    pub name: &'a str,
    /// What kind of fact it is.
    pub kind: FactType,
    /// Codes, `SYSTEM:CODE` separated by `;`.
    pub codes: Option<&'a str>,
}

/// What a form says by itself: `ex-smoker`, `non-smoker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Says {
    /// It is not so.
    Absent,
    /// It was so.
    Historical,
    /// It may come to be so.
    Hypothetical,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amount {
    /// The number, in `unit`.
    pub value: f64,
    /// Its unit.
    pub unit: AmountUnit,
}

/// The unit of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountUnit {
    /// Years of age.
    Years,
    /// Packs of cigarettes a day, times years.
    PackYears,
    /// Drinks a week.
    DrinksPerWeek,
}

impl AmountUnit {
    /// The unit in UCUM.
    pub fn ucum(self) -> &'static str {
        match self {
            AmountUnit::Years => "a",
            AmountUnit::PackYears => "{PackYears}",
            AmountUnit::DrinksPerWeek => "{drinks}/wk",
        }
    }
}

/// A fact that a note states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact {
    /// Its place, within one sentence.
    pub span: Span,
    /// What kind of fact it is.
    pub kind: FactType,
    /// Its concept.
    pub concept: FactIndex,
    /// Index of its sentence in the document.
    pub sentence: u32,
    /// How much of it, where that is stated.
    pub amount: Option<Amount>,
    /// What its words say by themselves.
    pub says: Option<Says>,
    /// Its assertion.
    pub assertion: Assertion,
}
