//! `noteward annotate`.

use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use noteward::{Existing, PartialConfig, RunOptions};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_shutdown};

use super::args::AnnotateArgs;
use super::progress::Teller;
use super::{DONE, NOT_DONE, SOME_REJECTED};

/// Runs the command; gives the exit status.
pub(super) fn annotate(arguments: AnnotateArgs) -> Result<u8> {
    let print = arguments.print_config;
    let existing = match (arguments.force, arguments.resume) {
        (true, _) => Existing::Replace,
        (false, true) => Existing::Resume,
        (false, false) => Existing::Refuse,
    };
    let mut teller = Teller::new(arguments.quiet, arguments.log_format);
    let config = partial(arguments)?.complete(cores())?;
    if print {
        std::io::stdout().write_all(config.to_toml()?.as_bytes())?;
        return Ok(DONE);
    }
    let stop = stop_flag().context("listening for Ctrl-C")?;
    let options = RunOptions { existing, stop: Some(&stop) };
    let report = noteward::run(&config, options, &mut |progress| teller.progress(progress))?;
    teller.summary(&report, &config.out);
    Ok(if report.counts.rejected > 0 { SOME_REJECTED } else { DONE })
}

/// A flag that the first Ctrl-C, or request of the system to end, sets; the second ends the process at once.
fn stop_flag() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The order counts: whether the flag was set is asked before it is set.
        register_conditional_shutdown(signal, i32::from(NOT_DONE), Arc::clone(&stop))?;
        register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// What the flags say, and where they say nothing the file that they name.
pub(super) fn partial(mut arguments: AnnotateArgs) -> Result<PartialConfig> {
    let file = match arguments.config.take() {
        None => PartialConfig::default(),
        Some(path) => {
            let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            PartialConfig::from_toml(&text).with_context(|| format!("{}", path.display()))?
        }
    };
    let mut partial = from_flags(arguments)?.or(file);
    partial.input = partial.input.map(|inputs| inputs.into_iter().map(with_password).collect());
    Ok(partial)
}

/// The URL of a database with the password that the environment gives, where it has none; anything else as it is.
pub(super) fn with_password(url: String) -> String {
    match std::env::var("PGPASSWORD") {
        Ok(password) => noteward::with_password(&url, &password),
        Err(_) => url,
    }
}

/// The number of workers where none is given.
pub(super) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn from_flags(arguments: AnnotateArgs) -> Result<PartialConfig> {
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    let mut map = std::collections::BTreeMap::new();
    for mapping in &arguments.map {
        let (field, column) =
            mapping.split_once('=').with_context(|| format!("--map: expected FIELD=COLUMN, found {mapping:?}"))?;
        map.insert(field.to_owned(), column.to_owned());
    }
    Ok(PartialConfig {
        input: some(arguments.input),
        out: arguments.out,
        format: arguments.format.map(|formats| formats.into_iter().map(Into::into).collect()),
        recognizers: arguments.recognizers.map(|list| list.into_iter().map(Into::into).collect()),
        lexicon: (!arguments.lexicon.is_empty()).then_some(arguments.lexicon),
        model: arguments.model,
        precision: arguments.precision.map(Into::into),
        engine: arguments.engine.map(Into::into),
        rules: arguments.rules,
        patients: arguments.patients,
        threads: arguments.threads,
        cache: arguments.cache,
        cache_size: arguments.cache_size,
        hash_key_file: arguments.hash_key_file,
        no_cache: arguments.no_cache.then_some(true),
        limit: arguments.limit,
        line_column: arguments.line_column,
        keep: some(arguments.keep),
        keep_text: arguments.keep_text.then_some(true),
        keep_sentences: arguments.keep_sentences.then_some(true),
        max_note_bytes: arguments.max_note_bytes,
        map: (!map.is_empty()).then_some(map),
    })
}
