//! The features of a patient against an oracle that goes through all statements for every number, and properties that hold
//! whatever notes say.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::assertion::Presence;
use crate::features::plan::Fed;
use crate::features::rules::{Groups, Holder, Holders, NoteKind};
use crate::features::state::Scope;
use crate::features::topic::{Source, Topic};
use crate::features::window::DAY;
use crate::lexicon::TableSource;

const INDEX: i64 = 40 * DAY;

fn windows() -> Vec<FeatureWindow> {
    ["1", "7", "30", "all"].map(|window| window.parse().unwrap()).into()
}

/// Two concepts of one category, one of them in a group, one of relatives, a fact with a class, and a measurement.
fn topics() -> Vec<Topic> {
    let topic = |source, scope, subject: &str, code: &str| Topic {
        source,
        scope,
        subject: subject.to_owned(),
        code: code.to_owned(),
        name: subject.to_owned(),
        unit: String::new(),
    };
    vec![
        topic(Source::Mention, Scope::Current, "a", "I50.1"),
        topic(Source::Mention, Scope::Current, "b", "I50.9"),
        topic(Source::Mention, Scope::Family, "a", "I50.1"),
        topic(Source::Fact, Scope::Current, "drug.x.y", ""),
        topic(Source::Measurement, Scope::Current, "m", ""),
    ]
}

fn plan() -> Plan {
    let source = |columns: &str, row: &str| TableSource { name: "t".into(), text: format!("{columns}\n{row}\n") };
    let groups = Groups::parse(&source("group\ticd10cm\tname\tsource", "heart\tI50.1\tHeart\thand")).unwrap();
    let holders = Holders::parse(&source("type\tsection\tsource", "diagnosis\tplan\thand")).unwrap();
    Plan::new(&topics(), &["plan", "other"].map(str::to_owned), &groups, &holders)
}

fn note() -> impl Strategy<Value = NoteRecord> {
    // Half days, so that notes share times with each other, with windows and with the index time.
    (prop::option::weighted(0.9, 0..90_i64), 0..3_u32, 0..4_u128).prop_map(|(time, author, sections)| NoteRecord {
        patient: 0,
        note: 0,
        available: time.map(|time| time * DAY / 2),
        dated: None,
        row: 0,
        author,
        visit: 0,
        kind: NoteKind::Plain,
        sections,
    })
}

fn statement(n_notes: u64) -> impl Strategy<Value = Statement> {
    let presence = prop::sample::select(vec![Presence::Present, Presence::Possible, Presence::Absent]);
    let holder = prop::sample::select(vec![Holder::Diagnosis, Holder::None]);
    let value = prop::option::weighted(0.8, (0..4_i32).prop_map(f64::from));
    let taken_at = prop::option::weighted(0.3, (0..90_i64).prop_map(|time| time * DAY / 2));
    (0..n_notes, 0..5_u64, 0..5_u32, presence, holder, value, taken_at).prop_map(
        |(note, segment, topic, presence, holder, value, taken_at)| Statement {
            patient: 0,
            note,
            segment,
            topic,
            presence,
            holder,
            value,
            taken_at,
        },
    )
}

fn patient() -> impl Strategy<Value = (Vec<NoteRecord>, Vec<Statement>)> {
    prop::collection::vec(note(), 1..8).prop_flat_map(|mut notes| {
        (0..).zip(&mut notes).for_each(|(place, note)| (note.note, note.row) = (place, place));
        let n_notes = notes.len() as u64;
        (Just(notes), prop::collection::vec(statement(n_notes), 0..25))
    })
}

fn rows(notes: &[NoteRecord], statements: &[Statement], bound: Bound, left_out: &FxHashSet<u32>) -> Vec<Row> {
    let record = PatientRecord::new(notes.to_vec(), statements.to_vec(), &plan()).unwrap();
    record.rows(&Asked { index_time: INDEX, bound, left_out, windows: &windows() }, &plan())
}

/// Every number by its definition, from all notes and statements.
struct Oracle<'a> {
    notes: &'a [NoteRecord],
    statements: &'a [Statement],
    bound: Bound,
    plan: &'a Plan,
}

