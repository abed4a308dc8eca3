//! Scores of a group of patients: their rows as a part of the table, and their counts.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use arrow_schema::SchemaRef;

use super::follow_up::{self, Due, DueRows};
use super::forms::{FormWriter, WarningForm};
use super::inputs::{Plan, Resolved, View, microseconds};
use super::moments::{self, Moment};
use super::record::{Entry, Origin, Record, Source};
use super::resolve::Candidate;
use super::roster::Roster;
use super::rows::{self, CivilTime, Evidence, EvidenceValue, Warning, WarningRows};
use super::store::{self, Store};
use super::summary::{Action, Tally};
use super::uses::Uses;
use crate::read::patients::Patients;
use crate::score::{Assume, Input, InputKind, InputValue, Outcome};
use crate::write::OutputFormat;
use crate::write::table::TableWriter;
use crate::{Error, Result};

/// Rows that are encoded together.
const BATCH_ROWS: usize = 8192;

/// What all groups share.
pub(super) struct Worker<'s> {
    pub plans: Vec<Plan<'s>>,
    pub n_slots: usize,
    /// The time of the last note of all patients.
    pub last_note: i64,
    pub uses: Uses<'s>,
    pub roster: Roster,
    pub store: Store,
    pub patients: Option<Patients>,
    pub at: At,
    pub assume: Assume,
    pub changes_only: bool,
    pub formats: Vec<OutputFormat>,
    pub also: Vec<WarningForm>,
    pub parts: PathBuf,
}

/// The moments of patients.
pub(super) enum At {
    Notes,
    Days,
    /// By the number of the patient.
    Times(HashMap<u32, Vec<i64>>),
}

/// What came of a group.
pub(super) struct Part {
    pub folder: PathBuf,
    pub n_rows: u64,
    /// By the number of the score.
    pub tallies: Vec<Tally>,
    pub n_moments: u64,
    /// Studies after which another is due, by what became of it.
    pub due: BTreeMap<&'static str, u64>,
}

