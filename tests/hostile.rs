//! Odd texts through the library: nothing panics, and what is found has its place in the text.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Debug;
use std::time::{Duration, Instant};

use noteward::{
    AnnotatedNote, Annotation, Assertion, Concept, Config, Counts, Document, Error, Evidence, Existing, Experiencer,
    Lexicon, Mention, MentionSource, MentionType, Note, NoteMeta, OutputFormat, PartialConfig, Pipeline, Presence,
    Progress, Resources, RunReport, Section, SectionKind, Sentence, Span, TableSource, Temporality, Token, TokenKind,
};
use proptest::prelude::*;
use std::sync::LazyLock;

static PIPELINE: LazyLock<Pipeline> = LazyLock::new(Pipeline::without_model);

/// Annotates a text, twice; everything that must hold of any text is checked.
fn annotate(text: &str) -> AnnotatedNote {
    let note = PIPELINE.annotate(Note::new("n", text));
    let document = &note.document;
    assert!(document.text() == text, "the text is unchanged");
    let inside = |span: Span| span.start() <= span.end() && text.get(span.start()..span.end()).is_some();

    assert!(document.tokens().iter().all(|token| inside(token.span) && !token.span.is_empty()));
    assert!(document.tokens().windows(2).all(|pair| pair[0].span.end() <= pair[1].span.start()));
    assert!(document.sections().iter().all(|section| inside(section.heading)));
    assert!(document.sections().windows(2).all(|pair| pair[0].heading.end() <= pair[1].heading.start()));
    let sentences = document.sentences();
    for sentence in sentences {
        assert!(inside(sentence.span) && !sentence.span.is_empty());
        let tokens = document.tokens_of(sentence);
        assert_eq!(tokens.first().unwrap().span.start(), sentence.span.start());
        assert_eq!(tokens.last().unwrap().span.end(), sentence.span.end());
        assert!(sentence.section.is_none_or(|index| (index as usize) < document.sections().len()));
    }
    assert!(sentences.windows(2).all(|pair| pair[0].span.end() <= pair[1].span.start()));
    assert!(sentences.windows(2).all(|pair| pair[0].end_token <= pair[1].first_token));

    for annotation in &note.annotations {
        let mention = &annotation.mention;
        let sentence = sentences.get(mention.sentence as usize).unwrap();
        assert!(inside(mention.span) && !mention.span.is_empty());
        assert!(sentence.span.start() <= mention.span.start() && mention.span.end() <= sentence.span.end());
        let tokens = document.tokens_of(sentence);
        assert!(tokens.iter().any(|token| token.span.start() == mention.span.start()), "a mention starts with a token");
        assert!(tokens.iter().any(|token| token.span.end() == mention.span.end()), "a mention ends with a token");
        for evidence in annotation.assertion.evidence() {
            assert!(evidence.cue.is_none_or(inside), "a cue lies in the text");
            assert!(!PIPELINE.rule_name(evidence.rule).is_empty());
        }
        assert!(mention.concept.is_none_or(|index| PIPELINE.lexicon().concept(index).is_some()));
    }
    assert!(note.annotations.windows(2).all(|pair| pair[0].mention.span.end() <= pair[1].mention.span.start()));

    let again = PIPELINE.annotate(Note::new("n", text));
    assert!(again.document.sentences() == sentences && again.document.sections() == document.sections());
    assert!(again.document.tokens() == document.tokens() && again.annotations == note.annotations);
    note
}

/// The texts of the mentions, each with its presence.
fn found(note: &AnnotatedNote) -> Vec<(&str, Presence)> {
    let text = note.document.text();
    note.annotations
        .iter()
        .map(|annotation| (annotation.mention.span.of(text), annotation.assertion.presence))
        .collect()
}

#[test]
fn notes_without_words() {
    for text in [
        "", " ", "\n", "\r\n\r\n", "\0", "\u{FEFF}", ".", "...", ":", "::", ": :\nx", "-\n-\n-", "\u{301}", "\u{200D}",
        "[**", "**]", "___",
    ] {
        let note = annotate(text);
        assert!(note.annotations.is_empty(), "{text:?}");
    }
}

#[test]
fn five_megabytes() {
    let paragraph = "Assessment: denies chest pain, no fever. Pneumonia is possible; history of asthma.\n\n";
    let text = paragraph.repeat(5_000_000 / paragraph.len() + 1);
    let n_paragraphs = text.len() / paragraph.len();
    let note = annotate(&text);
    let presence = |sought: Presence| note.annotations.iter().filter(|one| one.assertion.presence == sought).count();
    assert_eq!(note.annotations.len(), 4 * n_paragraphs);
    assert_eq!((presence(Presence::Absent), presence(Presence::Possible)), (2 * n_paragraphs, n_paragraphs));
}

