//! Geometry of small charts: points and places as text for SVG attributes, with fixed decimals.

/// Width and height of a sparkline, in its own units.
pub(super) const WIDTH: f64 = 160.0;
pub(super) const HEIGHT: f64 = 32.0;
const MARGIN: f64 = 3.0;

/// A line through values in order.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub(super) struct Sparkline {
    /// For `points` of a polyline; empty for a single value.
    pub points: String,
    /// The place of each value.
    pub dots: Vec<Dot>,
}

/// A place on a chart, with what is said of it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub(super) struct Dot {
    pub x: String,
    pub y: String,
    /// A class of the style sheet.
    pub class: &'static str,
    pub title: String,
}

/// A value to be drawn.
pub(super) struct Point {
    /// Where it stands from left to right: a time, or a place in an order.
    pub at: f64,
    pub value: f64,
    pub class: &'static str,
    pub title: String,
}

/// The sparkline of values; those of a class do not move the scale, so that an implausible one does not flatten the others.
pub(super) fn sparkline(points: &[Point]) -> Sparkline {
    let within = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(None, |range: Option<(f64, f64)>, value| {
            Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        })
    };
    let Some((first, last)) = within(&mut points.iter().map(|point| point.at)) else { return Sparkline::default() };
    let plain = within(&mut points.iter().filter(|point| point.class.is_empty()).map(|point| point.value));
    let all = within(&mut points.iter().map(|point| point.value));
    let (low, high) = plain.or(all).unwrap_or((0.0, 0.0));
    let place = |point: &Point| {
        let x = MARGIN + share(point.at, first, last) * (WIDTH - 2.0 * MARGIN);
        let y = HEIGHT - MARGIN - share(point.value, low, high) * (HEIGHT - 2.0 * MARGIN);
        (fixed(x), fixed(y))
    };
    let line: Vec<String> = points
        .iter()
        .filter(|point| point.class.is_empty())
        .map(|point| {
            let (x, y) = place(point);
            format!("{x},{y}")
        })
        .collect();
    let dots = points.iter().map(|point| {
        let (x, y) = place(point);
        Dot { x, y, class: point.class, title: point.title.clone() }
    });
    Sparkline { points: if line.len() > 1 { line.join(" ") } else { String::new() }, dots: dots.collect() }
}

/// Where a value stands between two others, in 0..=1; in the middle where these are equal.
fn share(value: f64, low: f64, high: f64) -> f64 {
    if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
}

/// One decimal, and never a negative zero.
pub(super) fn fixed(value: f64) -> String {
    format!("{:.1}", if value.abs() < 0.05 { 0.0 } else { value })
}

/// A share as a percentage: `12.5`.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "0.0".to_owned() } else { fixed(100.0 * part as f64 / whole as f64) }
}

/// A number as people write it: as many decimals as it needs, at most three.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A count with its thousands apart.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut apart = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: f64, value: f64, class: &'static str) -> Point {
        Point { at, value, class, title: String::new() }
    }

    #[test]
    fn draws_within_its_box() {
        let line = sparkline(&[point(0.0, 1.0, ""), point(1.0, 3.0, ""), point(4.0, 900.0, "odd")]);
        assert_eq!(line.points, "3.0,29.0 41.5,3.0");
        assert_eq!((line.dots[2].x.as_str(), line.dots[2].y.as_str()), ("157.0", "3.0"));
        assert_eq!(sparkline(&[point(7.0, 2.0, "")]).dots[0].x, "80.0");
        assert_eq!(sparkline(&[]), Sparkline::default());
    }

    #[test]
    fn writes_numbers() {
        assert_eq!([count(0), count(999), count(1_234_567)], ["0", "999", "1,234,567"]);
        assert_eq!([number(1.0), number(0.25), number(-0.0001)], ["1", "0.25", "0"]);
        assert_eq!([percent(1, 8), percent(1, 0)], ["12.5", "0.0"]);
    }
}
