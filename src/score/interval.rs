//! Closed intervals of numbers, and the arithmetic that never leaves a possible value out.
//!
//! Truth is a number too: 0 is false, 1 is true, `[0, 1]` is not known. No operation gives a NaN: where a bound is undefined
//! (an infinity less an infinity), it is the infinity that keeps the interval wide.

/// A closed interval; a point where both ends are equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end, not less than the lower one.
    pub high: f64,
}

/// What is false.
pub(crate) const FALSE: Interval = Interval { low: 0.0, high: 0.0 };
/// What is true.
pub(crate) const TRUE: Interval = Interval { low: 1.0, high: 1.0 };
/// What may be either.
pub(crate) const EITHER: Interval = Interval { low: 0.0, high: 1.0 };
/// Any number.
const ANY: Interval = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };

impl Interval {
    /// An interval of one number.
    pub fn point(value: f64) -> Interval {
        Interval { low: value, high: value }
    }

    /// The interval between two numbers, in either order; any number where one of them is none.
    pub fn new(one: f64, other: f64) -> Interval {
        if one.is_nan() || other.is_nan() { ANY } else { Interval { low: one.min(other), high: one.max(other) } }
    }

    /// Whether it is one number.
    pub fn is_point(self) -> bool {
        self.low == self.high
    }

    /// How far its ends are apart.
    pub fn width(self) -> f64 {
        self.high - self.low
    }

    /// The smallest interval that holds both.
    pub fn hull(self, other: Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// The part of it within bounds; the nearest bound where there is none.
    pub fn within(self, low: f64, high: f64) -> Interval {
        Interval { low: self.low.clamp(low, high), high: self.high.clamp(low, high) }
    }

    /// What a function that never falls makes of it.
    pub fn rising(self, function: impl Fn(f64) -> f64) -> Interval {
        Interval { low: function(self.low), high: function(self.high) }
    }

    /// Their sum.
    pub fn plus(self, other: Interval) -> Interval {
        Interval { low: or(self.low + other.low, f64::NEG_INFINITY), high: or(self.high + other.high, f64::INFINITY) }
    }

    /// It, with the sign turned.
    pub fn negated(self) -> Interval {
        Interval { low: -self.high, high: -self.low }
    }

    /// Their product.
    pub fn times(self, other: Interval) -> Interval {
        // An infinite bound stands for large numbers, so its product with nothing is nothing.
        let product = |a: f64, b: f64| or(a * b, 0.0);
        let corners = [
            product(self.low, other.low),
            product(self.low, other.high),
            product(self.high, other.low),
            product(self.high, other.high),
        ];
        let low = corners.into_iter().fold(f64::INFINITY, f64::min);
        let high = corners.into_iter().fold(f64::NEG_INFINITY, f64::max);
        Interval { low, high }
    }

    /// Their quotient: any number where the divisor may be nothing.
    pub fn over(self, other: Interval) -> Interval {
        if other.low <= 0.0 && other.high >= 0.0 {
            return ANY;
        }
        self.times(Interval { low: 1.0 / other.high, high: 1.0 / other.low })
    }

    /// It to a power; any number where the base may be negative or nothing and the exponent is not a whole number above it.
    pub fn power(self, exponent: Interval) -> Interval {
        if self.low < 0.0 || (self.low == 0.0 && exponent.low < 0.0) {
            return ANY;
        }
        let corners = [
            self.low.powf(exponent.low),
            self.low.powf(exponent.high),
            self.high.powf(exponent.low),
            self.high.powf(exponent.high),
        ];
        let low = corners.into_iter().fold(f64::INFINITY, f64::min);
        let high = corners.into_iter().fold(f64::NEG_INFINITY, f64::max);
        Interval { low, high }
    }

    /// The lower of the two.
    pub fn min(self, other: Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.min(other.high) }
    }

    /// The higher of the two.
    pub fn max(self, other: Interval) -> Interval {
        Interval { low: self.low.max(other.low), high: self.high.max(other.high) }
    }

    /// Whether it is less than the other.
    pub fn less(self, other: Interval) -> Interval {
        truth(self.high < other.low, self.low >= other.high)
    }

    /// Whether it is less than the other, or the same.
    pub fn at_most(self, other: Interval) -> Interval {
        truth(self.high <= other.low, self.low > other.high)
    }

    /// Whether both are the same.
    pub fn same(self, other: Interval) -> Interval {
        let point = self.is_point() && other.is_point();
        truth(point && self.low == other.low, self.high < other.low || other.high < self.low)
    }

    /// Whether it does not hold.
    pub fn not(self) -> Interval {
        Interval { low: 1.0 - self.high, high: 1.0 - self.low }
    }
}

/// A value, or another one where it is no number.
fn or(value: f64, otherwise: f64) -> f64 {
    if value.is_nan() { otherwise } else { value }
}

/// What is certainly true, certainly false, or either.
fn truth(certainly: bool, certainly_not: bool) -> Interval {
    match (certainly, certainly_not) {
        (true, _) => TRUE,
        (_, true) => FALSE,
        _ => EITHER,
    }
}