#[test]
fn one_word_of_a_hundred_thousand_characters() {
    for letter in ["a", "é", "A", "1", "a\u{301}", "a.", "a-", "a'", "a/", "1.", "1,", "x\0", "é\0"] {
        let text = format!("Fever, {} and cough.", letter.repeat(100_000 / letter.len()));
        assert_eq!(found(&annotate(&text)).first(), Some(&("Fever", Presence::Present)), "{letter:?}");
    }
}

#[test]
fn a_word_parted_by_control_characters() {
    // In time linear in the text: a second at most here, and more than a minute if each letter looks for the end.
    let text = format!("Fever, {} and cough.", "x\0".repeat(100_000));
    let started = Instant::now();
    let note = PIPELINE.annotate(Note::new("n", text));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(found(&note), [("Fever", Presence::Present), ("cough", Presence::Present)]);
}

#[test]
fn ten_thousand_line_breaks() {
    for line_break in ["\n", "\r\n", "\r", "\n ", "\u{2028}"] {
        let text = format!("No fever{}Cough", line_break.repeat(10_000));
        let note = annotate(&text);
        let expected = [("fever", Presence::Absent), ("Cough", Presence::Present)];
        assert_eq!(found(&note), expected, "{line_break:?}");
    }
}

#[test]
fn two_hundred_kilobytes_without_a_full_stop() {
    for part in
        ["fever cough nausea vomiting ", "the patient walked and talked and ", "no no no ", "possible ", "History of "]
    {
        let note = annotate(&part.repeat(200_000 / part.len()));
        if part.starts_with("fever ") {
            assert_eq!(note.annotations.len(), 4 * (200_000 / part.len()));
        }
    }
}

#[test]
fn problems_in_a_row_without_commas_are_mentions_of_their_own() {
    let words = |text: &str| -> Vec<String> {
        found(&annotate(text)).into_iter().map(|(word, _)| word.to_lowercase()).collect()
    };
    assert_eq!(words("Fever cough nausea vomiting"), ["fever", "cough", "nausea", "vomiting"]);
    assert_eq!(words("Reports headache dizziness fever."), ["headache", "dizziness", "fever"]);
    assert_eq!(words("diabetic neuropathy"), ["diabetic neuropathy"]);
}

#[test]
fn a_hundred_thousand_commas_and_other_signs() {
    for sign in
        [",", ";", ":", ".", "/", "-", "_", "*", "|", "?", "!", "\"", "'", "+", "=", "#", "•", "–", "\t", "\u{A0}"]
    {
        let text = format!("Denies fever. {} Cough.", sign.repeat(100_000));
        let note = annotate(&text);
        let words = found(&note);
        assert_eq!(words.first(), Some(&("fever", Presence::Absent)), "{sign:?}");
        assert_eq!(words.last().map(|(word, _)| *word), Some("Cough"), "{sign:?}");
        let text = format!("Fever{} ", sign).repeat(20_000);
        annotate(&text);
    }
}

#[test]
fn deep_nesting_of_brackets() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"), ("[**", "**]"), ("(no ", ")")] {
        let text = format!("{}fever{} and cough", open.repeat(20_000), close.repeat(20_000));
        annotate(&text);
        annotate(&format!("{}fever", open.repeat(20_000)));
        annotate(&format!("fever{}", close.repeat(20_000)));
        annotate(&format!("{open}fever{close} ").repeat(10_000));
    }
}

#[test]
fn nul_and_control_characters_do_not_hide_mentions() {
    for text in ["chest\0pain", "fe\0ver", "pneu\u{1}monia", "chest \u{7}pain", "\u{1B}fever\u{1B}", "\0\0cough\0"] {
        let note = annotate(text);
        assert_eq!(note.annotations.len(), 1, "{text:?}");
    }
    assert_eq!(found(&annotate("chest\0pain")), [("chest\0pain", Presence::Present)]);
    assert_eq!(found(&annotate("No fe\0ver.")), [("fe\0ver", Presence::Absent)]);
    let every: String = (0..32).chain(0x7F..0xA0).filter_map(char::from_u32).collect();
    annotate(&format!("Fever{every}cough{every}"));
}

#[test]
fn emoji_and_combining_marks() {
    assert_eq!(
        found(&annotate("🤒 fever 🤒, no 👩🏽‍⚕️ cough")),
        [("fever", Presence::Present), ("cough", Presence::Absent)]
    );
    // The same word composed, decomposed, and with invisible characters in it.
    for word in ["fever", "fe\u{301}ver", "féver", "fe\u{AD}ver", "fe\u{200B}ver"] {
        let text = format!("The patient reports {word}.");
        assert_eq!(found(&annotate(&text)), [(word, Presence::Present)], "{word:?}");
    }
    annotate(&"e\u{301}\u{302}\u{303}".repeat(30_000));
    annotate(&format!("fever{}", "\u{301}".repeat(100_000)));
    annotate(&"👩🏽‍⚕️🏳️‍🌈".repeat(5_000));
    annotate("\u{202E}revef on\u{202C} İSTANBUL ﬁbrosis ß ẞ ǅ \u{10FFFF}");
}