impl Oracle<'_> {
    fn note(&self, statement: &Statement) -> &NoteRecord {
        &self.notes[statement.note as usize]
    }

    fn is_known(&self, note: &NoteRecord) -> bool {
        note.available.is_some_and(|time| if self.bound == Bound::Before { time < INDEX } else { time <= INDEX })
    }

    /// What is known of a feature or a series.
    fn known(&self, feeds: impl Fn(&Fed) -> bool) -> Vec<Statement> {
        let of_feature =
            |said: &&Statement| feeds(&self.plan.fed[said.topic as usize]) && self.is_known(self.note(said));
        self.statements.iter().filter(of_feature).copied().collect()
    }

    /// The note in which something first stood.
    fn first<'b>(&'b self, said: impl Iterator<Item = &'b Statement>) -> &'b NoteRecord {
        said.map(|said| self.note(said)).min_by_key(|note| (note.available, note.row)).unwrap()
    }

    /// Counts of notes: all, those with carried text only, of these those of another author.
    fn notes_of(&self, within: &[Statement], origin: impl Fn(&Statement) -> NoteRecord) -> (u32, u32, u32) {
        let notes: BTreeSet<u64> = within.iter().map(|said| said.note).collect();
        let of_note = |note: u64| within.iter().filter(move |said| said.note == note);
        let carried = notes.iter().filter(|&&note| of_note(note).all(|said| origin(said).note != note));
        let carried: Vec<u64> = carried.copied().collect();
        let is_other = |said: &Statement| {
            let (own, first) = (self.note(said).author, origin(said).author);
            own != 0 && first != 0 && own != first
        };
        let by_others = carried.iter().filter(|&&note| of_note(note).any(is_other)).count();
        (notes.len() as u32, carried.len() as u32, by_others as u32)
    }

    fn state(&self, feature: u32, window: FeatureWindow) -> Option<Row> {
        let start = window.start(INDEX);
        let known = self.known(|fed| fed.states.contains(&feature));
        let in_window = |note: &NoteRecord| note.available.unwrap() >= start;
        if known.is_empty() {
            return None;
        }
        let within: Vec<Statement> = known.iter().filter(|said| in_window(self.note(said))).copied().collect();
        let origin = |said: &Statement| *self.first(known.iter().filter(|other| other.segment == said.segment));
        let (n_notes, n_carried, n_by_others) = self.notes_of(&within, origin);
        let segments = |presences: &[Presence]| {
            let of = within.iter().filter(|said| presences.contains(&said.presence));
            of.map(|said| said.segment).collect::<BTreeSet<_>>().len() as u32
        };
        let strongest = |said: &[Statement]| {
            let stated = said.iter().map(|said| State::from(said.presence));
            stated.max().unwrap_or(State::NotMentioned)
        };
        let last = within.iter().map(|said| self.note(said)).max_by_key(|note| (note.available, note.row));
        let of_last: Vec<Statement> =
            within.iter().filter(|said| Some(said.note) == last.map(|last| last.note)).copied().collect();
        let has_holder = known.iter().any(|said| said.holder == Holder::Diagnosis);
        let with_section = |note: &&NoteRecord| self.is_known(note) && in_window(note) && note.sections & 1 == 1;
        Some(Row {
            feature,
            window: Some(window),
            value: Some(f64::from(segments(&[Presence::Present, Presence::Possible, Presence::Absent]))),
            state: Some(strongest(&within)),
            last_state: Some(strongest(&of_last)),
            first_seen: within.iter().map(|said| origin(said).available.unwrap()).min(),
            last_seen: last.and_then(|last| last.available),
            n_notes,
            n_carried,
            n_by_others,
            n_present: segments(&[Presence::Present]),
            n_possible: segments(&[Presence::Possible]),
            n_absent: segments(&[Presence::Absent]),
            n_section_notes: has_holder.then(|| self.notes.iter().filter(with_section).count() as u32),
        })
    }

    fn series(&self, series: u32, window: FeatureWindow) -> Vec<Row> {
        let known = self.known(|fed| fed.series == Some(series));
        let known: Vec<Statement> = known.into_iter().filter(|said| said.value.is_some()).collect();
        let same = |a: &Statement, b: &Statement| a.segment == b.segment && a.value == b.value;
        let origin = |said: &Statement| *self.first(known.iter().filter(|other| same(other, said)));
        // Of a value stated twice in its first note, the first statement counts.
        let first = |said: &Statement| {
            let of_first = |other: &&Statement| same(other, said) && other.note == origin(said).note;
            *known.iter().find(of_first).unwrap()
        };
        let time = |said: &Statement| {
            let available = origin(said).available.unwrap();
            first(said).taken_at.filter(|taken_at| *taken_at <= available).unwrap_or(available)
        };
        let within: Vec<Statement> = known.iter().filter(|said| time(said) >= window.start(INDEX)).copied().collect();
        if within.is_empty() {
            return Vec::new();
        }
        let mut values: Vec<(i64, u64, u64, usize, f64)> = Vec::new();
        for (place, said) in within.iter().enumerate() {
            let (available, row) = (origin(said).available.unwrap() as u64, origin(said).row);
            let is_new = !within[..place].iter().any(|other| same(other, said));
            let order = known.iter().position(|other| *other == first(said)).unwrap();
            values.extend(is_new.then(|| (time(said), available, row, order, said.value.unwrap())));
        }
        values.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let numbers: Vec<Value> = values.iter().map(|(time, .., value)| Value { time: *time, value: *value }).collect();
        let (n_notes, n_carried, n_by_others) = self.notes_of(&within, origin);
        let seen = || within.iter().map(|said| self.note(said).available.unwrap());
        let row = |(feature, value): (&u32, Option<f64>)| Row {
            value,
            first_seen: seen().min(),
            last_seen: seen().max(),
            n_notes,
            n_carried,
            n_by_others,
            ..Row::new(*feature, Some(window))
        };
        self.plan.series[series as usize].iter().zip(statistics(&numbers)).map(row).collect()
    }
}

