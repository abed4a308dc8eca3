//! The command line: what was typed, turned into calls of the library. Results go to files, words for people to stderr.

mod annotate;
mod args;
mod estimate;
mod evaluate;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

/// Every note done.
const DONE: u8 = 0;
/// The run finished, but some notes were rejected.
const SOME_REJECTED: u8 = 1;
/// Not done: usage, configuration, tables, disk.
const NOT_DONE: u8 = 2;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    // The default hook prints the panic's message, which may quote the text of a note.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
        report(&format!("a fault of the program{}", place.unwrap_or_default()));
    }));
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Annotate(arguments) => annotate::annotate(*arguments),
        Command::Evaluate(arguments) => evaluate::evaluate(arguments),
        Command::Estimate(arguments) => estimate::estimate(*arguments),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::from(DONE),
        Err(error) => {
            report(&format!("{error:#}"));
            ExitCode::from(NOT_DONE)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Tells a person something.
#[expect(clippy::print_stderr, reason = "stderr is where the program talks to people")]
fn report(message: &str) {
    eprintln!("noteward: {message}");
}