#[test]
fn all_capital_text() {
    let note = annotate("HISTORY: PATIENT DENIES CHEST PAIN. REPORTS FEVER AND COUGH. PNEUMONIA IS POSSIBLE.");
    let expected = [
        ("CHEST PAIN", Presence::Absent),
        ("FEVER", Presence::Present),
        ("COUGH", Presence::Present),
        ("PNEUMONIA", Presence::Possible),
    ];
    assert_eq!(found(&note), expected);
    annotate(&"PATIENT DENIES CHEST PAIN ".repeat(4_000));
}

#[test]
fn many_headings() {
    annotate(&"HISTORY:\n".repeat(10_000));
    annotate(&"Assessment: ".repeat(10_000));
    annotate(&"A: B: C:\n1) 2) - * ".repeat(5_000));
}

#[test]
fn repeated_odd_fragments() {
    for fragment in FRAGMENTS {
        annotate(&fragment.repeat(3_000));
        annotate(&format!("{fragment} ").repeat(3_000));
    }
}

#[test]
fn public_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<(Pipeline, Resources, Lexicon, TableSource, Concept<'static>)>();
    check::<(Note, NoteMeta, Document, Section, SectionKind, Sentence, Span, Token, TokenKind)>();
    check::<(AnnotatedNote, Annotation, Mention, MentionSource, MentionType)>();
    check::<(Assertion, Evidence, Presence, Temporality, Experiencer)>();
    check::<(Config, PartialConfig, OutputFormat, Existing, Counts, Progress, RunReport, Error)>();
}

#[test]
fn a_shared_pipeline_gives_the_same_from_every_thread() {
    let text = "Denies chest pain; fièvre 🤒, possible pneumonia. Mother had breast cancer.";
    let expected = annotate(text).annotations;
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| assert!((0..50).all(|_| annotate(text).annotations == expected)));
        }
    });
}

/// What notes are made of, and what they are not.
const FRAGMENTS: [&str; 64] = [
    "fever",
    "chest pain",
    "No ",
    "denies",
    "no evidence of ",
    "history of ",
    "possible ",
    "?",
    "pneumonia",
    "asthma",
    "s.o.b.",
    "CHF",
    "w/o ",
    "r/o ",
    "h/o ",
    "mother ",
    "family history: ",
    "if ",
    "return if ",
    "but ",
    ", ",
    ". ",
    "; ",
    ":",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    " ",
    "  ",
    "-",
    "- ",
    "* ",
    "1. ",
    "2) ",
    "(",
    ")",
    "[",
    "]",
    "[** name **]",
    "[**2101-1-1**]",
    "___",
    "XXXX",
    "Assessment:",
    "HPI:\n",
    "ROS: ",
    "Dr. ",
    "5.5",
    "1,000",
    "38.5 C",
    "\"",
    "'s",
    "\0",
    "\u{301}",
    "é",
    "🤒",
    "\u{200B}",
    "\u{FEFF}",
    "\u{2028}",
    "’",
    "–",
    "left ",
    "severe ",
    "diabetes mellitus type 2",
];

/// Texts made of clinical fragments and odd characters.
fn clinical() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(&FRAGMENTS[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        annotate(&text);
    }

    #[test]
    fn any_characters(characters in prop::collection::vec(any::<char>(), 0..200)) {
        annotate(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn clinical_fragments(text in clinical()) {
        annotate(&text);
    }

    #[test]
    fn concatenated_notes(left in clinical(), right in clinical(), glue in prop::sample::select(&["", " ", "\n", "\n\n"][..])) {
        annotate(&format!("{left}{glue}{right}"));
        annotate(&format!("{left}{glue}{left}{glue}{left}"));
    }

    #[test]
    fn spans_of_any_range(text in any::<String>(), start in 0_usize..40, end in 0_usize..40) {
        let span = Span::new(&text, start..end);
        let valid = start <= end && text.is_char_boundary(start) && text.is_char_boundary(end);
        prop_assert_eq!(span.is_some(), valid);
        prop_assert_eq!(span.map(|span| span.of(&text)), text.get(start..end));
    }
}

#[test]
fn debug_of_every_result_is_possible() {
    fn shown(value: &impl Debug) -> usize {
        format!("{value:?}").len()
    }
    let note = annotate("Denies chest\0pain 🤒.");
    assert!(shown(&note) > 0 && shown(&note.annotations) > 0 && shown(&*PIPELINE) > 0);
}