proptest! {
    #[test]
    fn rows_are_those_of_the_oracle((notes, statements) in patient(), up_to in any::<bool>()) {
        let bound = if up_to { Bound::UpTo } else { Bound::Before };
        let plan = plan();
        let oracle = Oracle { notes: &notes, statements: &statements, bound, plan: &plan };
        let mut expected: Vec<Row> = Vec::new();
        for window in windows() {
            for feature in 0..plan.features.len() as u32 {
                expected.extend(oracle.state(feature, window));
            }
            (0..plan.series.len() as u32).for_each(|series| expected.extend(oracle.series(series, window)));
        }
        expected.sort_by_key(|row| (row.feature, row.window));
        let mut found = rows(&notes, &statements, bound, &FxHashSet::default());
        let of_notes: Vec<Row> =
            found.extract_if(.., |row| row.feature == plan.notes || plan.sections.contains(&row.feature)).collect();
        prop_assert_eq!(found, expected);
        for row in of_notes {
            let is_in = |note: &&NoteRecord| {
                let time = note.available.unwrap_or(i64::MAX);
                oracle.is_known(note) && time >= row.window.unwrap().start(INDEX)
            };
            let bit = plan.sections.iter().position(|feature| *feature == row.feature);
            let has_it = |note: &&NoteRecord| bit.is_none_or(|bit| note.sections >> bit & 1 == 1);
            prop_assert_eq!(row.n_notes as usize, notes.iter().filter(is_in).filter(has_it).count());
        }
    }

    /// What is added at or after the index time, and what is left out, changes nothing.
    #[test]
    fn the_future_changes_nothing((notes, statements) in patient(), (later, said) in patient(), drops in any::<bool>()) {
        let before = rows(&notes, &statements, Bound::Before, &FxHashSet::default());
        let mut all = notes.clone();
        let n_notes = notes.len() as u64;
        all.extend(later.iter().map(|note| NoteRecord {
            note: note.note + n_notes,
            row: note.row + n_notes,
            available: if drops { note.available } else { note.available.map(|time| time.max(INDEX)) },
            ..*note
        }));
        let mut more = statements.clone();
        more.extend(said.iter().map(|said| Statement { note: said.note + n_notes, ..*said }));
        let record = PatientRecord::new(all.clone(), more.clone(), &plan()).unwrap();
        let places = (0..).zip(&record.notes).filter(|(_, note)| note.note >= n_notes).map(|(place, _)| place);
        let left_out = if drops { places.collect() } else { FxHashSet::default() };
        prop_assert_eq!(before, rows(&all, &more, Bound::Before, &left_out));
    }

    /// More statements never weaken a state, and only somebody's word makes it absent.
    #[test]
    fn silence_is_not_absence((notes, statements) in patient(), n_first in 0..25_usize) {
        let fewer = &statements[..n_first.min(statements.len())];
        let fewer = rows(&notes, fewer, Bound::Before, &FxHashSet::default());
        let more = rows(&notes, &statements, Bound::Before, &FxHashSet::default());
        let state = |rows: &[Row], of: &Row| {
            let same = rows.iter().find(|row| (row.feature, row.window) == (of.feature, of.window));
            same.and_then(|row| row.state).unwrap_or(State::NotMentioned)
        };
        for row in more.iter().filter(|row| row.state.is_some()) {
            prop_assert!(state(&fewer, row) <= state(&more, row));
            prop_assert_eq!(row.state == Some(State::Absent), row.n_absent > 0 && row.n_present + row.n_possible == 0);
            prop_assert_eq!(row.state == Some(State::NotMentioned), row.n_notes == 0);
            prop_assert!(row.n_by_others <= row.n_carried && row.n_carried <= row.n_notes);
        }
        // A value may turn out to be a copy of an older one, and leave its window; a state stays.
        for row in fewer.iter().filter(|row| row.state.is_some()) {
            prop_assert!(more.iter().any(|other| (row.feature, row.window) == (other.feature, other.window)));
        }
    }
}

