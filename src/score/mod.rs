//! Scores of complications: what a file states of one, and its value over inputs that may not be known.
//!
//! A score is data: one TOML file, checked when it is read. Its value is an interval: an input that is not known, or only
//! possible, may be anything that its file allows, and the ends of the interval are what the score may come to. More that is
//! known never widens it, and where everything is known it is one number. Evaluating cannot fail and does no input or output.
//!
//! `docs/scores.md` explains the format by an example.

mod compile;
mod embedded;
mod evaluate;
mod expression;
mod file;
mod input;
mod interval;
mod parse;
mod points;
mod settle;

pub use evaluate::{Assume, InputValue, Outcome};
pub use file::{Band, Citation, Exclusion, FollowUp, Requirement, Score};
pub use input::{
    Course, Demographic, Derived, Family, Input, InputKind, Level, Measured, Normal, OnPossible, Pick, Sources, Window,
};
pub use points::Cut;
