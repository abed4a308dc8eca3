//! Tables of rules that carry their own examples: every row decides its example, official codes are named, and what scores name
//! is there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "support/lexicons.rs"]
mod lexicons;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lexicons::{Row, rows};
use noteward::{Document, Mention, MentionSource, MentionType, Note, Pipeline, Score, Sources, Span, load_scores};
use support::{case, cases};

/// A sentence with one `[form]`; a note type may stand before it in braces.
struct Example {
    note: Note,
    span: Span,
}

fn example(place: &str, text: &str) -> Example {
    let (note_type, text) = match text.strip_prefix('{').and_then(|rest| rest.split_once("} ")) {
        Some((note_type, text)) => (Some(note_type.to_owned()), text),
        None => (None, text),
    };
    let case = case(place.to_owned(), &text.replace(']', "|x]"), '[', ']');
    assert_eq!(case.marks.len(), 1, "{place}: expected one mark");
    let span = Span::new(&case.text, case.marks[0].0.clone()).unwrap();
    let mut note = Note::new("example", case.text);
    note.meta.note_type = note_type;
    Example { note, span }
}

/// The id of the concept of the mention that covers the mark.
fn concept_of(pipeline: &Pipeline, example: Example) -> Option<String> {
    let note = pipeline.annotate(example.note);
    let found = note.annotations.iter().map(|annotation| annotation.mention);
    let mention = found.into_iter().find(|mention| mention.span.overlaps(example.span))?;
    pipeline.concept(&mention).map(|concept| concept.id.to_owned())
}

/// The last digit of a LOINC code follows from the others (Luhn's check; LOINC Users' Guide, appendix on check digits).
#[test]
fn loinc_codes_have_their_check_digits() {
    let mut n_codes = 0;
    for (table, column) in [("measurements.tsv", 1), ("section-kinds.tsv", 2)] {
        for Row { place, cells } in rows(table) {
            let Some((digits, check)) = cells[column].split_once('-').filter(|(digits, _)| !digits.is_empty()) else {
                continue;
            };
            let doubled =
                |(index, digit): (usize, u32)| if index % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit };
            let sum: u32 = digits.chars().rev().map(|digit| digit.to_digit(10).unwrap()).enumerate().map(doubled).sum();
            assert_eq!(check, ((10 - sum % 10) % 10).to_string(), "{place}: {}", cells[column]);
            n_codes += 1;
        }
    }
    assert!(n_codes > 120, "{n_codes} codes");
}

