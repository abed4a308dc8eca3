//! `noteward estimate`.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use noteward::Estimate;

use super::DONE;
use super::annotate::{cores, partial};
use super::args::EstimateArgs;
use super::progress::duration;

/// Runs the command; gives the exit status.
pub(super) fn estimate(arguments: EstimateArgs) -> Result<u8> {
    let mut config = partial(arguments.annotate)?;
    // Nothing is written, so no output folder is needed.
    config.out.get_or_insert_with(|| PathBuf::from("."));
    let config = config.complete(cores())?;
    let estimate = noteward::estimate(&config, Duration::from_secs(arguments.sample_seconds))?;
    let mut stdout = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut stdout, &estimate)?;
        writeln!(stdout)?;
    } else {
        stdout.write_all(shown(&estimate)?.as_bytes())?;
    }
    Ok(DONE)
}

/// The estimate in words.
fn shown(estimate: &Estimate) -> Result<String, std::fmt::Error> {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut text = String::new();
    let mut line = |name: &str, value: String| writeln!(text, "{name:<12}{value}");
    let scanned = if estimate.share_scanned < 1.0 {
        format!(", {} of them scanned", percent(estimate.share_scanned))
    } else {
        String::new()
    };
    line("input", format!("{} files, {}{scanned}", estimate.files, bytes(estimate.input_bytes)))?;
    if estimate.skipped_files > 0 {
        line("", format!("{} more files hold no notes", estimate.skipped_files))?;
    }
    line("notes", format!("{}, {} of text", estimate.records, bytes(estimate.text_bytes)))?;
    let taken = |(column, field): (&String, &Option<String>)| match field {
        Some(field) if field == column => column.clone(),
        Some(field) => format!("{column} ({field})"),
        None => format!("{column} (not read)"),
    };
    let columns: Vec<String> = estimate.columns.iter().map(taken).collect();
    if !columns.is_empty() {
        line("columns", columns.join(", "))?;
    }
    let fields = estimate.fields.iter().filter(|field| field.share > 0.0);
    let fields: Vec<String> = fields.map(|field| format!("{} in {}", field.field, percent(field.share))).collect();
    line("fields", if fields.is_empty() { "the text alone".into() } else { fields.join(", ") })?;
    let encodings: Vec<String> =
        estimate.encodings.iter().map(|(encoding, count)| format!("{encoding} in {count}")).collect();
    line("encodings", encodings.join(", "))?;
    line("empty", percent(estimate.share_empty))?;
    line("rejected", percent(estimate.share_rejected))?;
    for reason in &estimate.rejects {
        line("", format!("{} scanned: {}", reason.records, reason.reason))?;
    }
    line("copied", format!("{} of the text of sentences", percent(estimate.share_duplicated)))?;
    line("cache hits", percent(estimate.cache_hit_rate))?;
    let model = percent(estimate.model_seconds / (estimate.seconds * estimate.threads as f64).max(1e-9));
    let threads = if estimate.threads == 1 { "thread" } else { "threads" };
    line("time", format!("{} with {} {threads}, the model {model}", duration(estimate.seconds), estimate.threads))?;
    if let Some(memory) = estimate.memory_bytes {
        line("memory", bytes(memory))?;
    }
    line("disk", format!("{}, {} while it is assembled", bytes(estimate.output_bytes), bytes(estimate.disk_bytes)))?;
    Ok(text)
}

fn bytes(number: u64) -> String {
    let number = number as f64;
    match number {
        1e9.. => format!("{:.1} GB", number / 1e9),
        1e6.. => format!("{:.1} MB", number / 1e6),
        _ => format!("{:.0} kB", number / 1e3),
    }
}
