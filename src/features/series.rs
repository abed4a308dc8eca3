//! Numbers that a series of values gives: count, first, last, greatest, least, slope.

use super::window::DAY;

/// A value and its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Value {
    pub time: i64,
    pub value: f64,
}

/// The statistics of values in the order of their times, in the order of [`super::plan::Statistic::ALL`].
pub(super) fn statistics(values: &[Value]) -> [Option<f64>; 6] {
    let numbers = || values.iter().map(|value| value.value);
    [
        Some(values.len() as f64),
        values.first().map(|value| value.value),
        values.last().map(|value| value.value),
        numbers().reduce(f64::max),
        numbers().reduce(f64::min),
        slope(values),
    ]
}

/// The slope per day of the line through the values by least squares; `None` where all are of one time.
fn slope(values: &[Value]) -> Option<f64> {
    let first = values.first()?.time;
    let n_values = values.len() as f64;
    let days = |value: &Value| value.time.saturating_sub(first) as f64 / DAY as f64;
    let mean_day = values.iter().map(days).sum::<f64>() / n_values;
    let mean_value = values.iter().map(|value| value.value).sum::<f64>() / n_values;
    let (mut products, mut squares) = (0.0, 0.0);
    for value in values {
        let from_mean = days(value) - mean_day;
        products += from_mean * (value.value - mean_value);
        squares += from_mean * from_mean;
    }
    (squares > 0.0).then(|| products / squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope() {
        let values: Vec<Value> = [0, 1, 4].map(|day| Value { time: day * DAY, value: 2.0 - day as f64 * 0.5 }).into();
        assert_eq!(statistics(&values), [Some(3.0), Some(2.0), Some(0.0), Some(2.0), Some(0.0), Some(-0.5)]);
        assert_eq!(statistics(&values[..1])[5], None);
        let at_once = [Value { time: 5, value: 1.0 }, Value { time: 5, value: 2.0 }];
        assert_eq!(statistics(&at_once)[5], None);
        assert_eq!(statistics(&[]), [Some(0.0), None, None, None, None, None]);
    }
}