/// A diagnosis pasted forward twenty times, by two authors, is one statement.
#[test]
fn pasted_text_is_one_statement() {
    let notes: Vec<NoteRecord> = (0..21)
        .map(|place: u32| NoteRecord {
            patient: 0,
            note: u64::from(place),
            available: Some(i64::from(place) * DAY),
            dated: None,
            row: u64::from(place),
            author: 1 + place % 2,
            visit: 0,
            kind: NoteKind::Plain,
            sections: 0,
        })
        .collect();
    let said = |note| Statement {
        patient: 0,
        note,
        segment: 9,
        topic: 1,
        presence: Presence::Present,
        holder: Holder::None,
        value: None,
        taken_at: None,
    };
    let statements: Vec<Statement> = (0..21).map(said).collect();
    let rows = rows(&notes, &statements, Bound::Before, &FxHashSet::default());
    let plan = plan();
    let of = |name: &str, window: FeatureWindow| {
        let is_it = |row: &&Row| plan.features[row.feature as usize].name == name && row.window == Some(window);
        *rows.iter().find(is_it).unwrap()
    };
    let all = of("concept:b", FeatureWindow::All);
    assert_eq!((all.value, all.n_notes, all.n_carried, all.n_by_others), (Some(1.0), 21, 20, 10));
    assert_eq!((all.first_seen, all.last_seen), (Some(0), Some(20 * DAY)));
    let month = of("icd3:I50", "30".parse().unwrap());
    assert_eq!((month.value, month.n_notes, month.n_carried), (Some(1.0), 11, 11));
    assert_eq!((month.first_seen, month.state), (Some(0), Some(State::Present)));
    let week = of("concept:b", "7".parse().unwrap());
    assert_eq!((week.state, week.n_notes, week.first_seen), (Some(State::NotMentioned), 0, None));
}

#[test]
fn a_statement_of_no_note_is_told() {
    let statement = Statement {
        patient: 0,
        note: 5,
        segment: 0,
        topic: 0,
        presence: Presence::Present,
        holder: Holder::None,
        value: None,
        taken_at: None,
    };
    assert!(PatientRecord::new(Vec::new(), vec![statement], &plan()).is_err());
}
