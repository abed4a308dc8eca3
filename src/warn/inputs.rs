//! The inputs of scores at a moment: what each file asks for, and what a patient's record gives.

use super::derived::{self, HOUR};
use super::record::{DAY, Entry, Known, Origin, Record, Value};
use super::resolve::{self, Candidate, Counts, Found, History, Pick, Reason, Says, Truth, Whose};
use super::uses::{Asked, Role, Uses};
use crate::read::patients::{Patient, Sex};
use crate::score::{
    Course, Demographic, Derived, Exclusion, Family, Input, InputKind, InputValue, OnPossible, Pick as Picked, Score,
    Sources, Window,
};

/// What first came up after this much of an encounter was not there at its beginning.
const ADMISSION: i64 = 2 * DAY;
const ANY: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

/// The scores of a command.
pub(super) struct Scores {
    pub scores: Vec<Score>,
    shared: [Sources; N_SHARED],
}

/// Things that several scores need in the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    Age,
    Female,
    Male,
    Systolic,
    Diastolic,
    OxygenPressure,
    OxygenShare,
    NoduleSize,
}

const N_SHARED: usize = 8;

impl Shared {
    const ALL: [Shared; N_SHARED] = [
        Shared::Age,
        Shared::Female,
        Shared::Male,
        Shared::Systolic,
        Shared::Diastolic,
        Shared::OxygenPressure,
        Shared::OxygenShare,
        Shared::NoduleSize,
    ];

    fn sources(self) -> Sources {
        let mut sources = Sources::default();
        match self {
            Shared::Age => sources.facts = vec!["demographic.age".into()],
            Shared::Female => sources.facts = vec!["demographic.sex.female".into()],
            Shared::Male => sources.facts = vec!["demographic.sex.male".into()],
            Shared::Systolic => sources.measurements = vec!["systolic_bp".into()],
            Shared::Diastolic => sources.measurements = vec!["diastolic_bp".into()],
            Shared::OxygenPressure => sources.measurements = vec!["pao2".into()],
            Shared::OxygenShare => sources.measurements = vec!["fio2".into()],
            Shared::NoduleSize => sources.measurements = vec!["nodule_size".into()],
        }
        sources
    }

    fn slot(self) -> usize {
        self as usize
    }
}

/// A score with the slots in which the candidates of its inputs are collected.
pub(super) struct Plan<'s> {
    pub score: &'s Score,
    /// The slot of the first input.
    first: usize,
    /// The slot of the first exclusion.
    first_exclusion: usize,
}

impl Plan<'_> {
    /// The slot of an input.
    #[cfg(test)]
    pub fn slot_of(&self, input: &str) -> u32 {
        let place = self.score.inputs().iter().position(|own| own.name == input);
        (self.first + place.unwrap_or_default()) as u32
    }

    /// The slot of what the score requires.
    pub fn requirement(&self) -> usize {
        self.first_exclusion + self.score.exclusions.len()
    }
}

impl Scores {
    pub fn new(scores: Vec<Score>) -> Scores {
        Scores { scores, shared: Shared::ALL.map(Shared::sources) }
    }

    /// Each score with its slots, and how many slots there are.
    pub fn plans(&self) -> (Vec<Plan<'_>>, usize) {
        let mut next = N_SHARED;
        let mut plans = Vec::new();
        for score in &self.scores {
            let first_exclusion = next + score.inputs().len();
            plans.push(Plan { score, first: next, first_exclusion });
            // The last slot is that of what the score requires.
            next = first_exclusion + score.exclusions.len() + 1;
        }
        (plans, next)
    }

