//! Explanations tell what the engine does: the mention is the one that `annotate` finds, and the cues that a trace says decide
//! are those that did.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::sync::LazyLock;

use noteward::{CueEffect, Explanation, Note, Pipeline, ScopeEnd, Span};
use proptest::prelude::*;

static RULES: LazyLock<Pipeline> = LazyLock::new(Pipeline::without_model);

/// Explains every mention of a text, and holds it against the annotation; gives the explanations.
fn check(pipeline: &Pipeline, text: &str) -> Vec<Explanation> {
    let note = pipeline.annotate(Note::new("1", text));
    let explained = note.annotations.iter().map(|annotation| {
        let (span, kind) = (annotation.mention.span, annotation.mention.kind);
        let explanation = pipeline.explain(Note::new("1", text), span, kind).expect("what is found is explained");
        assert_eq!(explanation.annotation, *annotation, "{text}");
        assert_eq!(explanation.trace.assertion, annotation.assertion, "{text}");
        check_trace(pipeline, &explanation, text);
        explanation
    });
    explained.collect()
}

fn check_trace(pipeline: &Pipeline, explanation: &Explanation, text: &str) {
    let Explanation { annotation, trace, note, .. } = explanation;
    let sentence = note.document.sentences()[annotation.mention.sentence as usize].span;
    // A cue of a rule stands in the sentence; what a section says has its heading, and the model nothing.
    let is_section = |name: &str| name.starts_with("section:");
    let by = annotation.assertion.evidence().filter(|by| by.cue.is_some() && !is_section(pipeline.rule_name(by.rule)));
    let mut expected: Vec<(Span, u32)> = by.map(|by| (by.cue.unwrap(), by.rule.0)).collect();
    let mut decide = Vec::new();
    for (index, cue) in trace.cues.iter().enumerate() {
        assert!(sentence.start() <= cue.span.start() && cue.span.end() <= sentence.end(), "{text}");
        let name = |other: usize| pipeline.rule_name(trace.cues[other].rule);
        match &cue.effect {
            CueEffect::Decides(scope) | CueEffect::Overruled(scope) | CueEffect::LastingCondition(scope) => {
                assert!(scope.span.cover(annotation.mention.span) == scope.span, "{text}");
                if let ScopeEnd::Cue(other) = scope.end {
                    assert!(other != index && other < trace.cues.len(), "{text}");
                }
                if matches!(cue.effect, CueEffect::Decides(_)) {
                    decide.push((cue.span, cue.rule.0));
                }
            }
            CueEffect::EndedBy(other) => assert!(name(*other).starts_with("end:"), "{text}"),
            CueEffect::NearerCue(other) => assert!(*other != index && *other < trace.cues.len(), "{text}"),
            CueEffect::TooFar { distance, limit } => assert!(distance > limit, "{text}"),
            _ => {}
        }
    }
    expected.sort_unstable();
    decide.sort_unstable();
    assert_eq!(decide, expected, "{text}");
}

#[test]
fn tells_the_scores_of_a_model_that_overrules() {
    let pipeline = Pipeline::embedded();
    let text = "HPI: Denies melena, fever, or n/v. FH: Mother had HTN. No h/o MI. Return if chest pain.";
    let all = check(&pipeline, text);
    assert!(all.len() > 4 && all.iter().all(|explanation| explanation.scores.is_some()));
    assert!(all.iter().all(|explanation| explanation.inside.is_some_and(|inside| inside > 0.0)));
}

#[test]
fn a_place_without_a_mention_has_no_explanation() {
    let text = "Denies fever.";
    let place = Span::new(text, 0..6).unwrap();
    assert!(RULES.explain(Note::new("1", text), place, noteward::MentionType::Symptom).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_a_trace_says_is_what_is_done(words in prop::collection::vec(prop::sample::select(WORDS), 1..25)) {
        check(&RULES, &words.join(" "));
    }
}

/// Mentions, cues of every kind and direction, and what stands between.
const WORDS: &[&str] = &[
    "fever",
    "chest pain",
    "pneumonia",
    "hypertension",
    "COPD",
    "cough",
    "no",
    "denies",
    "without",
    "not",
    "possible",
    "?",
    "likely",
    "unlikely",
    "was ruled out",
    "h/o",
    "history of",
    "resolved",
    "in 2005",
    "mother",
    "brother had",
    "states",
    "return if",
    "if",
    "monitor for",
    "reports",
    "has",
    "but",
    "except",
    "though",
    ",",
    ".",
    ";",
    ":",
    "or",
    "and",
    "is",
    "the",
    "today",
    "worsening",
    "no change in",
    "due to",
    "patient",
    "denied",
    "negative",
    "- no",
    "(-)",
    "FAMILY HISTORY:",
    "\n",
];