#[test]
fn every_sense_decides_its_example() {
    let pipeline = Pipeline::without_model();
    let mut failures = Vec::new();
    let mut forms = BTreeSet::new();
    let rows = rows("senses.tsv");
    for Row { place, cells } in &rows {
        let [form, concept, _when, text, counter, _source] = &cells[..] else { panic!("{place}: malformed") };
        forms.insert(form.to_lowercase());
        let expected = (concept != "-").then_some(concept.clone());
        let found = concept_of(&pipeline, example(place, text));
        if found != expected {
            failures.push(format!("{place} {text}: expected {expected:?}, found {found:?}"));
        }
        if counter != "-" {
            let found = concept_of(&pipeline, example(place, counter));
            if found == expected {
                failures.push(format!("{place} {counter}: expected another than {expected:?}"));
            }
        }
    }
    for form in ["ms", "pe", "ra", "cp", "pt", "as", "od", "cold", "discharge", "stroke volume"] {
        assert!(forms.contains(form), "no row for {form}");
    }
    assert!(forms.len() >= 50, "{} forms", forms.len());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// The marked words become one mention of the model, whose concept and code the row decides.
#[test]
fn every_composition_decides_its_example() {
    let pipeline = Pipeline::without_model();
    let concepts: BTreeMap<&str, Option<&str>> =
        pipeline.lexicon().concepts().map(|concept| (concept.id, concept.icd10cm)).collect();
    let mut failures = Vec::new();
    let rows = rows("compositions.tsv");
    for Row { place, cells } in &rows {
        let [_heads, _needs, concept, code, text, _source] = &cells[..] else { panic!("{place}: malformed") };
        let Example { note, span } = example(place, text);
        let document = pipeline.segment(note);
        let found = pipeline.concept(&linked(&pipeline, &document, &[span])[0]);
        let expected = if code == "-" { concepts[concept.as_str()] } else { Some(code.as_str()) };
        let is_right = found.is_some_and(|found| found.icd10cm == expected && (concept == "-" || found.id == concept));
        if !is_right {
            let found = found.map(|found| (found.id, found.icd10cm));
            failures.push(format!("{place} {text}: expected {concept} {expected:?}, found {found:?}"));
        }
    }
    assert!(rows.len() > 500, "{} rows", rows.len());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn tables_are_sorted_and_their_codes_official() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/term/code-list-April-2026.txt");
    let official = fs::read_to_string(&list).ok();
    let official: Option<BTreeSet<String>> =
        official.map(|text| text.lines().map(|line| line.trim().replace('.', "")).collect());
    if official.is_none() {
        println!("codes are not checked: the official list of ICD-10-CM codes is not here");
    }
    for (name, keys, codes) in [("compositions.tsv", 0..2, 3..4), ("laterality.tsv", 0..1, 0..4)] {
        let rows = rows(name);
        for pair in rows.windows(2) {
            assert!(
                pair[0].cells[keys.clone()] < pair[1].cells[keys.clone()],
                "{}: not sorted, or twice",
                pair[1].place
            );
        }
        for Row { place, cells } in &rows {
            for code in cells[codes.clone()].iter().filter(|code| *code != "-") {
                let is_known = official.as_ref().is_none_or(|list| list.contains(&code.replace('.', "")));
                assert!(is_known, "{place}: {code} is in no official list");
            }
        }
    }
    for name in ["qualifiers.tsv", "inflections.tsv"] {
        for pair in rows(name).windows(2) {
            assert!(pair[0].cells[0] < pair[1].cells[0], "{}: not sorted, or twice", pair[1].place);
        }
    }
}

/// Mentions of the model stand in `[words|concept code how]`.
#[test]
fn links_as_the_cases_say() {
    let pipeline = Pipeline::without_model();
    let mut failures = Vec::new();
    for case in cases("link", '[', ']') {
        let document = pipeline.segment(Note::new("case", case.text.clone()));
        let spans: Vec<Span> =
            case.marks.iter().map(|(range, _)| Span::new(&case.text, range.clone()).unwrap()).collect();
        for (mention, (range, expected)) in linked(&pipeline, &document, &spans).iter().zip(&case.marks) {
            let concept = pipeline.concept(mention);
            let id = concept.map_or("none", |concept| concept.id);
            let code = concept.and_then(|concept| concept.icd10cm).unwrap_or("-");
            let found = format!("{id} {code} {}", mention.link.map_or("none", |link| link.kind.name()));
            if &found != expected {
                failures.push(format!("{} {}: found {found}", case.place, &case.text[range.clone()]));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// Spans as mentions of the model, those of a sentence linked together.
fn linked(pipeline: &Pipeline, document: &Document, spans: &[Span]) -> Vec<Mention> {
    let sentences = document.sentences();
    let sentence_of = |span: Span| sentences.iter().position(|sentence| sentence.span.overlaps(span)).unwrap() as u32;
    let (source, kind) = (MentionSource::Model, MentionType::Diagnosis);
    let placed = spans.iter().map(|&span| Mention {
        span,
        kind,
        source,
        score: None,
        sentence: sentence_of(span),
        concept: None,
        link: None,
    });
    let mut mentions: Vec<Mention> = placed.collect();
    for group in mentions.chunk_by_mut(|left, right| left.sentence == right.sentence) {
        let sentence = sentences[group[0].sentence as usize];
        pipeline.link(document, &sentence, group);
    }
    mentions
}

fn sources(score: &Score) -> Vec<&Sources> {
    let inputs = score
        .inputs()
        .iter()
        .flat_map(|input| input.levels.iter().map(|level| &level.sources).chain([&input.sources, &input.refuted_by]));
    let exclusions = score.exclusions.iter().map(|exclusion| &exclusion.sources);
    inputs.chain(exclusions).chain(score.requirement.iter().map(|requirement| &requirement.sources)).collect()
}

/// What a file names in the lexicon, in the tables of facts and in those of measurements is there.
#[test]
fn what_scores_name_exists() {
    let pipeline = Pipeline::without_model();
    let lexicon = pipeline.lexicon();
    let concepts: BTreeSet<&str> = lexicon.concepts().map(|concept| concept.id).collect();
    let measurements: BTreeSet<&str> = pipeline.measurement_kinds().map(|kind| kind.name).collect();
    // Every beginning of a path is a class of facts.
    let mut facts = BTreeSet::new();
    for concept in pipeline.fact_concepts() {
        facts.extend(concept.id.match_indices('.').map(|(end, _)| &concept.id[..end]));
        facts.insert(concept.id);
    }
    let (mut n_concepts, mut n_facts, mut n_measurements, mut missing) = (0, 0, 0, BTreeSet::new());
    let mut look_for = |score: &str, what: &str, name: &str, is_there: bool| {
        if !is_there {
            missing.insert(format!("{score}: {what} {name}"));
        }
    };
    for score in load_scores(None).unwrap() {
        for sources in sources(&score) {
            n_concepts += sources.concepts.len();
            n_facts += sources.facts.len();
            n_measurements += sources.measurements.len() + sources.measured.len();
            for concept in &sources.concepts {
                look_for(&score.id, "concept", concept, concepts.contains(concept.as_str()));
            }
            for fact in &sources.facts {
                look_for(&score.id, "fact", fact, facts.contains(fact.as_str()));
            }
            for name in &sources.measurements {
                look_for(&score.id, "measurement", name, measurements.contains(name.as_str()));
            }
            for measured in &sources.measured {
                let name = measured.name.as_str();
                let is_there = measurements.contains(name) || facts.contains(name);
                look_for(&score.id, "measurement or fact", name, is_there);
            }
            for code in &sources.icd10cm {
                let plain = code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
                look_for(&score.id, "code", code, plain && code.starts_with(|c: char| c.is_ascii_uppercase()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(n_concepts > 10 && n_facts > 50 && n_measurements > 30, "{n_concepts} {n_facts} {n_measurements}");
}

/// What inputs are derived from, whatever their files say, is there too.
#[test]
fn what_inputs_are_derived_from_exists() {
    let pipeline = Pipeline::without_model();
    let has = |name: &str| pipeline.measurement_kinds().any(|kind| kind.name == name);
    let states = |id: &str| pipeline.fact_concepts().any(|concept| concept.id == id);
    for name in ["systolic_bp", "diastolic_bp", "pao2", "fio2", "nodule_size"] {
        assert!(has(name), "{name}");
    }
    for id in ["demographic.age", "demographic.sex.female", "demographic.sex.male", "state.room_air", "state.on_oxygen"]
    {
        assert!(states(id), "{id}");
    }
}
