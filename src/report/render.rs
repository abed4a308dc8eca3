//! Templates into pages. Every value is escaped; the only text that is not is the style sheet of the program.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;

use super::page::Page;
use super::patient_page::PatientPage;
use crate::{Error, Result};

const STYLE: &str = include_str!("style.css");
const RUN: &str = include_str!("run.html");
const PATIENT: &str = include_str!("patient.html");

/// The page of a run.
pub(super) fn run(page: &Page) -> Result<String> {
    rendered("run.html", RUN, page)
}

/// The page of a patient.
pub(super) fn patient(page: &PatientPage) -> Result<String> {
    rendered("patient.html", PATIENT, page)
}

/// The name ends in `.html`, by which the engine knows to escape.
fn rendered(name: &'static str, template: &'static str, page: &impl Serialize) -> Result<String> {
    let failed = |error: minijinja::Error| Error::internal(format!("template {name}: {:?}", error.kind()));
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_syntax(syntax.map_err(failed)?);
    environment.add_template(name, template).map_err(failed)?;
    let template = environment.get_template(name).map_err(failed)?;
    template.render(context! { style => STYLE, page => Serde(page) }).map_err(failed)
}
