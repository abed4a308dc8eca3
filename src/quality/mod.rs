//! Checks of imaging reports for quality teams: named questions that a report answers by itself, or together with the record.
//!
//! A [`Checker`] reads what was found in a report (its segmented text and the mentions of a run) and answers each check with
//! one of four outcomes; it never guesses: where the words do not settle a question, the outcome is [`Outcome::CannotTell`]. A
//! flag is a reason to read the report again, not a finding about the patient. What counts as communication, follow-up, a
//! critical finding, an organ or a side stands in the tables under `lexicons/quality`. Total, and linear in the text but for
//! pairs of findings of one report.

mod critical;
mod laterality;
mod nodules;
mod organs;
mod phrases;
mod support;
mod tables;
mod view;

use crate::assertion::{Experiencer, Presence, Temporality};
use crate::document::SectionKind;
use crate::{Document, Result, Span};

pub(crate) use tables::QualityTables;
use tables::Tables;
use view::ReportView;

/// A named question about a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Check {
    /// A finding is on another side in the impression than in the findings.
    Laterality,
    /// The impression states a finding that the findings lack or deny.
    UnsupportedImpression,
    /// A nodule has no size.
    NoduleSize,
    /// Nothing is said of what is to be done about a nodule.
    NoduleFollowUp,
    /// Nothing is said of who was told of a critical finding.
    CriticalCommunication,
    /// An organ, or a sex, contradicts the sex of the patient.
    Sex,
    /// A removed organ is described as normal.
    RemovedOrgan,
}

impl Check {
    /// Every check, in the order of its rows.
    pub const ALL: [Check; 7] = [
        Check::Laterality,
        Check::UnsupportedImpression,
        Check::NoduleSize,
        Check::NoduleFollowUp,
        Check::CriticalCommunication,
        Check::Sex,
        Check::RemovedOrgan,
    ];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Check::Laterality => "laterality",
            Check::UnsupportedImpression => "unsupported_impression",
            Check::NoduleSize => "nodule_size",
            Check::NoduleFollowUp => "nodule_follow_up",
            Check::CriticalCommunication => "critical_communication",
            Check::Sex => "sex",
            Check::RemovedOrgan => "removed_organ",
        }
    }
}

/// What a check says of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The report holds what is asked of it.
    Pass,
    /// It does not: somebody should read it.
    Flag,
    /// The question does not arise.
    NotApplicable,
    /// The question arises, and the words do not settle it.
    CannotTell,
}

impl Outcome {
    /// Every outcome, in the order in which they are counted.
    pub const ALL: [Outcome; 4] = [Outcome::Pass, Outcome::Flag, Outcome::CannotTell, Outcome::NotApplicable];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Flag => "flag",
            Outcome::NotApplicable => "not_applicable",
            Outcome::CannotTell => "cannot_tell",
        }
    }
}

/// The sex of the patient by the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordedSex {
    Male,
    Female,
}

/// A mention of a report, as the run found it.
#[derive(Clone, Copy)]
pub(crate) struct Finding<'a> {
    pub mention_id: &'a str,
    pub span: Span,
    pub presence: Presence,
    pub temporality: Temporality,
    pub experiencer: Experiencer,
    pub concept_id: Option<&'a str>,
}

/// A place in the report that a judgement rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub span: Span,
    /// The mention that stands there, where there is one.
    pub mention_id: Option<String>,
}

/// What a check says, of what, why, and by which places. Holds no text of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub check: Check,
    pub outcome: Outcome,
    /// What it is about: a row of a table, such as a family of findings or an organ.
    pub item: String,
    /// In words.
    pub reason: String,
    /// The place that is questioned.
    pub here: Option<Place>,
    /// The place that it is compared with.
    pub there: Option<Place>,
}

/// A report with what is known of it.
pub(crate) struct Report<'a> {
    pub document: &'a Document,
    /// Its mentions, in text order.
    pub findings: &'a [Finding<'a>],
    /// The sex of the patient by the record, where it is known.
    pub sex: Option<RecordedSex>,
}

/// Answers the checks.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    tables: Tables,
}

impl Checker {
    /// Reads the tables.
    ///
    /// # Errors
    /// A malformed table, with its name and line.
    pub fn new(tables: &QualityTables) -> Result<Checker> {
        Ok(Checker { tables: Tables::parse(tables)? })
    }

    /// The question of each check, in words: its name and the question.
    pub fn questions(&self) -> impl Iterator<Item = (Check, &str, &str)> {
        let rows = &self.tables.checks;
        Check::ALL.into_iter().filter_map(move |check| {
            let row = rows.iter().find(|row| row.check == check)?;
            Some((check, row.name.as_str(), row.question.as_str()))
        })
    }

    /// The judgements on a report, at least one for each check, in the order of the checks; `None` where the note is no imaging
    /// report, by its type or by its sections and words.
    pub fn check<'a>(
        &'a self,
        report: &Report<'a>,
        section_name: impl Fn(SectionKind) -> &'a str,
    ) -> Option<Vec<Judgement>> {
        let view = ReportView::of(report, &self.tables, section_name);
        if !view.is_imaging_report() {
            return None;
        }
        let mut judgements = Vec::new();
        for check in Check::ALL {
            let found = match check {
                Check::Laterality => laterality::judge(&view),
                Check::UnsupportedImpression => support::judge(&view),
                Check::NoduleSize => nodules::judge_size(&view),
                Check::NoduleFollowUp => nodules::judge_follow_up(&view),
                Check::CriticalCommunication => critical::judge(&view),
                Check::Sex => organs::judge_sex(&view, report.sex),
                Check::RemovedOrgan => organs::judge_removed(&view),
            };
            judgements.extend(settle(check, found));
        }
        Some(judgements)
    }
}

/// One thing that a check looked at.
struct Item {
    outcome: Outcome,
    item: String,
    reason: String,
    here: Option<Place>,
    there: Option<Place>,
}

impl Item {
    fn new(outcome: Outcome, item: &str, reason: impl Into<String>) -> Item {
        Item { outcome, item: item.to_owned(), reason: reason.into(), here: None, there: None }
    }

    fn at(self, here: Place) -> Item {
        Item { here: Some(here), ..self }
    }

    fn against(self, there: Option<Place>) -> Item {
        Item { there, ..self }
    }
}

/// What the report gets of what was looked at: every flag; without one, the first doubt; without that, the first pass.
fn settle(check: Check, items: Vec<Item>) -> Vec<Judgement> {
    let judgement = |item: Item| {
        let Item { outcome, item, reason, here, there } = item;
        Judgement { check, outcome, item, reason, here, there }
    };
    let rank = |item: &Item| match item.outcome {
        Outcome::Flag => 0,
        Outcome::CannotTell => 1,
        Outcome::Pass => 2,
        Outcome::NotApplicable => 3,
    };
    let best = items.iter().map(rank).min();
    match best {
        Some(0) => items.into_iter().filter(|item| item.outcome == Outcome::Flag).map(judgement).collect(),
        Some(best) => items.into_iter().find(|item| rank(item) == best).map(judgement).into_iter().collect(),
        None => vec![judgement(Item::new(Outcome::NotApplicable, "", "nothing that the check is about is stated"))],
    }
}