    /// What the scores ask of a run.
    pub fn uses(&self) -> Uses<'_> {
        let simple = |slot: usize, sources, role| Asked {
            slot: slot as u32,
            sources,
            role,
            on_possible: OnPossible::May,
            stated_absence: true,
            bounds: ANY,
        };
        let mut asked = Vec::new();
        for (shared, sources) in Shared::ALL.into_iter().zip(&self.shared) {
            let is_sex = matches!(shared, Shared::Female | Shared::Male);
            asked.push(simple(shared.slot(), sources, if is_sex { Role::Satisfies(0) } else { Role::Gives }));
        }
        let (plans, _) = self.plans();
        for plan in plans {
            for (index, input) in plan.score.inputs().iter().enumerate() {
                ask(input, plan.first + index, &mut asked);
            }
            for (index, exclusion) in plan.score.exclusions.iter().enumerate() {
                asked.push(simple(plan.first_exclusion + index, &exclusion.sources, Role::Satisfies(0)));
            }
            if let Some(requirement) = &plan.score.requirement {
                asked.push(simple(plan.requirement(), &requirement.sources, Role::Satisfies(0)));
            }
        }
        Uses::new(asked)
    }
}

/// What an input asks for.
fn ask<'s>(input: &'s Input, slot: usize, asked: &mut Vec<Asked<'s>>) {
    let of = |sources, role| Asked {
        slot: slot as u32,
        sources,
        role,
        on_possible: input.on_possible,
        stated_absence: input.stated_absence,
        bounds: input.bounds.unwrap_or(ANY),
    };
    match input.kind {
        InputKind::YesNo => asked.push(of(&input.sources, Role::Satisfies(0))),
        InputKind::Number => asked.push(of(&input.sources, Role::Gives)),
        InputKind::Choice => {
            let levels = input.levels.iter().enumerate();
            asked.extend(levels.map(|(level, stated)| of(&stated.sources, Role::Satisfies(level as u16))));
        }
    }
    asked.push(of(&input.refuted_by, Role::Refutes));
}

/// What is known of an input, and from what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved {
    pub value: InputValue,
    pub reason: Option<Reason>,
    pub evidence: [Option<u32>; 2],
    pub from_patients_file: bool,
}

impl Resolved {
    fn of<T>(found: &Found<T>, value: InputValue) -> Resolved {
        Resolved { value, reason: found.reason, evidence: found.evidence, from_patients_file: false }
    }

    fn of_number(found: Found<Option<Value>>, bounds: Option<[f64; 2]>) -> Resolved {
        let [least, most] = bounds.unwrap_or(ANY);
        let number = found
            .state
            .map(|value| InputValue::Number { low: value.low.clamp(least, most), high: value.high.clamp(least, most) });
        Resolved::of(&found, number.unwrap_or(InputValue::Unknown))
    }
}

/// The record of a patient as it was known at a moment.
pub(super) struct View<'r, 'a> {
    pub record: &'r Record<'a>,
    /// What the file of patients says.
    pub patient: Option<&'r Patient>,
    /// The candidates of each slot, in the order of time.
    pub slots: &'r [Vec<Candidate>],
    pub moment: i64,
    pub encounter: Option<&'a str>,
}

