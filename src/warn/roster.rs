//! The patients of a run in order, and the groups of neighbours that are worked on together.

use std::collections::{BTreeMap, HashMap};

/// Entries of a group: what a worker holds in memory.
const ENTRIES_PER_GROUP: u64 = 20_000;
/// More groups than this would be too many files.
const MAX_GROUPS: u64 = 512;

/// Patients in the order of their identifiers.
pub(super) struct Roster {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    /// The group of each patient.
    groups: Vec<u32>,
}

impl Roster {
    /// The roster of patients with a number of entries each. Groups depend on these numbers alone.
    pub fn new(n_entries: BTreeMap<String, u64>) -> Roster {
        let total: u64 = n_entries.values().sum();
        let per_group = ENTRIES_PER_GROUP.max(total.div_ceil(MAX_GROUPS));
        let (mut group, mut in_group) = (0, 0);
        let mut roster = Roster { names: Vec::new(), numbers: HashMap::new(), groups: Vec::new() };
        for (number, (name, n)) in n_entries.into_iter().enumerate() {
            if in_group >= per_group {
                (group, in_group) = (group + 1, 0);
            }
            in_group += n;
            roster.numbers.insert(name.clone(), number as u32);
            roster.names.push(name);
            roster.groups.push(group);
        }
        roster
    }

    /// The number of a patient.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name of a patient.
    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }

    /// The group of a patient.
    pub fn group(&self, number: u32) -> usize {
        self.groups.get(number as usize).map_or(0, |&group| group as usize)
    }

    pub fn n_patients(&self) -> usize {
        self.names.len()
    }

    /// How many groups there are; at least one.
    pub fn n_groups(&self) -> usize {
        self.groups.last().map_or(1, |&last| last as usize + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_neighbours_of_about_the_same_size() {
        let patients: BTreeMap<String, u64> = (0..100).map(|n| (format!("p{n:03}"), 1_000)).collect();
        let roster = Roster::new(patients);
        assert_eq!(roster.n_groups(), 5);
        assert_eq!(roster.number("p020"), Some(20));
        assert_eq!((roster.group(19), roster.group(20)), (0, 1));
        assert_eq!(roster.name(99), "p099");
        assert_eq!(Roster::new(BTreeMap::new()).n_groups(), 1);
    }
}
