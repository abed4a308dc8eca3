//! Counts over pairs, and the rates that follow from them.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::AXES;
use super::load::MarkedMention;

/// Counts of agreement. Its JSON form is the rates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Mentions of the gold standard.
    pub gold: u64,
    /// Predicted mentions.
    pub pred: u64,
    /// Pairs of equal span; and of equal type.
    pub exact: u64,
    /// Of these, with equal type.
    pub exact_typed: u64,
    /// Pairs that share a character.
    pub overlap: u64,
    /// Of these, with equal type.
    pub overlap_typed: u64,
    /// Pairs with every axis right.
    pub asserted: u64,
    /// Gold mentions of pairs that have a code.
    pub code_gold: u64,
    /// Predicted mentions of pairs that have a code.
    pub code_pred: u64,
    /// Pairs of equal code.
    pub code: u64,
    /// Pairs whose codes have equal first three characters.
    pub code3: u64,
    /// For each axis over pairs: true positives, false positives, false negatives.
    pub axes: [[u64; 3]; AXES.len()],
}

impl Tally {
    pub(super) fn add(&mut self, gold: &MarkedMention, predicted: &MarkedMention, is_exact: bool) {
        let same = gold.kind == predicted.kind;
        self.overlap += 1;
        self.overlap_typed += u64::from(same);
        self.exact += u64::from(is_exact);
        self.exact_typed += u64::from(is_exact && same);
        self.asserted += u64::from(gold.axes == predicted.axes);
        for ((counts, &told), &read) in self.axes.iter_mut().zip(&gold.axes).zip(&predicted.axes) {
            counts[0] += u64::from(told && read);
            counts[1] += u64::from(read && !told);
            counts[2] += u64::from(told && !read);
        }
        let (told, read) = (&gold.code, &predicted.code);
        let category = |code: &str| code.chars().take(3).collect::<String>();
        self.code_gold += u64::from(!told.is_empty());
        self.code_pred += u64::from(!read.is_empty());
        self.code += u64::from(!told.is_empty() && told == read);
        self.code3 += u64::from(!told.is_empty() && !read.is_empty() && category(told) == category(read));
    }

    /// The rates by name, in a fixed order; those of an axis are over pairs.
    pub fn rates(&self) -> Vec<(String, f64)> {
        let ratio = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let f1 = |hits: u64| ratio(2 * hits, self.gold + self.pred);
        let mut rates: Vec<(String, f64)> = [
            ("exact_f1", f1(self.exact)),
            ("exact_typed_f1", f1(self.exact_typed)),
            ("exact_precision", ratio(self.exact, self.pred)),
            ("exact_recall", ratio(self.exact, self.gold)),
            ("exact_typed_precision", ratio(self.exact_typed, self.pred)),
            ("exact_typed_recall", ratio(self.exact_typed, self.gold)),
            ("overlap_f1", f1(self.overlap)),
            ("overlap_typed_f1", f1(self.overlap_typed)),
            ("overlap_precision", ratio(self.overlap, self.pred)),
            ("overlap_recall", ratio(self.overlap, self.gold)),
            ("overlap_typed_precision", ratio(self.overlap_typed, self.pred)),
            ("overlap_typed_recall", ratio(self.overlap_typed, self.gold)),
            ("asserted_f1", f1(self.asserted)),
            ("assertion_acc", ratio(self.asserted, self.overlap)),
            ("code_precision", ratio(self.code, self.code_pred)),
            ("code_recall", ratio(self.code, self.code_gold)),
            ("code3_precision", ratio(self.code3, self.code_pred)),
            ("code3_recall", ratio(self.code3, self.code_gold)),
        ]
        .map(|(name, rate)| (name.to_owned(), rate))
        .into();
        for (name, [hits, spurious, missed]) in AXES.iter().zip(self.axes) {
            rates.push((format!("{name}_f1"), ratio(2 * hits, 2 * hits + spurious + missed)));
            rates.push((format!("{name}_precision"), ratio(hits, hits + spurious)));
            rates.push((format!("{name}_recall"), ratio(hits, hits + missed)));
        }
        rates
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rates = self.rates();
        let mut map = serializer.serialize_map(Some(rates.len() + 2))?;
        map.serialize_entry("gold", &self.gold)?;
        map.serialize_entry("pred", &self.pred)?;
        for (name, rate) in &rates {
            map.serialize_entry(name, rate)?;
        }
        map.end()
    }
}
