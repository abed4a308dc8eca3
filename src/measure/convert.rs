//! Values that come from elsewhere than notes, in the units in which measurements are written.

use super::Measurer;

/// A value as `measurements` has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Converted<'t> {
    /// Name of the measurement.
    pub name: &'t str,
    /// In the unit of the measurement.
    pub value: f64,
    /// Whether a living person may have it.
    pub plausible: bool,
}

impl Measurer {
    /// A value of a measurement, by its name or LOINC code, in a unit (UCUM, or any spelling that notes use); without one, that
    /// in which notes leave it out. `None` where no measurement has that name.
    ///
    /// # Errors
    /// The unit is not one of the measurement; the words quote nothing.
    pub(crate) fn convert(
        &self,
        name: &str,
        value: f64,
        unit: Option<&str>,
    ) -> Option<Result<Converted<'_>, &'static str>> {
        let is_it = |name: &str, loinc: Option<&str>, own: &str| own == name || loinc == Some(name);
        let kind = self.tables.kinds.iter().find(|kind| is_it(name, kind.loinc.as_deref(), &kind.name))?;
        let converted = match unit {
            // Results in words and scores have no unit.
            _ if kind.units.is_empty() => Some(value),
            Some(unit) => self.tables.unit_spelled(unit).and_then(|unit| kind.convert(value, unit)),
            None => kind.bare_unit(value).and_then(|unit| kind.convert(value, unit)).or(Some(value)),
        };
        let Some(value) = converted else { return Some(Err("the unit is none in which the measurement is stated")) };
        Some(Ok(Converted { name: &kind.name, value, plausible: kind.is_plausible(value) }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MeasureTables, Measurer};
    use crate::lexicon::embedded::table;

    #[test]
    fn values_are_brought_into_the_unit_of_their_measurement() {
        let tables = ["measurements.tsv", "units.tsv", "measurement-words.tsv", "measurement-groups.tsv"].map(table);
        let [measurements, units, words, groups] = &tables;
        let measurer = Measurer::new(&MeasureTables { measurements, units, words, groups }).unwrap();
        let check = |name: &str, value: f64, unit: Option<&str>, expected: Option<Result<(&str, f64), &str>>| {
            let found = measurer.convert(name, value, unit);
            let found = found.map(|found| found.map(|found| (found.name, (found.value * 100.0).round() / 100.0)));
            assert_eq!(found, expected, "{name} {value} {unit:?}");
        };
        check("temperature", 101.3, Some("[degF]"), Some(Ok(("temperature", 38.5))));
        check("temperature", 101.3, None, Some(Ok(("temperature", 38.5))));
        check("2160-0", 177.0, Some("umol/L"), Some(Ok(("creatinine", 2.0))));
        check("creatinine", 2.0, Some("mg/dl"), Some(Ok(("creatinine", 2.0))));
        check("heart_rate", 88.0, Some("kg"), Some(Err("the unit is none in which the measurement is stated")));
        check("shoe_size", 43.0, None, None);
    }
}
