//! Splits of subjects for training and testing.

use std::str::FromStr;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

/// Shares of subjects by the name of their split. A subject's split hangs on its integer alone, so it is the same in every
/// export with the same shares.
///
/// ```
/// use noteward::Splits;
/// assert!("train=0.7,tuning=0.1,held_out=0.2".parse::<Splits>().is_ok());
/// assert!("train=0.7".parse::<Splits>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Splits {
    shares: Vec<(String, f64)>,
}

impl Default for Splits {
    /// The names of MEDS: 0.8 `train`, 0.1 `tuning`, 0.1 `held_out`.
    fn default() -> Splits {
        let shares = [("train", 0.8), ("tuning", 0.1), ("held_out", 0.1)];
        Splits { shares: shares.map(|(name, share)| (name.to_owned(), share)).into() }
    }
}

impl FromStr for Splits {
    type Err = String;

    fn from_str(text: &str) -> Result<Splits, String> {
        let expected = "expected shares that add up to 1, such as train=0.8,tuning=0.1,held_out=0.1";
        let share = |part: &str| {
            let (name, share) = part.split_once('=')?;
            let (name, share) = (name.trim(), share.trim().parse::<f64>().ok()?);
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            (is_name && share >= 0.0).then(|| (name.to_owned(), share))
        };
        let shares: Option<Vec<(String, f64)>> = text.split(',').map(share).collect();
        let shares = shares.ok_or_else(|| format!("{expected}; found {text:?}"))?;
        let total: f64 = shares.iter().map(|(_, share)| share).sum();
        let mut names: Vec<&str> = shares.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if (total - 1.0).abs() > 1e-6 || names.len() < shares.len() {
            return Err(format!("{expected}, each name once; found {text:?}"));
        }
        Ok(Splits { shares })
    }
}

impl Splits {
    /// The number of a subject's split.
    pub(super) fn of(&self, subject: i64) -> u32 {
        let place = xxh3_64(&subject.to_le_bytes()) as f64 / 2f64.powi(64);
        let mut bound = 0.0;
        for (split, (_, share)) in (0..).zip(&self.shares) {
            bound += share;
            if place < bound {
                return split;
            }
        }
        // Shares may add up to a hair less than 1.
        let last = self.shares.iter().rposition(|(_, share)| *share > 0.0);
        last.and_then(|last| u32::try_from(last).ok()).unwrap_or_default()
    }

    /// The name of a split.
    pub(super) fn name(&self, split: u32) -> &str {
        self.shares.get(split as usize).map_or("", |(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_split_by_the_shares() {
        let splits = Splits::default();
        let mut counts = [0; 3];
        for subject in 0..10_000 {
            counts[splits.of(subject) as usize] += 1;
        }
        assert!((7_800..8_200).contains(&counts[0]) && (900..1_100).contains(&counts[1]), "{counts:?}");
        assert_eq!((0..100).map(|subject| "a=1".parse::<Splits>().unwrap().of(subject)).max(), Some(0));
    }

    #[test]
    fn shares_that_do_not_add_up_are_refused() {
        for text in ["", "train", "train=0.5", "train=0.5,train=0.5", "a/b=1", "a=-1,b=2", "a=nan"] {
            assert!(text.parse::<Splits>().is_err(), "{text}");
        }
    }
}
