//! The features of a run: their names, what they are in words, and which of them a topic feeds.

use std::collections::BTreeMap;

use super::rules::{Groups, Holder, Holders};
use super::topic::{Source, Topic};

/// A number that a series of values gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Statistic {
    Count,
    First,
    Last,
    Max,
    Min,
    Slope,
}

impl Statistic {
    pub const ALL: [Statistic; 6] =
        [Statistic::Count, Statistic::First, Statistic::Last, Statistic::Max, Statistic::Min, Statistic::Slope];

    pub fn name(self) -> &'static str {
        match self {
            Statistic::Count => "count",
            Statistic::First => "first",
            Statistic::Last => "last",
            Statistic::Max => "max",
            Statistic::Min => "min",
            Statistic::Slope => "slope",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Statistic::Count => "number of values, copied ones counted once",
            Statistic::First => "first value",
            Statistic::Last => "last value",
            Statistic::Max => "greatest value",
            Statistic::Min => "least value",
            Statistic::Slope => "slope per day, by least squares",
        }
    }
}

/// What kind of number a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeatureKind {
    /// One of four states, with the number of statements as value.
    State,
    /// A number made of values.
    Statistic(Statistic),
    /// Notes.
    Notes,
    /// Notes that have a section.
    Section,
    /// What the patients file says.
    Patient,
}

impl FeatureKind {
    pub fn name(self) -> &'static str {
        match self {
            FeatureKind::State => "state",
            FeatureKind::Statistic(_) => "statistic",
            FeatureKind::Notes => "notes",
            FeatureKind::Section => "section",
            FeatureKind::Patient => "patient",
        }
    }
}

/// A feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Feature {
    pub name: String,
    pub kind: FeatureKind,
    /// What it is, in words.
    pub words: String,
    /// The unit of its value, where it has one.
    pub unit: String,
}

/// The features that statements of a topic feed.
#[derive(Clone, Debug, Default)]
pub(super) struct Fed {
    pub states: Vec<u32>,
    /// Place in [`Plan::series`].
    pub series: Option<u32>,
}

/// The features of what a patients file says.
#[derive(Clone, Copy, Debug)]
pub(super) struct PatientFeatures {
    pub age: u32,
    pub female: u32,
    pub male: u32,
}

/// Every feature that a run can have, in the order of their names.
pub(super) struct Plan {
    pub features: Vec<Feature>,
    /// By number of the topic.
    pub fed: Vec<Fed>,
    /// The features of each series, in the order of [`Statistic::ALL`].
    pub series: Vec<[u32; 6]>,
    pub notes: u32,
    /// By number of the section.
    pub sections: Vec<u32>,
    pub patient: PatientFeatures,
    /// By number of the holder, a bit for each section.
    pub holders: [u128; Holder::COUNT],
}

impl Plan {
    /// The features of topics, in a run whose notes have these sections.
    pub fn new(topics: &[Topic], sections: &[String], groups: &Groups, holders: &Holders) -> Plan {
        let mut names: BTreeMap<String, Feature> = BTreeMap::new();
        let mut add = |feature: Feature| {
            names.entry(feature.name.clone()).or_insert(feature);
        };
        topics.iter().flat_map(|topic| states_of(topic, groups).into_iter().chain(series_of(topic))).for_each(&mut add);
        sections.iter().map(|section| section_feature(section)).for_each(&mut add);
        fixed().into_iter().for_each(&mut add);
        let places: BTreeMap<&str, u32> = names.keys().map(String::as_str).zip(0..).collect();
        let place = |name: &str| places.get(name).copied().unwrap_or_default();
        let mut series: Vec<[u32; 6]> = Vec::new();
        let mut series_places: BTreeMap<[u32; 6], u32> = BTreeMap::new();
        let fed = topics.iter().map(|topic| {
            let states = states_of(topic, groups).iter().map(|feature| place(&feature.name)).collect();
            let own: Vec<u32> = series_of(topic).iter().map(|feature| place(&feature.name)).collect();
            let own = <[u32; 6]>::try_from(own).ok().map(|own| {
                *series_places.entry(own).or_insert_with(|| {
                    series.push(own);
                    series.len() as u32 - 1
                })
            });
            Fed { states, series: own }
        });
        let fed = fed.collect();
        let bit = |name: &str| sections.iter().position(|section| section == name).map_or(0, |place| 1 << place);
        let mut masks = [0; Holder::COUNT];
        for (number, mask) in (0..).zip(&mut masks) {
            *mask = holders.sections(Holder::numbered(number)).map(bit).fold(0, |mask: u128, bit| mask | bit);
        }
        Plan {
            fed,
            series,
            notes: place(NOTES),
            sections: sections.iter().map(|section| place(&section_feature(section).name)).collect(),
            patient: PatientFeatures { age: place(AGE), female: place(FEMALE), male: place(MALE) },
            holders: masks,
            features: names.into_values().collect(),
        }
    }
}

const NOTES: &str = "notes";
const AGE: &str = "patient:age";
const FEMALE: &str = "patient:female";
const MALE: &str = "patient:male";

fn feature(name: String, kind: FeatureKind, words: String) -> Feature {
    Feature { name, kind, words, unit: String::new() }
}

