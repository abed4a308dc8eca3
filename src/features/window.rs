//! Look-back windows before an index time.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// How far back from the index time notes count.
///
/// ```
/// use noteward::FeatureWindow;
/// assert_eq!("30".parse::<FeatureWindow>().unwrap().to_string(), "30d");
/// assert_eq!("all".parse(), Ok(FeatureWindow::All));
/// assert!("0".parse::<FeatureWindow>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeatureWindow {
    /// So many times 24 hours.
    Days(NonZeroU32),
    /// Any time.
    All,
}

impl FeatureWindow {
    /// The windows that are used where none are named: 1, 7, 30 and 365 days, and all.
    pub fn usual() -> Vec<FeatureWindow> {
        let days = [1, 7, 30, 365].into_iter().filter_map(NonZeroU32::new).map(FeatureWindow::Days);
        days.chain([FeatureWindow::All]).collect()
    }

    /// The first microsecond that is in the window.
    pub(super) fn start(self, index_time: i64) -> i64 {
        match self {
            FeatureWindow::Days(days) => index_time.saturating_sub(i64::from(days.get()).saturating_mul(DAY)),
            FeatureWindow::All => i64::MIN,
        }
    }

    /// Days, for tables; `None` for any time.
    pub(super) fn days(self) -> Option<u32> {
        match self {
            FeatureWindow::Days(days) => Some(days.get()),
            FeatureWindow::All => None,
        }
    }

    /// The window in words.
    pub(super) fn words(self) -> String {
        match self {
            FeatureWindow::Days(days) if days.get() == 1 => "in the day before the index time".to_owned(),
            FeatureWindow::Days(days) => format!("in the {days} days before the index time"),
            FeatureWindow::All => "at any time before the index time".to_owned(),
        }
    }
}

impl fmt::Display for FeatureWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FeatureWindow::Days(days) => write!(f, "{days}d"),
            FeatureWindow::All => f.write_str("all"),
        }
    }
}

impl FromStr for FeatureWindow {
    type Err = String;

    fn from_str(text: &str) -> Result<FeatureWindow, String> {
        if text == "all" {
            return Ok(FeatureWindow::All);
        }
        let days = text.strip_suffix('d').unwrap_or(text).parse().ok().filter(|days: &NonZeroU32| days.get() < 1 << 31);
        days.map(FeatureWindow::Days).ok_or_else(|| format!("expected a number of days or all, found {text:?}"))
    }
}
