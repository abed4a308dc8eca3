//! Counts over the notes and mentions of a run: pure, fed row by row, bounded by what is distinct.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

/// How the assertion of a mention is told; each mention is counted once, by the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// A relative's, or somebody else's.
    Family,
    Absent,
    Hypothetical,
    Historical,
    Possible,
    Present,
}

impl State {
    pub const ALL: [State; 6] =
        [State::Present, State::Possible, State::Absent, State::Historical, State::Family, State::Hypothetical];

    /// The state of the words of the table.
    pub fn of(presence: &str, temporality: &str, experiencer: &str) -> State {
        match (experiencer, presence, temporality) {
            ("family" | "other", ..) => State::Family,
            (_, "absent", _) => State::Absent,
            (.., "hypothetical") => State::Hypothetical,
            (.., "historical") => State::Historical,
            (_, "possible", _) => State::Possible,
            _ => State::Present,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            State::Family => "family",
            State::Absent => "absent",
            State::Hypothetical => "hypothetical",
            State::Historical => "historical",
            State::Possible => "possible",
            State::Present => "present",
        }
    }
}

/// Counts by state, in the order of [`State::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct States([u64; 6]);

impl States {
    pub fn add(&mut self, state: State) {
        if let Some(index) = State::ALL.iter().position(|&known| known == state) {
            self.0[index] += 1;
        }
    }

    pub fn merge(&mut self, other: &States) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
    }

    pub fn in_order(&self) -> [u64; 6] {
        self.0
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Whom a count is about, counted only as far as a least number asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Persons(Vec<u64>);

impl Persons {
    /// Adds a person, or a note where no person is known, unless so many are counted.
    pub fn add(&mut self, who: u64, at_most: u64) {
        if (self.0.len() as u64) < at_most && !self.0.contains(&who) {
            self.0.push(who);
        }
    }

    pub fn are_at_least(&self, least: u64) -> bool {
        self.0.len() as u64 >= least
    }
}

/// A row of `notes`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NoteRow<'a> {
    pub note_type: Option<&'a str>,
    pub month: Option<&'a str>,
    pub status: &'a str,
    pub reason: Option<&'a str>,
    pub characters: u64,
    pub mentions: u64,
    pub who: u64,
    pub input: &'a str,
    pub record: u64,
    pub line: Option<u64>,
}

/// Notes of a type or a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoteCounts {
    pub annotated: u64,
    pub empty: u64,
    pub rejected: u64,
    pub characters: u64,
    pub mentions: u64,
    pub persons: Persons,
}

impl NoteCounts {
    pub fn total(&self) -> u64 {
        self.annotated + self.empty + self.rejected
    }

    fn add(&mut self, row: &NoteRow<'_>, least: u64) {
        match row.status {
            "annotated" => self.annotated += 1,
            "empty" => self.empty += 1,
            _ => self.rejected += 1,
        }
        self.characters += row.characters;
        self.mentions += row.mentions;
        self.persons.add(row.who, least);
    }

    pub fn merge(&mut self, other: &NoteCounts) {
        self.annotated += other.annotated;
        self.empty += other.empty;
        self.rejected += other.rejected;
        self.characters += other.characters;
        self.mentions += other.mentions;
    }
}

/// Where records of one reason stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RejectCounts {
    pub n: u64,
    /// The first of them: input, record, line.
    pub first: Vec<(String, u64, Option<u64>)>,
}

/// Places of rejected records that are told for each reason.
const PLACES: usize = 5;

/// Counts over `notes`.
#[derive(Clone, Debug, Default)]
pub(super) struct NotesTally {
    pub all: NoteCounts,
    pub by_type: FxHashMap<String, NoteCounts>,
    pub by_month: FxHashMap<String, NoteCounts>,
    pub rejects: FxHashMap<String, RejectCounts>,
    /// Remarks on notes that were annotated or empty.
    pub remarks: FxHashMap<String, u64>,
    least: u64,
}

impl NotesTally {
    /// A tally that counts so many persons for each cell.
    pub fn new(least: u64) -> NotesTally {
        NotesTally { least, ..NotesTally::default() }
    }

    pub fn add(&mut self, row: &NoteRow<'_>) {
        self.all.add(row, self.least);
        slot(&mut self.by_type, row.note_type.unwrap_or_default()).add(row, self.least);
        slot(&mut self.by_month, row.month.unwrap_or_default()).add(row, self.least);
        let Some(reason) = row.reason else { return };
        let reason = without_numbers(reason);
        if row.status == "rejected" {
            let rejects = slot(&mut self.rejects, &reason);
            rejects.n += 1;
            if rejects.first.len() < PLACES {
                rejects.first.push((row.input.to_owned(), row.record, row.line));
            }
        } else {
            *slot(&mut self.remarks, &reason) += 1;
        }
    }
}

/// A row of `mentions`, or of `facts`.
#[derive(Clone, Copy, Debug)]
pub(super) struct MentionRow<'a> {
    pub note_id: &'a str,
    pub who: u64,
    pub kind: &'a str,
    pub state: State,
    pub rule: Option<&'a str>,
    pub segment_hash: &'a str,
    pub concept_id: Option<&'a str>,
    pub concept_name: Option<&'a str>,
    pub icd10cm: Option<&'a str>,
}

