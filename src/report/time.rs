//! Times as people read them, without clock or zone.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// The civil time of microseconds since 1970; `None` beyond the years that are known.
fn civil(micros: i64) -> Option<DateTime> {
    DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(SignedDuration::from_micros(micros)).ok()
}

/// The month: `2025-03`.
pub(super) fn month(micros: i64) -> Option<String> {
    civil(micros).map(|time| format!("{:04}-{:02}", time.year(), time.month()))
}

/// Day and minute: `2025-03-02 14:20`.
pub(super) fn minute(micros: i64) -> String {
    civil(micros).map_or_else(String::new, |time| {
        let (year, month, day) = (time.year(), time.month(), time.day());
        format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", time.hour(), time.minute())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_civil_time() {
        let micros = 1_740_925_200_000_000;
        assert_eq!((month(micros).as_deref(), minute(micros).as_str()), (Some("2025-03"), "2025-03-02 14:20"));
        assert_eq!((month(i64::MAX), minute(i64::MIN)), (None, String::new()));
    }
}
