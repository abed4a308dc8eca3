//! Telling a person, or a log, how far a run is.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use noteward::{Progress, RunReport};
use serde_json::json;

use super::args::LogFormat;

/// Time between two JSON lines.
const INTERVAL: Duration = Duration::from_secs(5);

/// Tells progress: a bar on a terminal, a JSON line an interval, or nothing.
pub(super) struct Teller {
    quiet: bool,
    format: LogFormat,
    bar: Option<ProgressBar>,
    started: Instant,
    told: Instant,
}

impl Teller {
    pub fn new(quiet: bool, format: LogFormat) -> Teller {
        let bar = (!quiet && format == LogFormat::Text && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        let now = Instant::now();
        Teller { quiet, format, bar, started: now, told: now }
    }

    pub fn progress(&mut self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            let counts = &progress.counts;
            let rate = counts.text_bytes as f64 / 1e6 / self.started.elapsed().as_secs_f64().max(1e-3);
            bar.set_message(format!("{} notes, {rate:.1} MB/s, {} rejected", counts.read, counts.rejected));
            bar.tick();
        } else if !self.quiet && self.format == LogFormat::Json && self.told.elapsed() >= INTERVAL {
            self.told = Instant::now();
            let seconds = self.started.elapsed().as_secs_f64();
            tell(&json!({ "event": "progress", "seconds": seconds, "counts": progress.counts }).to_string());
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
            let done = json!({ "event": "done", "seconds": report.seconds, "counts": counts, "cache": report.cache,
                "warnings": report.warnings, "out": out });
            tell(&done.to_string());
            return;
        }
        for warning in &report.warnings {
            tell(&format!("warning: {warning}"));
        }
        if !report.skipped.is_empty() {
            tell(&format!("{} files hold no notes and were left out; run.json says why", report.skipped.len()));
        }
        if report.resumed == *counts && counts.read > 0 {
            tell("the run was finished before");
        }
        tell(&format!(
            "{} notes read: {} annotated, {} empty, {} rejected; {} mentions in {:.2} s ({:.0} notes/s) -> {}",
            counts.read,
            counts.annotated,
            counts.empty,
            counts.rejected,
            counts.mentions,
            report.seconds,
            counts.read as f64 / report.seconds.max(1e-3),
            out.display()
        ));
        if counts.rejected > 0 {
            tell(&format!("rejected records are named in {}", out.join("rejects.jsonl").display()));
        }
    }
}

fn tell(line: &str) {
    // Nobody may be listening, which is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}
