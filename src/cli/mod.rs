//! The command line: what was typed, turned into calls of the library. Results go to files, words for people to stderr.

mod annotate;
mod args;
mod diff;
mod estimate;
mod evaluate;
mod export;
mod export_args;
mod features;
mod features_args;
mod lexicon;
mod lexicon_args;
mod omop_args;
mod progress;
mod report;
mod report_args;
mod scores;
mod scores_args;
mod warn;
mod warn_args;
mod why;
mod why_args;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use args::{Cli, Command, LogFormat};

/// Every note done.
const DONE: u8 = 0;
/// The run finished, but some notes were rejected.
const SOME_REJECTED: u8 = 1;
/// Done, and two things that are compared differ.
const OTHERWISE: u8 = 1;
/// Not done: usage, configuration, tables, disk.
const NOT_DONE: u8 = 2;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = cli.command.log_format();
    // The default hook prints the panic's message, which may quote the text of a note.
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
        complain(format, "fault", &format!("a fault of the program{}", place.unwrap_or_default()));
    }));
    let done = match cli.command {
        Command::Annotate(arguments) => annotate::annotate(*arguments),
        Command::Evaluate(arguments) => evaluate::evaluate(arguments),
        Command::Warn(arguments) => warn::warn(*arguments),
        Command::Why(arguments) => why::why(arguments),
        Command::Diff(arguments) => diff::diff(arguments),
        Command::Features(arguments) => features::features(*arguments),
        Command::Report(arguments) => report::report(*arguments),
        Command::Lexicon { command } => lexicon::lexicon(command),
        Command::Scores { command } => scores::scores(command),
        Command::Estimate(arguments) => estimate::estimate(*arguments),
        Command::Export(arguments) => export::export(*arguments),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(DONE),
        Err(error) => {
            complain(format, "error", &format!("{error:#}"));
            ExitCode::from(NOT_DONE)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints a result, for people or as JSON.
fn print(result: &(impl std::fmt::Display + serde::Serialize), as_json: bool) -> anyhow::Result<()> {
    let mut page = if as_json { serde_json::to_string_pretty(result)? } else { result.to_string() };
    if !page.ends_with('\n') {
        page.push('\n');
    }
    std::io::stdout().lock().write_all(page.as_bytes())?;
    Ok(())
}

/// Tells what went wrong, in the format in which progress is told.
fn complain(format: LogFormat, event: &str, message: &str) {
    match format {
        LogFormat::Text => report(message),
        LogFormat::Json => progress::tell(&json!({ "event": event, "message": message }).to_string()),
    }
}

/// Tells a person something.
#[expect(clippy::print_stderr, reason = "stderr is where the program talks to people")]
fn report(message: &str) {
    eprintln!("noteward: {message}");
}