impl Worker<'_> {
    /// Computes the scores of a group.
    ///
    /// # Errors
    /// The disk refuses something.
    pub fn group(&self, group: usize) -> Result<Part> {
        let folder = self.parts.join(format!("{group:06}"));
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("creating", &folder, error))?;
        let bytes = self.store.group(group)?;
        let mut by_patient: Vec<Vec<Entry<'_>>> = Vec::new();
        let mut entries = store::entries(&bytes)?;
        // Entries of a patient stay in the order in which they came.
        entries.sort_by_key(|entry| entry.patient);
        for entry in entries {
            match by_patient.last_mut() {
                Some(own) if own.first().is_some_and(|first| first.patient == entry.patient) => own.push(entry),
                _ => by_patient.push(vec![entry]),
            }
        }
        let mut out = Output::create(&folder, self)?;
        let mut scratch = Scratch { slots: vec![Vec::new(); self.n_slots], ..Scratch::default() };
        for entries in by_patient {
            self.patient(Record::new(entries), &mut scratch, &mut out)?;
        }
        out.finish(folder)
    }

    fn patient(&self, record: Record<'_>, scratch: &mut Scratch, out: &mut Output) -> Result<()> {
        let Some(number) = record.entries.first().map(|entry| entry.patient) else { return Ok(()) };
        let name = self.roster.name(number);
        scratch.slots.iter_mut().for_each(Vec::clear);
        for (place, known) in record.known.iter().enumerate() {
            for asked in self.uses.of(known.statement.thing) {
                let slot = scratch.slots.get_mut(asked.slot as usize);
                if let (Some(slot), Some(candidate)) = (slot, asked.candidate(place as u32, &known.statement)) {
                    slot.push(candidate);
                }
            }
        }
        out.begin_patient();
        let patient = self.patients.as_ref().and_then(|patients| patients.get(name));
        for moment in self.moments(&record, number) {
            out.n_moments += 1;
            let view = View {
                record: &record,
                patient,
                slots: &scratch.slots,
                moment: moment.time,
                encounter: moment.encounter,
            };
            for (index, plan) in self.plans.iter().enumerate() {
                if view.applies(plan) {
                    let score = Scored { plan, view: &view, name };
                    score.row(index, self.assume, self.changes_only, &mut scratch.evaluated, out)?;
                } else {
                    out.not_applicable(index);
                }
            }
        }
        self.follow_ups(&record, name, scratch, &mut out.due)
    }

    /// What is due after each study of a patient.
    fn follow_ups(&self, record: &Record<'_>, name: &str, scratch: &mut Scratch, rows: &mut DueRows) -> Result<()> {
        let Scratch { slots, evaluated } = scratch;
        let patient = self.patients.as_ref().and_then(|patients| patients.get(name));
        for plan in &self.plans {
            let candidates = slots.get(plan.requirement()).map_or(&[][..], Vec::as_slice);
            let Some(asked) = plan.score.follow_up.as_ref().filter(|_| !candidates.is_empty()) else { continue };
            let studies = follow_up::studies(record, candidates, asked);
            for (index, &study) in studies.iter().enumerate() {
                let view = View { record, patient, slots, moment: study.time, encounter: None };
                if !view.applies(plan) {
                    continue;
                }
                Scored { plan, view: &view, name }.evaluate(self.assume, evaluated);
                let Some(band) = plan.score.bands.get(evaluated.outcome.band_min) else { continue };
                let Some(by) = microseconds(band.due_by) else { continue };
                let from = microseconds(band.due_from).unwrap_or(by);
                rows.push(&Due {
                    patient: name,
                    score: &plan.score.id,
                    band: &band.name,
                    decided: evaluated.outcome.decided,
                    study,
                    due: (study.time.saturating_add(from), study.time.saturating_add(by)),
                    later: studies.get(index + 1).copied(),
                    last_note: self.last_note,
                })?;
            }
        }
        Ok(())
    }

    fn moments<'a>(&self, record: &Record<'a>, number: u32) -> Vec<Moment<'a>> {
        match &self.at {
            At::Notes => moments::of_notes(&record.entries),
            At::Days => moments::of_days(&record.entries),
            At::Times(times) => moments::of_times(&record.entries, times.get(&number).map_or(&[], Vec::as_slice)),
        }
    }
}

/// Memory that is used again for each patient and score.
#[derive(Default)]
struct Scratch {
    slots: Vec<Vec<Candidate>>,
    evaluated: Evaluated,
}

#[derive(Default)]
struct Evaluated {
    resolved: Vec<Resolved>,
    states: Vec<InputValue>,
    outcome: Outcome,
    missing: String,
}

/// A score of a patient at a moment.
struct Scored<'p, 'r, 'a> {
    plan: &'p Plan<'p>,
    view: &'p View<'r, 'a>,
    name: &'p str,
}

