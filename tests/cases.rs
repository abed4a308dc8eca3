//! Each stage against its cases under `tests/cases/`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "support/assertions.rs"]
mod assertions;
mod support;

use noteward::{Assertion, Document, Mention, MentionSource, MentionType, Note, Pipeline, Span};
use support::{Case, case, cases};

/// Sentences stand in `⟦text|section⟧`; the section is empty before the first heading.
#[test]
fn segments_as_the_cases_say() {
    let pipeline = Pipeline::without_model();
    let mut failures = Vec::new();
    for case in cases("segment", '⟦', '⟧') {
        let document = pipeline.segment(Note::new("case", case.text.clone()));
        let found: Vec<(&str, &str)> = document
            .sentences()
            .iter()
            .map(|sentence| {
                let section = document.section_of(sentence).map_or("", |section| pipeline.section_name(section.kind));
                (sentence.span.of(document.text()), section)
            })
            .collect();
        let expected: Vec<(&str, &str)> =
            case.marks.iter().map(|(range, section)| (&case.text[range.clone()], section.as_str())).collect();
        if found != expected {
            failures.push(format!("{}\n  expected {expected:?}\n  found    {found:?}", case.place));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// Every mention of the text stands in `[text|concept-id]`.
#[test]
fn recognises_as_the_cases_say() {
    let pipeline = Pipeline::without_model();
    let mut failures = Vec::new();
    for case in cases("recognize", '[', ']') {
        let note = pipeline.annotate(Note::new("case", case.text.clone()));
        let found: Vec<(&str, &str)> = note
            .annotations
            .iter()
            .map(|annotation| {
                let concept = annotation.mention.concept.and_then(|index| pipeline.lexicon().concept(index));
                (annotation.mention.span.of(note.document.text()), concept.map_or("", |concept| concept.id))
            })
            .collect();
        let expected: Vec<(&str, &str)> =
            case.marks.iter().map(|(range, id)| (&case.text[range.clone()], id.as_str())).collect();
        if found != expected {
            failures.push(format!("{}\n  expected {expected:?}\n  found    {found:?}", case.place));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// Mentions stand in `[text|values]`: values other than present, current and patient, separated by commas; `present` for none.
#[test]
fn asserts_as_the_cases_say() {
    let pipeline = Pipeline::without_model();
    let cases = cases("assert", '[', ']');
    assert_eq!(assertion_failures(&pipeline, &cases), Vec::<String>::new());
}

/// Each row of the cue table carries an example, in which its rule decides the mention's assertion.
#[test]
fn every_cue_fires_in_its_example() {
    let pipeline = Pipeline::without_model();
    let table = include_str!("../lexicons/cues.tsv");
    let mut failures = Vec::new();
    let mut n_rows = 0;
    for (index, line) in table.lines().enumerate().filter(|(_, line)| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [cue, category, _direction, _limit, example, _source] = cells[..] else { panic!("line {}", index + 1) };
        let case = case(format!("cues.tsv:{}", index + 1), example, '[', ']');
        assert_eq!(case.marks.len(), 1, "{}: expected one mention", case.place);
        let (document, mentions) = given_mentions(&pipeline, &case);
        let assertion = pipeline.assert(&document, &mentions)[0];
        let rule = format!("{category}:{cue}");
        let fired = assertion.evidence().any(|evidence| pipeline.rule_name(evidence.rule) == rule);
        let decides = !matches!(category, "pseudo" | "end" | "current" | "patient" | "reporting");
        if values(&assertion) != case.marks[0].1 || (decides && !fired) {
            let rules: Vec<&str> = assertion.evidence().map(|evidence| pipeline.rule_name(evidence.rule)).collect();
            failures.push(format!("{} {rule}: {example} -> {} by {rules:?}", case.place, values(&assertion)));
        }
        n_rows += 1;
    }
    assert!(n_rows > 500, "{n_rows} rows");
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

fn assertion_failures(pipeline: &Pipeline, cases: &[Case]) -> Vec<String> {
    let mut failures = Vec::new();
    for case in cases {
        let (document, mentions) = given_mentions(pipeline, case);
        assert_eq!(mentions.len(), case.marks.len(), "{}: a mention lies in no sentence", case.place);
        for (assertion, (range, expected)) in pipeline.assert(&document, &mentions).iter().zip(&case.marks) {
            if &values(assertion) != expected {
                let rules: Vec<&str> = assertion.evidence().map(|evidence| pipeline.rule_name(evidence.rule)).collect();
                let mention = &case.text[range.clone()];
                failures.push(format!(
                    "{} {mention}: expected {expected}, found {} by {rules:?}",
                    case.place,
                    values(assertion)
                ));
            }
        }
    }
    failures
}

/// The marked mentions of a case, in its segmented text.
fn given_mentions(pipeline: &Pipeline, case: &Case) -> (Document, Vec<Mention>) {
    let document = pipeline.segment(Note::new("case", case.text.clone()));
    let mut mentions = Vec::new();
    for (range, _) in &case.marks {
        let sentences = document.sentences();
        let inside = sentences
            .iter()
            .position(|sentence| sentence.span.start() <= range.start && range.end <= sentence.span.end());
        let (Some(sentence), Some(span)) = (inside, Span::new(&case.text, range.clone())) else { continue };
        mentions.push(Mention {
            span,
            kind: MentionType::Diagnosis,
            source: MentionSource::Lexicon,
            score: None,
            sentence: sentence as u32,
            concept: None,
            link: None,
        });
    }
    (document, mentions)
}

/// The values that are not the default; `present` where there are none.
fn values(assertion: &Assertion) -> String {
    let values = assertions::values(assertion);
    if values.is_empty() { "present".to_owned() } else { values }
}
