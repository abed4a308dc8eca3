//! Assertions as the cases write them.

use noteward::{Assertion, Experiencer, Presence, Temporality};

/// The values that are not the default, in the order of the axes, separated by commas.
pub fn values(assertion: &Assertion) -> String {
    let mut values = Vec::new();
    if assertion.presence != Presence::Present {
        values.push(assertion.presence.name());
    }
    if assertion.temporality != Temporality::Current {
        values.push(assertion.temporality.name());
    }
    if assertion.experiencer != Experiencer::Patient {
        values.push(assertion.experiencer.name());
    }
    values.join(",")
}
