//! Templates into pages: a body, and the frame around it. Every value is escaped; the only texts that are not are the style
//! sheet of the program, and the body that has been through this already.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, context};

use super::page::Page;
use super::patient_page::PatientPage;
use crate::{Error, Result};

const STYLE: &str = include_str!("style.css");
const FRAME: &str = include_str!("frame.html");
const RUN: &str = include_str!("run.html");
const PATIENT: &str = include_str!("patient.html");

/// The page of a run.
pub(super) fn run(page: &Page) -> Result<String> {
    framed(&page.title, &rendered("run.html", RUN, context! { page => Serde(page) })?)
}

/// The page of a patient.
pub(super) fn patient(page: &PatientPage) -> Result<String> {
    let title = format!("patient {}", page.patient_id);
    framed(&title, &rendered("patient.html", PATIENT, context! { page => Serde(page) })?)
}

/// A page around its body.
fn framed(title: &str, body: &str) -> Result<String> {
    rendered("frame.html", FRAME, context! { title, body, style => STYLE })
}

/// The name ends in `.html`, by which the engine knows to escape.
fn rendered(name: &'static str, template: &'static str, values: Value) -> Result<String> {
    let failed = |error: minijinja::Error| Error::internal(format!("template {name}: {:?}", error.kind()));
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_syntax(syntax.map_err(failed)?);
    environment.add_template(name, template).map_err(failed)?;
    let template = environment.get_template(name).map_err(failed)?;
    template.render(values).map_err(failed)
}
