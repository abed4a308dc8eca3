//! Telling a person, or a log, how far a run is.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use noteward::{CacheUse, Progress, RunReport};
use serde_json::json;

use super::args::LogFormat;

/// Time between two JSON lines.
const INTERVAL: Duration = Duration::from_secs(5);
/// Time between two states of the bar.
const BAR_INTERVAL: Duration = Duration::from_millis(100);
/// Steps of the bar.
const STEPS: f64 = 1000.0;

/// Tells progress: a bar on a terminal, a JSON line an interval, or nothing.
pub(super) struct Teller {
    quiet: bool,
    format: LogFormat,
    bar: Option<ProgressBar>,
    started: Instant,
    told: Option<Instant>,
    /// When the first batch was written, and the share of the input that was read then.
    first: Option<(Instant, f64)>,
}

/// How fast a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pace {
    notes_per_second: f64,
    megabytes_per_second: f64,
    seconds_left: Option<f64>,
}

impl Teller {
    pub fn new(quiet: bool, format: LogFormat) -> Teller {
        let bar = (!quiet && format == LogFormat::Text && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(STEPS as u64);
            let style = ProgressStyle::with_template("{elapsed} [{wide_bar}] {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Teller { quiet, format, bar, started: Instant::now(), told: None, first: None }
    }

    pub fn progress(&mut self, progress: &Progress) {
        let now = Instant::now();
        let first = *self.first.get_or_insert((now, progress.share_read.unwrap_or(0.0)));
        let interval = if self.bar.is_some() { BAR_INTERVAL } else { INTERVAL };
        let is_silent = self.quiet || (self.bar.is_none() && self.format == LogFormat::Text);
        if is_silent || self.told.is_some_and(|told| now - told < interval) {
            return;
        }
        self.told = Some(now);
        let pace = pace(progress, (now - self.started).as_secs_f64(), (now - first.0).as_secs_f64(), first.1);
        if let Some(bar) = &self.bar {
            bar.set_position((progress.share_read.unwrap_or(0.0) * STEPS) as u64);
            bar.set_message(message(progress, &pace));
        } else {
            let line = json!({
                "event": "progress",
                "seconds": (now - self.started).as_secs_f64(),
                "counts": progress.counts,
                "resumed_notes": progress.resumed.read,
                "notes_per_second": pace.notes_per_second,
                "megabytes_per_second": pace.megabytes_per_second,
                "share_read": progress.share_read,
                "share_cached": progress.cache.as_ref().map(CacheUse::hit_rate),
                "seconds_left": pace.seconds_left,
            });
            tell(&line.to_string());
        }
    }

    pub fn summary(&self, report: &RunReport, out: &Path) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.quiet {
            return;
        }
        let counts = &report.counts;
        if self.format == LogFormat::Json {
            let done = json!({
                "event": "done",
                "seconds": report.seconds,
                "counts": counts,
                "resumed_notes": report.resumed.read,
                "cache": report.cache,
                "warnings": report.warnings,
                "out": out,
            });
            tell(&done.to_string());
            return;
        }
        for warning in &report.warnings {
            tell(&format!("warning: {warning}"));
        }
        if !report.skipped.is_empty() {
            tell(&format!("{} files hold no notes and were left out; run.json says why", report.skipped.len()));
        }
        let resumed = report.resumed.read;
        if resumed > 0 && report.resumed == *counts {
            tell("the run was finished before");
        } else if resumed > 0 {
            tell(&format!("{resumed} notes were done before"));
        }
        tell(&format!(
            "{} notes read: {} annotated, {} empty, {} rejected; {} mentions in {:.2} s ({:.0} notes/s) -> {}",
            counts.read,
            counts.annotated,
            counts.empty,
            counts.rejected,
            counts.mentions,
            report.seconds,
            (counts.read - resumed) as f64 / report.seconds.max(1e-3),
            out.display()
        ));
        if counts.rejected > 0 {
            tell(&format!("rejected records are named in {}", out.join("rejects.jsonl").display()));
        }
    }
}

/// The pace of a run that took `seconds`, of which `since_first` passed since the share `first_share` of the input was read.
fn pace(progress: &Progress, seconds: f64, since_first: f64, first_share: f64) -> Pace {
    let per_second = |all: u64, resumed: u64| all.saturating_sub(resumed) as f64 / seconds.max(1e-3);
    let seconds_left = progress.share_read.and_then(|share| {
        let pace = (share - first_share) / since_first;
        (pace.is_finite() && pace > 0.0).then(|| (1.0 - share) / pace)
    });
    Pace {
        notes_per_second: per_second(progress.counts.read, progress.resumed.read),
        megabytes_per_second: per_second(progress.counts.text_bytes, progress.resumed.text_bytes) / 1e6,
        seconds_left,
    }
}

fn message(progress: &Progress, pace: &Pace) -> String {
    let cached = progress.cache.map(|cache| format!(", {:.0} % cached", cache.hit_rate() * 100.0)).unwrap_or_default();
    let left = pace.seconds_left.map(|seconds| format!(", {} left", duration(seconds))).unwrap_or_default();
    format!(
        "{} notes, {:.1} MB/s{cached}, {} rejected{left}",
        progress.counts.read, pace.megabytes_per_second, progress.counts.rejected
    )
}

/// A duration as people say it.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// Writes a line to stderr.
pub(super) fn tell(line: &str) {
    // Nobody may be listening, which is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use noteward::Counts;

    use super::*;

    #[test]
    fn says_the_pace_of_this_run_and_the_time_left() {
        let counts = |read, text_bytes| Counts { read, text_bytes, rejected: 3, ..Counts::default() };
        let cache = CacheUse { sentences: 100, read: 25, ..CacheUse::default() };
        let progress = Progress {
            counts: counts(700, 9_000_000),
            resumed: counts(200, 4_000_000),
            cache: Some(cache),
            share_read: Some(0.75),
        };
        let pace = pace(&progress, 10.0, 9.0, 0.3);
        assert_eq!((pace.notes_per_second, pace.megabytes_per_second), (50.0, 0.5));
        assert!(pace.seconds_left.is_some_and(|seconds| (seconds - 5.0).abs() < 1e-9));
        assert_eq!(message(&progress, &pace), "700 notes, 0.5 MB/s, 75 % cached, 3 rejected, 5 s left");
    }

    #[test]
    fn says_no_time_left_where_it_cannot_know() {
        let progress =
            Progress { counts: Counts::default(), resumed: Counts::default(), cache: None, share_read: None };
        assert_eq!(message(&progress, &pace(&progress, 0.0, 0.0, 0.0)), "0 notes, 0.0 MB/s, 0 rejected");
        let begun = Progress { share_read: Some(0.5), ..progress };
        assert_eq!(pace(&begun, 1.0, 0.0, 0.5).seconds_left, None);
    }

    #[test]
    fn durations_are_readable() {
        let shown = [3.4, 61.0, 7384.0].map(duration);
        assert_eq!(shown, ["3 s", "1 min 01 s", "2 h 03 min"]);
    }
}
