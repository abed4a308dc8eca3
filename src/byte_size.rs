//! Numbers of bytes as people write them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number of bytes, written as a number alone or with a unit: `KB`, `MB`, `GB` (powers of 1000), `KiB`, `MiB`, `GiB`.
///
/// ```
/// use noteward::ByteSize;
/// assert_eq!("32MB".parse(), Ok(ByteSize(32_000_000)));
/// assert_eq!("1 GiB".parse(), Ok(ByteSize(1 << 30)));
/// assert!("much".parse::<ByteSize>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "u64")]
pub struct ByteSize(pub u64);

/// A size in a configuration file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<ByteSize, String> {
        let problem = || format!("expected a number of bytes such as 32000000, 32MB or 1GiB, found {text:?}");
        let trimmed = text.trim();
        let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = trimmed.split_at_checked(digits).ok_or_else(problem)?;
        let unit = unit.trim().to_ascii_lowercase();
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(problem)?;
        let number: u64 = number.parse().map_err(|_| problem())?;
        number.checked_mul(*factor).map(ByteSize).ok_or_else(problem)
    }
}

impl TryFrom<Written> for ByteSize {
    type Error = String;

    fn try_from(written: Written) -> Result<ByteSize, String> {
        match written {
            Written::Number(number) => Ok(ByteSize(number)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<ByteSize> for u64 {
    fn from(size: ByteSize) -> u64 {
        size.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_and_refuses_the_rest() {
        let sizes = ["0", "17", "2kb", "3 MB", "4GB", "5KiB", "6MiB", "7gib"];
        let read: Vec<u64> = sizes.iter().map(|size| size.parse::<ByteSize>().unwrap().0).collect();
        assert_eq!(read, [0, 17, 2_000, 3_000_000, 4_000_000_000, 5 << 10, 6 << 20, 7 << 30]);
        for wrong in ["", "MB", "-1", "1.5GB", "12 parsecs", "99999999999GiB"] {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong:?}");
        }
    }
}