/// Mentions of a concept.
#[derive(Clone, Debug, Default)]
pub(super) struct ProblemCounts {
    pub name: String,
    pub kind: String,
    /// The codes that its mentions have, with their number.
    pub codes: Vec<(String, u64)>,
    pub states: States,
    pub notes: u64,
    /// Mentions in a sentence that an earlier note of the patient has.
    pub carried: u64,
    pub persons: Persons,
    last_note: u32,
}

/// How often a sentence comes again.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first_note: u32,
    last_note: u32,
}

/// Repeated sentences among those with a mention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Duplication {
    /// Sentences, each counted once a note.
    pub sentences: u64,
    /// Of these, that stand in an earlier note of the same patient, or, where no patient is known, of anybody.
    pub carried: u64,
    /// Of these, that stand in an earlier note of somebody else only.
    pub shared: u64,
    /// Mentions that stand in a carried sentence.
    pub mentions_carried: u64,
}

/// Counts over `mentions`.
#[derive(Clone, Debug, Default)]
pub(super) struct MentionsTally {
    pub n: u64,
    pub states: States,
    pub by_kind: FxHashMap<String, States>,
    pub problems: FxHashMap<String, ProblemCounts>,
    /// Mentions without a concept.
    pub unlinked: States,
    pub rules: FxHashMap<String, u64>,
    /// Mentions that no rule decided.
    pub by_default: u64,
    pub duplication: Duplication,
    of_patient: FxHashMap<u64, Seen>,
    of_all: FxHashMap<u64, Seen>,
    note: u32,
    last_note_id: String,
    least: u64,
}

impl MentionsTally {
    /// A tally that counts so many persons for each cell.
    pub fn new(least: u64) -> MentionsTally {
        MentionsTally { least, ..MentionsTally::default() }
    }

    pub fn add(&mut self, row: &MentionRow<'_>) {
        if row.note_id != self.last_note_id || self.n == 0 {
            self.note = self.note.saturating_add(1);
            self.last_note_id.clear();
            self.last_note_id.push_str(row.note_id);
        }
        self.n += 1;
        self.states.add(row.state);
        slot(&mut self.by_kind, row.kind).add(row.state);
        match row.rule {
            None => self.by_default += 1,
            Some(rules) => rules.split(';').for_each(|rule| *slot(&mut self.rules, rule) += 1),
        }
        let is_carried = self.add_sentence(row);
        let Some(concept) = row.concept_id else { return self.unlinked.add(row.state) };
        let problem = slot(&mut self.problems, concept);
        if problem.states.total() == 0 {
            problem.name = row.concept_name.unwrap_or(concept).to_owned();
            problem.kind = row.kind.to_owned();
        }
        if problem.last_note != self.note {
            problem.notes += 1;
            problem.last_note = self.note;
        }
        problem.states.add(row.state);
        problem.carried += u64::from(is_carried);
        problem.persons.add(row.who, self.least);
        if let Some(code) = row.icd10cm {
            match problem.codes.iter_mut().find(|(known, _)| known == code) {
                Some((_, n)) => *n += 1,
                None => problem.codes.push((code.to_owned(), 1)),
            }
        }
    }

    /// Counts the sentence of a mention; whether an earlier note of the patient has it.
    fn add_sentence(&mut self, row: &MentionRow<'_>) -> bool {
        let note = self.note;
        let seen_before = |seen: &mut FxHashMap<u64, Seen>, key: u64| {
            let entry = seen.entry(key).or_insert(Seen { first_note: note, last_note: 0 });
            let is_new_here = entry.last_note != note;
            entry.last_note = note;
            (entry.first_note != note, is_new_here)
        };
        let hash = xxh3_64(row.segment_hash.as_bytes());
        let (carried, is_new_here) = seen_before(&mut self.of_patient, hash ^ row.who.rotate_left(32));
        let (anywhere, _) = seen_before(&mut self.of_all, hash);
        let duplication = &mut self.duplication;
        if is_new_here {
            duplication.sentences += 1;
            duplication.carried += u64::from(carried);
            duplication.shared += u64::from(anywhere && !carried);
        }
        duplication.mentions_carried += u64::from(carried);
        carried
    }
}

/// The value of a key, made where it is not there.
pub(super) fn slot<'m, T: Default>(map: &'m mut FxHashMap<String, T>, key: &str) -> &'m mut T {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), T::default());
    }
    #[expect(clippy::expect_used, reason = "the line above puts it there")]
    map.get_mut(key).expect("the key is there")
}

/// A reason without its numbers, so that equal reasons are counted together.
fn without_numbers(reason: &str) -> String {
    let mut plain = String::with_capacity(reason.len());
    for character in reason.chars() {
        match (character.is_ascii_digit(), plain.ends_with('N')) {
            (true, true) => {}
            (true, false) => plain.push('N'),
            (false, _) => plain.push(character),
        }
    }
    plain
}