impl Scored<'_, '_, '_> {
    fn evaluate(&self, assume: Assume, evaluated: &mut Evaluated) {
        let Evaluated { resolved, states, outcome, .. } = evaluated;
        let score = self.plan.score;
        resolved.clear();
        resolved.extend(score.inputs().iter().enumerate().map(|(k, input)| self.view.input(self.plan, k, input)));
        states.clear();
        states.extend(resolved.iter().map(|resolved| resolved.value));
        score.assume(states, assume);
        score.evaluate_into(states, outcome);
    }

    fn row(
        &self,
        index: usize,
        assume: Assume,
        changes_only: bool,
        evaluated: &mut Evaluated,
        out: &mut Output,
    ) -> Result<()> {
        self.evaluate(assume, evaluated);
        let Evaluated { resolved, states, outcome, missing } = evaluated;
        let score = self.plan.score;
        missing.clear();
        for (k, (input, resolved)) in score.inputs().iter().zip(&*resolved).enumerate() {
            if !is_missing(input, resolved) {
                continue;
            }
            out.missing(index, k);
            if !missing.is_empty() {
                missing.push(';');
            }
            missing.push_str(&input.name);
        }
        // Whatever is missing, the score calls for action, or does not.
        let alerts = score.alerts(outcome.band_min);
        let action_decided = alerts == score.alerts(outcome.band_max);
        let is_change = out.moment(index, self.view.moment, outcome, Action { alerts, decided: action_decided });
        if changes_only && !is_change {
            return Ok(());
        }
        let band = |band: usize| score.bands.get(band);
        let (low, high) = (band(outcome.band_min), band(outcome.band_max));
        let evidence = self.evidence(resolved, states, outcome);
        out.push(&Warning {
            patient: self.name,
            encounter: self.view.encounter,
            time: self.view.moment,
            score: &score.id,
            name: &score.name,
            title: &score.title,
            min: outcome.min,
            max: outcome.max,
            band_min: low.map_or("", |band| &band.name),
            band_max: high.map_or("", |band| &band.name),
            labels: (low.map_or("", |band| &band.label), high.map_or("", |band| &band.label)),
            decided: outcome.decided,
            missing,
            would_settle: outcome.would_settle.and_then(|k| score.inputs().get(k)).map(|input| input.name.as_str()),
            advice: low.and_then(|band| band.advice.as_deref()),
            source: low.and_then(|band| band.source.as_deref()).unwrap_or(&score.citation.text),
            evidence: &evidence,
        })
    }

    /// What each input rests on, in the order of the inputs.
    fn evidence(&self, resolved: &[Resolved], states: &[InputValue], outcome: &Outcome) -> Vec<Evidence<'_>> {
        let mut all = Vec::with_capacity(resolved.len());
        let inputs = self.plan.score.inputs().iter().zip(resolved).zip(states).zip(&outcome.points);
        for (((input, resolved), state), points) in inputs {
            let first = all.len();
            for place in resolved.evidence.iter().flatten() {
                all.push(self.of_statement(*place, input));
            }
            if all.len() == first {
                all.push(Evidence {
                    table: resolved.from_patients_file.then_some("patients"),
                    ..Evidence::of(&input.name)
                });
            }
            for evidence in all.iter_mut().skip(first) {
                evidence.state = state_name(input, resolved.value, *state);
                evidence.reason = resolved.reason.map(super::resolve::Reason::name);
                evidence.value = shown(input, *state);
                (evidence.points_min, evidence.points_max) = *points;
            }
        }
        all
    }

    fn of_statement<'e>(&'e self, place: u32, input: &'e Input) -> Evidence<'e> {
        let mut evidence = Evidence::of(&input.name);
        let Some(known) = self.view.record.known.get(place as usize) else { return evidence };
        let statement = &known.statement;
        evidence.time = Some(CivilTime(known.since));
        let table = match statement.source {
            Source::Mention => "mentions",
            Source::Fact => "facts",
            Source::Measurement => "measurements",
            Source::File => "observations",
        };
        evidence.table = Some(table);
        match self.view.record.entries.get(known.entry as usize).map(|entry| entry.origin) {
            Some(Origin::Note { id, text_hash, .. }) => {
                evidence.note_id = Some(id);
                evidence.text_hash = Some(text_hash).filter(|hash| !hash.is_empty());
                evidence.segment_hash = Some(statement.segment_hash).filter(|hash| !hash.is_empty());
                (evidence.start, evidence.end) = (Some(statement.start), Some(statement.end));
                let id = Some(statement.id);
                match statement.source {
                    Source::Measurement => evidence.measurement = id,
                    _ => evidence.mention_id = id,
                }
                evidence.rule = Some(statement.rule).filter(|rule| !rule.is_empty());
            }
            Some(Origin::Row(row)) => evidence.row = Some(row),
            None => {}
        }
        evidence
    }
}

/// Whether an input is not known, and its score does not say what it is then.
fn is_missing(input: &Input, resolved: &Resolved) -> bool {
    resolved.value == InputValue::Unknown && input.otherwise.is_none()
}

