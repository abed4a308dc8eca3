//! What statements are of, each told once: concepts and codes, facts, measurements.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::Xxh3Default;

use super::state::Scope;

/// The table that a statement stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Mention,
    Fact,
    Measurement,
}

/// What a statement is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub source: Source,
    pub scope: Scope,
    /// Identifier of a concept or a fact, name of a measurement; empty where a mention has none.
    pub subject: String,
    /// ICD-10-CM code; empty where there is none.
    pub code: String,
    /// The subject in words, as the first row has it.
    pub name: String,
    /// The unit of its values, as the first row has it.
    pub unit: String,
}

/// A row of a table, of which the topic is wanted.
#[derive(Clone, Copy)]
pub(super) struct Stated<'a> {
    pub source: Source,
    pub scope: Scope,
    pub subject: &'a str,
    pub code: &'a str,
    pub name: &'a str,
    pub unit: &'a str,
}

/// Every topic of a run.
#[derive(Default)]
pub(super) struct Topics {
    topics: Vec<Topic>,
    numbers: FxHashMap<u64, u32>,
}

impl Topics {
    /// The number of a row's topic.
    pub fn number(&mut self, stated: Stated<'_>) -> u32 {
        let mut hash = Xxh3Default::new();
        hash.update(&[stated.source as u8, stated.scope as u8]);
        hash.update(stated.subject.as_bytes());
        hash.update(&[0]);
        hash.update(stated.code.as_bytes());
        *self.numbers.entry(hash.digest()).or_insert_with(|| {
            self.topics.push(Topic {
                source: stated.source,
                scope: stated.scope,
                subject: stated.subject.to_owned(),
                code: stated.code.to_owned(),
                name: stated.name.to_owned(),
                unit: stated.unit.to_owned(),
            });
            self.topics.len() as u32 - 1
        })
    }

    /// The topics by number.
    pub fn all(&self) -> &[Topic] {
        &self.topics
    }
}

/// Names that are told by number, from 1; 0 stands for none.
#[derive(Default)]
pub(super) struct Numbers(FxHashMap<String, u32>);

impl Numbers {
    pub fn number(&mut self, name: Option<&str>) -> u32 {
        let Some(name) = name else { return 0 };
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let number = self.0.len() as u32 + 1;
        self.0.insert(name.to_owned(), number);
        number
    }
}
