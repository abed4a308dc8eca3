//! `noteward lexicon build` and `noteward lexicon check`.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use noteward::{BuildOptions, BuildReport, CheckOptions, Suppressed};

use super::lexicon_args::{BuildArgs, CheckArgs, LexiconCommand};
use super::{DONE, SOME_REJECTED, report};

/// Checked, and something is wrong.
const PROBLEMS: u8 = 1;

/// Runs the command; gives the exit status.
pub(super) fn lexicon(command: LexiconCommand) -> Result<u8> {
    match command {
        LexiconCommand::Build(arguments) => build(*arguments),
        LexiconCommand::Check(arguments) => check(arguments),
    }
}

fn build(arguments: BuildArgs) -> Result<u8> {
    for path in [Some(&arguments.out), arguments.dropped.as_ref()].into_iter().flatten() {
        if path.exists() && !arguments.force {
            bail!("{}: exists already; --force replaces it", path.display());
        }
    }
    let mut options = BuildOptions::default();
    options.format = arguments.format.map(Into::into);
    options.vocabularies = arguments.vocabulary;
    options.semantic_types = arguments.semantic_type;
    options.languages = arguments.language;
    options.synonyms = arguments.synonyms.into_iter().map(Into::into).collect();
    if arguments.keep_suppressed {
        options.suppressed = Suppressed::Taken;
    }
    options.min_characters = arguments.min_length;
    options.max_characters = arguments.max_length;
    options.default_type = arguments.r#type.map(Into::into);
    options.rules = arguments.rules;
    options.dropped = arguments.dropped;
    let built = noteward::build_lexicon(&arguments.input, &arguments.out, &options)?;
    tell_malformed(&built);
    if !arguments.quiet {
        tell(&built, &arguments.out);
    }
    Ok(if built.n_malformed > 0 { SOME_REJECTED } else { DONE })
}

fn check(arguments: CheckArgs) -> Result<u8> {
    let mut options = CheckOptions::default();
    options.notes = arguments.notes;
    options.frequent_share = arguments.frequent / 100.0;
    let found = noteward::check_lexicon(&arguments.lexicon, &options)?;
    let mut stdout = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut stdout, &found)?;
        writeln!(stdout)?;
    } else {
        write!(stdout, "{found}")?;
    }
    Ok(if found.is_clean() { DONE } else { PROBLEMS })
}

/// Names malformed lines.
fn tell_malformed(built: &BuildReport) {
    for malformed in &built.malformed {
        report(&format!("{}: line {}: {}", malformed.file, malformed.line, malformed.problem));
    }
    let more = built.n_malformed - built.malformed.len() as u64;
    if more > 0 {
        report(&format!("{more} more lines are malformed; --dropped FILE names them all"));
    }
}

/// Tells what came of each file, and what was left out.
fn tell(built: &BuildReport, out: &Path) {
    for input in &built.inputs {
        let (path, format) = (input.path.display(), input.format.title());
        report(&format!("{path} ({format}): {} concepts, {} forms", input.concepts, input.forms));
    }
    if !built.ignored.is_empty() {
        report(&format!("{} files of the folders are no terminology that is read", built.ignored.len()));
    }
    for (reason, count) in &built.left_out {
        report(&format!("left out: {count} {reason}"));
    }
    if !built.untyped.is_empty() {
        let list: Vec<String> = built.untyped.iter().map(|(name, count)| format!("{name}: {count}")).collect();
        report(&format!("semantic types without a type of mention: {}", list.join(", ")));
    }
    let megabytes = built.bytes as f64 / 1e6;
    let (concepts, forms, malformed) = (built.concepts, built.forms, built.n_malformed);
    report(&format!(
        "{concepts} concepts, {forms} forms, {malformed} malformed lines; {megabytes:.1} MB -> {}",
        out.display()
    ));
}