/// The state of an input in words.
fn state_name(input: &Input, resolved: InputValue, taken: InputValue) -> &'static str {
    match (resolved, taken) {
        (InputValue::Unknown, InputValue::Unknown) if input.otherwise.is_none() => "unknown",
        (InputValue::Unknown, _) => "assumed",
        (InputValue::Known(true), _) => "present",
        (InputValue::Known(false), _) => "absent",
        (InputValue::Possible, _) => "possible",
        (InputValue::Number { .. }, _) => "number",
        (InputValue::Level(_) | InputValue::Levels { .. }, _) => "level",
    }
}

/// The value of an input, where it is more than its state.
fn shown(input: &Input, taken: InputValue) -> Option<EvidenceValue<'_>> {
    let finite = |end: f64| Some(end).filter(|end| end.is_finite());
    match (input.kind, taken) {
        (InputKind::Number, InputValue::Number { low, high }) if low == high => Some(EvidenceValue::Number(low)),
        (InputKind::Number, InputValue::Number { low, high }) => {
            Some(EvidenceValue::Interval([finite(low), finite(high)]))
        }
        (InputKind::Choice, InputValue::Level(level)) => {
            input.levels.get(level).map(|level| EvidenceValue::Level(&level.name))
        }
        (InputKind::Choice, InputValue::Levels { low, high }) => {
            let name = |level: usize| input.levels.get(level).map(|level| level.name.as_str());
            name(low).zip(name(high)).map(|(low, high)| EvidenceValue::Levels([low, high]))
        }
        _ => None,
    }
}

/// What a group writes.
struct Output {
    schema: SchemaRef,
    table: TableWriter,
    rows: WarningRows,
    also: Vec<FormWriter>,
    tallies: Vec<Tally>,
    /// The bands of each score that were written last for the patient at hand.
    last: Vec<Option<(usize, usize)>>,
    n_moments: u64,
    due: DueRows,
}

impl Output {
    fn create(folder: &Path, worker: &Worker<'_>) -> Result<Output> {
        let schema = rows::schema();
        let n_scores = worker.plans.len();
        Ok(Output {
            table: TableWriter::create(folder, "warnings", schema.clone(), &worker.formats)?,
            also: worker.also.iter().map(|form| FormWriter::create(*form, folder)).collect::<Result<_>>()?,
            schema,
            rows: WarningRows::default(),
            tallies: vec![Tally::default(); n_scores],
            last: vec![None; n_scores],
            n_moments: 0,
            due: DueRows::default(),
        })
    }

    fn begin_patient(&mut self) {
        self.tallies.iter_mut().for_each(Tally::begin_patient);
        self.last.iter_mut().for_each(|last| *last = None);
    }

    fn not_applicable(&mut self, score: usize) {
        if let Some(tally) = self.tallies.get_mut(score) {
            tally.not_applicable();
        }
    }

    fn missing(&mut self, score: usize, input: usize) {
        if let Some(tally) = self.tallies.get_mut(score) {
            tally.missing(input);
        }
    }

    /// Counts a moment; tells whether its bands are others than those before.
    fn moment(&mut self, score: usize, time: i64, outcome: &Outcome, action: Action) -> bool {
        if let Some(tally) = self.tallies.get_mut(score) {
            tally.moment(time, outcome.decided, action);
        }
        let bands = Some((outcome.band_min, outcome.band_max));
        self.last.get_mut(score).is_none_or(|last| std::mem::replace(last, bands) != bands)
    }

    fn push(&mut self, warning: &Warning<'_>) -> Result<()> {
        self.rows.push(warning)?;
        self.also.iter_mut().try_for_each(|form| form.push(warning))?;
        if self.rows.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.rows).finish(self.schema.clone())?;
        self.also.iter_mut().try_for_each(FormWriter::flush)?;
        self.table.write(&batch)
    }

    fn finish(mut self, folder: PathBuf) -> Result<Part> {
        self.flush()?;
        self.also.into_iter().try_for_each(FormWriter::finish)?;
        let (n_rows, due) = (self.table.finish()?, self.due.finish(&folder)?);
        Ok(Part { folder, n_rows, tallies: self.tallies, n_moments: self.n_moments, due })
    }
}