impl<'r> View<'r, '_> {
    fn known(&self) -> &'r [Known<'_>] {
        &self.record.known
    }

    /// What was known by the moment of a slot.
    fn candidates(&self, slot: usize) -> &'r [Candidate] {
        let all = self.slots.get(slot).map_or(&[][..], Vec::as_slice);
        let is_known = |candidate: &Candidate| {
            self.record.known.get(candidate.known as usize).is_some_and(|known| known.time <= self.moment)
        };
        all.split_at(all.partition_point(is_known)).0
    }

    /// Whether the score is of use for the patient and holds, as far as is known.
    pub fn applies(&self, plan: &Plan<'_>) -> bool {
        let state = |slot: usize, window: Window| {
            let window = microseconds(window);
            let counts = Counts { window, lasts: true, history: History::of(window.is_none()), whose: Whose::Patient };
            resolve::condition(self.known(), self.candidates(slot), &counts, self.moment).state
        };
        let required = plan.score.requirement.as_ref().map(|required| state(plan.requirement(), required.window));
        if required.is_some_and(|state| matches!(state, Truth::Unknown | Truth::Known(false))) {
            return false;
        }
        plan.score.exclusions.iter().enumerate().all(|(index, exclusion)| {
            let is_of_age = exclusion.age_below.or(exclusion.age_above).is_none() || self.is_of_age(exclusion);
            is_of_age && state(plan.first_exclusion + index, exclusion.window) != Truth::Known(true)
        })
    }

    /// Whether the patient may be of an age that is not excluded.
    fn is_of_age(&self, exclusion: &Exclusion) -> bool {
        let InputValue::Number { low, high } = self.age().value else { return true };
        let too_young = exclusion.age_below.is_some_and(|limit| high < limit);
        let too_old = exclusion.age_above.is_some_and(|limit| low > limit);
        !too_young && !too_old
    }

    /// What is known of an input of a score.
    pub fn input(&self, plan: &Plan<'_>, index: usize, input: &Input) -> Resolved {
        let slot = plan.first + index;
        match (input.demographic, input.kind) {
            (Some(Demographic::Age), _) => self.age(),
            (Some(Demographic::Female), _) => self.sex(Sex::Female),
            (Some(Demographic::Male), _) => self.sex(Sex::Male),
            (None, InputKind::YesNo) => self.yes_no(slot, input),
            (None, InputKind::Number) => self.number(slot, input),
            (None, InputKind::Choice) => {
                let worst = input.pick == Picked::Worst;
                let found = resolve::level(self.known(), self.candidates(slot), &counts(input), worst, self.moment);
                let level = match found.state.map(|levels| levels.map(usize::from)) {
                    None => InputValue::Unknown,
                    Some([low, high]) if low == high => InputValue::Level(low),
                    Some([low, high]) => InputValue::Levels { low, high },
                };
                Resolved::of(&found, level)
            }
        }
    }

    fn yes_no(&self, slot: usize, input: &Input) -> Resolved {
        let candidates = self.candidates(slot);
        let found = resolve::condition(self.known(), candidates, &counts(input), self.moment);
        let mut resolved = Resolved::of(
            &found,
            match found.state {
                Truth::Unknown => InputValue::Unknown,
                Truth::Known(known) => InputValue::Known(known),
                Truth::Possible => InputValue::Possible,
            },
        );
        if input.present_on_admission
            && resolved.value == InputValue::Known(true)
            && self.came_later(candidates) == Some(true)
        {
            (resolved.value, resolved.reason) = (InputValue::Known(false), Some(Reason::AfterAdmission));
        }
        resolved
    }

    /// Whether something came up only after the beginning of the encounter; `None` where that is not known.
    fn came_later(&self, candidates: &[Candidate]) -> Option<bool> {
        let encounter = self.encounter?;
        let is_its = |entry: &&Entry<'_>| matches!(entry.origin, Origin::Note { encounter: Some(other), .. } if other == encounter);
        let begun = self.record.entries.iter().find(is_its)?.time;
        let stated = candidates.iter().filter(|candidate| candidate.says == Says::Yes);
        let first = stated.filter_map(|candidate| self.known().get(candidate.known as usize)).map(|known| known.since);
        first.min().map(|first| first > begun + ADMISSION)
    }

    fn number(&self, slot: usize, input: &Input) -> Resolved {
        let candidates = self.candidates(slot);
        let found = match input.derived {
            Some(Derived::LowestBefore) => self.change(candidates, input, 7 * DAY).lowest,
            Some(Derived::RiseIn48h) => {
                let change = self.change(candidates, input, 48 * HOUR);
                derived::of_two(change.latest, change.lowest, |latest, lowest| latest - lowest, false)
            }
            Some(Derived::NoduleCount) => self.n_nodules(input),
            Some(Derived::MeanArterialPressure) => self.stated(candidates, input).unwrap_or_else(|| {
                let (systolic, diastolic) =
                    (self.shared(Shared::Systolic, input), self.shared(Shared::Diastolic, input));
                derived::of_two(systolic, diastolic, derived::mean_pressure, true)
            }),
            Some(Derived::Pao2Fio2) => self.stated(candidates, input).unwrap_or_else(|| {
                let pressure = self.shared(Shared::OxygenPressure, input);
                let share = self.shared(Shared::OxygenShare, input);
                // The share is stated in per cent.
                derived::of_two(pressure, share, |pressure, share| 100.0 * pressure / share, false)
            }),
            None => self.pick(candidates, input),
        };
        Resolved::of_number(found, input.bounds)
    }

    fn pick(&self, candidates: &[Candidate], input: &Input) -> Found<Option<Value>> {
        let weight = |value: Value| input.most_points(value.low, value.high);
        let pick = match input.pick {
            Picked::Latest => Pick::Latest,
            Picked::Highest => Pick::Highest,
            Picked::Lowest => Pick::Lowest,
            Picked::Worst => Pick::Heaviest(&weight),
        };
        resolve::number(self.known(), candidates, &counts(input), pick, self.moment)
    }

    /// A number that is stated itself.
    fn stated(&self, candidates: &[Candidate], input: &Input) -> Option<Found<Option<Value>>> {
        Some(self.pick(candidates, input)).filter(|found| found.state.is_some())
    }

    /// The latest value of something that several scores need, within the window of an input.
    fn shared(&self, shared: Shared, input: &Input) -> Found<Option<Value>> {
        resolve::number(self.known(), self.candidates(shared.slot()), &counts(input), Pick::Latest, self.moment)
    }

    fn change(&self, candidates: &[Candidate], input: &Input, before: i64) -> derived::Change {
        derived::change(self.known(), candidates, microseconds(input.window), before, self.moment)
    }

    /// How many sizes of nodules the latest note that states any has.
    fn n_nodules(&self, input: &Input) -> Found<Option<Value>> {
        let latest = self.shared(Shared::NoduleSize, input);
        let Some(last) = latest.evidence[0].and_then(|place| self.known().get(place as usize)) else { return latest };
        let of_note = self.candidates(Shared::NoduleSize.slot()).iter().filter(|candidate| {
            let known = self.known().get(candidate.known as usize);
            candidate.says == Says::Value && known.is_some_and(|known| known.entry == last.entry)
        });
        Found { state: Some(Value::exactly(of_note.count() as f64)), reason: None, evidence: latest.evidence }
    }

    fn age(&self) -> Resolved {
        if let Some(birth) = self.patient.and_then(|patient| patient.birth_date) {
            let age = derived::age_from_birth(birth, super::rows::civil(self.moment).date());
            return from_file(InputValue::Number { low: age, high: age });
        }
        let found = derived::age(self.known(), self.candidates(Shared::Age.slot()), self.moment);
        Resolved::of_number(found, None)
    }

    fn sex(&self, asked: Sex) -> Resolved {
        if let Some(sex @ (Sex::Female | Sex::Male)) = self.patient.and_then(|patient| patient.sex) {
            return from_file(InputValue::Known(sex == asked));
        }
        let counts = Counts { window: None, lasts: true, history: History::Counts, whose: Whose::Patient };
        let [female, male] = [Shared::Female, Shared::Male]
            .map(|shared| resolve::condition(self.known(), self.candidates(shared.slot()), &counts, self.moment));
        let (own, other) = if asked == Sex::Female { (female, male) } else { (male, female) };
        let is_true = |found: &Found<Truth>| found.state == Truth::Known(true);
        match (is_true(&own), is_true(&other)) {
            (true, false) => Resolved::of(&own, InputValue::Known(true)),
            (false, true) => Resolved::of(&other, InputValue::Known(false)),
            (true, true) => Resolved {
                value: InputValue::Unknown,
                reason: Some(Reason::Conflicting),
                evidence: [own.evidence[0], other.evidence[0]],
                from_patients_file: false,
            },
            (false, false) => Resolved {
                value: InputValue::Unknown,
                reason: Some(Reason::NotMentioned),
                evidence: [None, None],
                from_patients_file: false,
            },
        }
    }
}

fn from_file(value: InputValue) -> Resolved {
    Resolved { value, reason: None, evidence: [None, None], from_patients_file: true }
}

pub(super) fn microseconds(window: Window) -> Option<i64> {
    match window {
        Window::Ever => None,
        Window::Hours(hours) => Some(i64::from(hours) * HOUR),
    }
}

fn counts(input: &Input) -> Counts {
    Counts {
        window: microseconds(input.window),
        lasts: input.course == Course::Chronic,
        history: if input.history_refutes { History::Refutes } else { History::of(input.history()) },
        whose: match input.family {
            Family::Ignored => Whose::Patient,
            Family::Counts => Whose::Either,
            Family::Only => Whose::Family,
        },
    }
}
