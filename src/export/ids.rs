//! Integers in place of identifiers, for targets whose patients are numbered.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

/// Integers of patients: a numeric identifier is its number, any other one a hash, which is the same in every export.
#[derive(Default)]
pub(super) struct SubjectIds {
    known: BTreeMap<i64, String>,
    is_made: bool,
}

impl SubjectIds {
    /// The integer of an identifier.
    ///
    /// # Errors
    /// Another identifier has the same integer; which one.
    pub fn of(&mut self, patient_id: &str) -> Result<i64, String> {
        // Identifiers such as `007` are no numbers: another patient may be `7`.
        let numeric = patient_id.parse().ok().filter(|number: &i64| number.to_string() == patient_id);
        let subject = numeric.unwrap_or_else(|| i64::try_from(xxh3_64(patient_id.as_bytes()) >> 1).unwrap_or_default());
        match self.known.get(&subject) {
            Some(known) if known == patient_id => Ok(subject),
            Some(known) => Err(known.clone()),
            None => {
                self.is_made |= numeric.is_none();
                self.known.insert(subject, patient_id.to_owned());
                Ok(subject)
            }
        }
    }

    /// Whether an identifier was no number, so that the integers must be told.
    pub fn is_made(&self) -> bool {
        self.is_made
    }

    /// Integers and identifiers, by integer.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &str)> {
        self.known.iter().map(|(subject, patient_id)| (*subject, patient_id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_others_are_hashed() {
        let mut ids = SubjectIds::default();
        assert_eq!(ids.of("42"), Ok(42));
        assert_eq!(ids.of("-3"), Ok(-3));
        assert!(!ids.is_made());
        let hashed = ids.of("007").unwrap();
        assert!(hashed > 1_000_000 && ids.is_made());
        assert_eq!(ids.of("007"), Ok(hashed));
        assert_eq!(SubjectIds::default().of("007"), Ok(hashed));
        assert_eq!(ids.of(&hashed.to_string()), Err("007".to_owned()));
    }
}
