//! Expressions of score files: typed when a file is read, evaluated over intervals, which cannot fail.
//!
//! `1.33 * female + 4.56 * ln(bilirubin)`, `if(type == 'solid' and size >= 6, 1, 0)`. Operators from the loosest: `or`, `and`,
//! `not`, comparisons, `+ -`, `* /`, `^`; functions `ln exp sqrt abs floor round min max if`, and the file's own tables.
//! A yes or no counts 1 or 0 in arithmetic; a choice is compared with the names of its levels, in single quotes.

use super::interval::{EITHER, Interval};
use super::points::{self, Cut};

/// A checked expression.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    Number(f64),
    /// A value by its place.
    Value(usize),
    /// A range table, by its place, of a number.
    Table(usize, Box<Expression>),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<(Expression, Expression)>),
    /// Condition, then, otherwise.
    If(Box<(Expression, Expression, Expression)>),
}

/// Functions of one argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unary {
    Not,
    Negate,
    Ln,
    Exp,
    Sqrt,
    Abs,
    Floor,
    Round,
}

/// Functions of two arguments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Binary {
    Or,
    And,
    Less,
    AtMost,
    Same,
    Plus,
    Minus,
    Times,
    Over,
    Power,
    Min,
    Max,
}

impl Expression {
    /// The values that it may have.
    pub fn evaluate(&self, values: &[Interval], tables: &[Vec<Cut>]) -> Interval {
        match self {
            Expression::Number(number) => Interval::point(*number),
            Expression::Value(index) => values[*index],
            Expression::Table(table, argument) => points::points(&tables[*table], argument.evaluate(values, tables)),
            Expression::Unary(function, argument) => unary(*function, argument.evaluate(values, tables)),
            Expression::Binary(function, arguments) => {
                binary(*function, arguments.0.evaluate(values, tables), arguments.1.evaluate(values, tables))
            }
            Expression::If(parts) => {
                let condition = parts.0.evaluate(values, tables);
                if condition.low >= 1.0 {
                    parts.1.evaluate(values, tables)
                } else if condition.high <= 0.0 {
                    parts.2.evaluate(values, tables)
                } else {
                    parts.1.evaluate(values, tables).hull(parts.2.evaluate(values, tables))
                }
            }
        }
    }

    /// Calls a function for the place of every value that it reads.
    pub fn each_value(&self, visit: &mut impl FnMut(usize)) {
        match self {
            Expression::Number(_) => {}
            Expression::Value(index) => visit(*index),
            Expression::Table(_, argument) | Expression::Unary(_, argument) => argument.each_value(visit),
            Expression::Binary(_, arguments) => {
                arguments.0.each_value(visit);
                arguments.1.each_value(visit);
            }
            Expression::If(parts) => {
                parts.0.each_value(visit);
                parts.1.each_value(visit);
                parts.2.each_value(visit);
            }
        }
    }
}

fn unary(function: Unary, argument: Interval) -> Interval {
    match function {
        Unary::Not => argument.not(),
        Unary::Negate => argument.negated(),
        Unary::Ln => argument.rising(|number| if number > 0.0 { number.ln() } else { f64::NEG_INFINITY }),
        Unary::Exp => argument.rising(f64::exp),
        Unary::Sqrt => argument.rising(|number| number.max(0.0).sqrt()),
        Unary::Abs if argument.low >= 0.0 => argument,
        Unary::Abs if argument.high <= 0.0 => argument.negated(),
        Unary::Abs => Interval { low: 0.0, high: argument.high.max(-argument.low) },
        Unary::Floor => argument.rising(f64::floor),
        Unary::Round => argument.rising(f64::round),
    }
}

fn binary(function: Binary, left: Interval, right: Interval) -> Interval {
    match function {
        Binary::Or => left.max(right),
        Binary::And => left.min(right),
        Binary::Less => left.less(right),
        Binary::AtMost => left.at_most(right),
        Binary::Same => left.same(right),
        Binary::Plus => left.plus(right),
        Binary::Minus => left.plus(right.negated()),
        Binary::Times => left.times(right),
        Binary::Over => left.over(right),
        Binary::Power => left.power(right),
        Binary::Min => left.min(right),
        Binary::Max => left.max(right),
    }
}

/// What a name in an expression stands for.
#[derive(Clone, Debug)]
pub(super) enum Meaning {
    /// A value, by its place, and what it is.
    Value(usize, Type),
    /// A range table, by its place.
    Table(usize),
}

/// What an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Truth,
    Number,
    /// A choice with the names of its levels.
    Choice(Vec<String>),
}

impl Type {
    pub fn words(&self) -> &'static str {
        match self {
            Type::Truth => "a yes or no",
            Type::Number => "a number",
            Type::Choice(_) => "a choice",
        }
    }

    /// The values that anything of the type may have, where no more is known.
    pub fn unknown(&self) -> Interval {
        match self {
            Type::Truth => EITHER,
            Type::Number => Interval { low: f64::NEG_INFINITY, high: f64::INFINITY },
            Type::Choice(levels) => Interval { low: 0.0, high: levels.len().saturating_sub(1) as f64 },
        }
    }
}
