//! Exports by clients that nobody here wrote: the scripts under `tests/clients`, each where its parts are present.
//!
//! A script that cannot run says what it lacks and how to get it; the test then passes without having proved anything. Nothing
//! is fetched from a network.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the Python of a virtual environment that holds packages of the clients, or several, as PATH does.
const PYTHON: &str = "NOTEWARD_CLIENTS_PYTHON";
const PROGRAM: &str = env!("CARGO_BIN_EXE_noteward");

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a script: what it said, or what it lacks.
fn run(name: &str, python: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(python).arg(script(name)).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{said}\n{errors}", output.status);
    match said.lines().find_map(|line| line.strip_prefix("skipped: ")) {
        Some(lacking) => Err(lacking.to_owned()),
        None => Ok(said),
    }
}

fn skipped(name: &str, lacking: &str, how: &str) {
    println!("skipped: tests/clients/{name}: {lacking}; {how}");
}

/// Runs a script that needs packages of Python, with the first Python that has them; `None` where none has.
fn with_packages(name: &str, flags: &[&str]) -> Option<String> {
    let how = format!(
        "make a virtual environment of Python 3.9 to 3.12 that holds what `tests/clients/{name} --packages` prints, and set \
         {PYTHON} to its python (docs/exports.md)"
    );
    let pythons = std::env::var_os(PYTHON).unwrap_or_default();
    let mut lacking = format!("{PYTHON} is not set");
    for python in std::env::split_paths(&pythons).filter(|python| !python.as_os_str().is_empty()) {
        let work = tempfile::tempdir().unwrap();
        let work = work.path().to_str().unwrap();
        let fixed = ["--noteward", PROGRAM, "--work", work, "--python", python.to_str().unwrap()];
        match run(name, &python, &[&fixed[..], flags].concat()) {
            Ok(said) => return Some(said),
            Err(lacks) => lacking = lacks,
        }
    }
    skipped(name, &lacking, &how);
    None
}

/// Python, for scripts that need nothing but its own library.
fn python() -> Option<&'static Path> {
    let python = Path::new("python3");
    Command::new(python).arg("--version").output().is_ok_and(|output| output.status.success()).then_some(python)
}

#[test]
fn fhir_parsers_take_every_bundle() {
    if let Some(said) = with_packages("fhir.py", &[]) {
        assert!(said.contains("fhir: parsed:"), "{said}");
    }
}

#[test]
fn meds_clients_make_a_cohort_and_a_model() {
    if let Some(said) = with_packages("meds.py", &["--copies", "10"]) {
        assert!(said.contains("meds-tab-xgboost"), "{said}");
    }
}

#[test]
fn postgresql_holds_a_run() {
    let how = "install a PostgreSQL server of version 12 or later (initdb and pg_ctl), and have the official field list of OMOP \
               CDM 5.4 where --fields names it (docs/exports-omop.md)";
    let name = "omop_postgres.py";
    let Some(python) = python() else { return skipped(name, "no python3 is found", how) };
    match run(name, python, &["--program", PROGRAM]) {
        Ok(said) => assert!(said.contains("  ok: "), "{said}"),
        Err(lacking) => skipped(name, &lacking, how),
    }
}

/// What a script prints for an environment is what it asks for.
#[test]
fn scripts_name_their_packages() {
    let how = "install Python 3.9 or later";
    let Some(python) = python() else { return skipped("meds.py and fhir.py", "no python3 is found", how) };
    for (name, package) in [("meds.py", "meds-tab=="), ("fhir.py", "fhirclient==")] {
        let said = run(name, python, &["--packages"]).unwrap();
        assert!(said.lines().any(|line| line.starts_with(package)), "{said}");
    }
}
