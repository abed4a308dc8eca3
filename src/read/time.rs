//! Times of notes: ISO 8601 dates and times, as civil time.
//!
//! A zone or offset is dropped: the clock time that the source states is kept. Forms whose order of day and month is
//! ambiguous (`03/02/2025`) are not read.

use jiff::civil::{Date, DateTime};

use crate::note::NoteTime;

/// Reads a time; `None` where it is not understood.
pub(crate) fn parse(stated: &str) -> Option<NoteTime> {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let since = datetime(stated)?.duration_since(epoch);
    i64::try_from(since.as_micros()).ok().map(NoteTime)
}

/// Reads the day of a date or time; `None` where it is not understood.
pub(crate) fn date(stated: &str) -> Option<Date> {
    datetime(stated).map(DateTime::date)
}

fn datetime(stated: &str) -> Option<DateTime> {
    let mut clock = stated.trim().replacen(' ', "T", 1).replace('/', "-");
    if let Some((date, time)) = clock.split_once('T') {
        let end = time.find(['Z', 'z', '+', '-', ' ']).unwrap_or(time.len());
        let time = &time[..end];
        clock = if time.is_empty() { date.to_owned() } else { format!("{date}T{time}") };
    }
    let compact = clock.len() == 8 && clock.bytes().all(|byte| byte.is_ascii_digit());
    let year_first = clock.as_bytes().get(4) == Some(&b'-') || compact;
    if !year_first {
        None
    } else if clock.contains('T') {
        clock.parse::<DateTime>().ok()
    } else {
        Some(clock.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_and_times() {
        let day = 86_400_000_000;
        let check = |stated: &str, expected: Option<i64>| {
            assert_eq!(parse(stated), expected.map(NoteTime), "{stated}");
        };
        check("1970-01-02", Some(day));
        check("19700102", Some(day));
        check("1970/01/02", Some(day));
        check("1970-01-02 00:00:01", Some(day + 1_000_000));
        check("1970-01-02T01:00", Some(day + 3_600_000_000));
        check("1970-01-02T00:00:00.5Z", Some(day + 500_000));
        check("1970-01-02T00:00:00+02:00", Some(day));
        check("1970-01-02 00:00:00 UTC", Some(day));
        check("02/01/1970", None);
        check("yesterday", None);
        check("", None);
    }
}