/// Features that every run has.
fn fixed() -> [Feature; 4] {
    let age = feature(AGE.to_owned(), FeatureKind::Patient, "age at the index time, by the patients file".to_owned());
    let sex = |name: &str, sex| {
        feature(name.to_owned(), FeatureKind::Patient, format!("1: {sex}, 0: another sex, by the patients file"))
    };
    [
        feature(NOTES.to_owned(), FeatureKind::Notes, "notes".to_owned()),
        Feature { unit: "a".to_owned(), ..age },
        sex(FEMALE, "female"),
        sex(MALE, "male"),
    ]
}

fn section_feature(section: &str) -> Feature {
    feature(format!("section:{section}"), FeatureKind::Section, format!("notes with a section {section}"))
}

/// The features whose states statements of a topic decide: of the concept or fact itself, and of what it rolls up to.
fn states_of(topic: &Topic, groups: &Groups) -> Vec<Feature> {
    let (prefix, whose) = (topic.scope.prefix(), topic.scope.words());
    let state = |kind: &str, key: &str, words: String| {
        feature(format!("{prefix}{kind}:{key}"), FeatureKind::State, format!("{whose}{words}"))
    };
    let mut features = Vec::new();
    match topic.source {
        Source::Measurement => return features,
        Source::Mention if topic.subject.is_empty() => {}
        Source::Mention => features.push(state("concept", &topic.subject, topic.name.clone())),
        Source::Fact => {
            features.push(state("fact", &topic.subject, in_words(&topic.subject)));
            let classes = topic.subject.match_indices('.').skip(1).map(|(end, _)| &topic.subject[..end]);
            features.extend(classes.map(|class| state("fact", class, format!("{} of any kind", in_words(class)))));
        }
    }
    if let Some(category) = topic.code.get(..3) {
        features.push(state("icd3", category, format!("a diagnosis or finding of ICD-10-CM {category}")));
        let groups = groups.of(&topic.code);
        features.extend(groups.map(|(key, name)| state("group", key, format!("{name} (group of ICD-10-CM codes)"))));
    }
    features
}

/// The features that values of a topic make, in the order of [`Statistic::ALL`]; none for a topic without values.
fn series_of(topic: &Topic) -> Vec<Feature> {
    let kind = match topic.source {
        Source::Mention => return Vec::new(),
        Source::Fact => "fact",
        Source::Measurement => "measurement",
    };
    let (prefix, whose) = (topic.scope.prefix(), topic.scope.words());
    let of_statistic = |statistic: Statistic| Feature {
        name: format!("{prefix}{kind}:{}:{}", topic.subject, statistic.name()),
        kind: FeatureKind::Statistic(statistic),
        words: format!("{whose}{}, {}", in_words(&topic.subject), statistic.words()),
        unit: match statistic {
            Statistic::Count => String::new(),
            Statistic::Slope if topic.unit.is_empty() => "/d".to_owned(),
            Statistic::Slope => format!("{}/d", topic.unit),
            _ => topic.unit.clone(),
        },
    };
    Statistic::ALL.map(of_statistic).into()
}

/// A dotted or underscored name as words.
fn in_words(name: &str) -> String {
    name.replace('_', " ").replace('.', ", ")
}

#[cfg(test)]
mod tests {
    use super::super::state::Scope;
    use super::*;
    use crate::lexicon::embedded;

    fn plan(topics: &[Topic]) -> Plan {
        let groups = Groups::parse(&embedded::table("groups.tsv")).unwrap();
        let holders = Holders::parse(&embedded::table("section-holds.tsv")).unwrap();
        let sections = ["plan", "family_history"].map(str::to_owned);
        Plan::new(topics, &sections, &groups, &holders)
    }

    fn topic(source: Source, scope: Scope, subject: &str, code: &str) -> Topic {
        let (subject, code) = (subject.to_owned(), code.to_owned());
        Topic { source, scope, subject, code, name: "a name".to_owned(), unit: "mg".to_owned() }
    }

    #[test]
    fn topics_feed_their_features() {
        let topics = [
            topic(Source::Mention, Scope::Family, "chf", "I50.9"),
            topic(Source::Fact, Scope::Current, "drug.anticoagulant.warfarin", ""),
            topic(Source::Measurement, Scope::Current, "sodium", ""),
            topic(Source::Mention, Scope::Current, "", "J18.9"),
        ];
        let plan = plan(&topics);
        assert!(plan.features.is_sorted_by(|a, b| a.name < b.name));
        let name = |place: u32| plan.features[place as usize].name.as_str();
        let states = |topic: usize| plan.fed[topic].states.iter().map(|place| name(*place)).collect::<Vec<_>>();
        assert_eq!(states(0), ["family:concept:chf", "family:icd3:I50", "family:group:heart_failure"]);
        assert_eq!(states(1), ["fact:drug.anticoagulant.warfarin", "fact:drug.anticoagulant"]);
        assert_eq!(states(2), [""; 0]);
        assert_eq!(states(3), ["icd3:J18", "group:pneumonia"]);
        let series = plan.series[plan.fed[2].series.unwrap() as usize].map(name);
        assert_eq!(series[1..3], ["measurement:sodium:first", "measurement:sodium:last"]);
        assert!(plan.fed[0].series.is_none());
        assert_eq!((name(plan.notes), name(plan.sections[1])), ("notes", "section:family_history"));
        assert_eq!(plan.holders[usize::from(Holder::Family.number())], 2);
    }
}
