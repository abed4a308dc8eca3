//! Each stage alone and the sequence as a whole, in bytes per second, on the sample notes; and a score, in patient-moments.
//!
//! `cargo bench --bench stages`

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use noteward::{Document, InputKind, InputValue, Mention, Note, Outcome, Pipeline, Score, tokenize};

/// The texts of the sample notes.
fn texts() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/notes.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let column = reader.headers().unwrap().iter().position(|header| header == "text").unwrap();
    reader.records().map(|record| record.unwrap()[column].to_owned()).collect()
}

fn stages(criterion: &mut Criterion) {
    let texts = texts();
    let pipeline = Pipeline::without_model();
    let n_bytes: usize = texts.iter().map(String::len).sum();
    let mut group = criterion.benchmark_group("notes");
    group.throughput(Throughput::Bytes(n_bytes as u64));

    group.bench_function("tokenize", |bencher| {
        bencher.iter(|| texts.iter().map(|text| tokenize(black_box(text), |_| false).len()).sum::<usize>());
    });
    group.bench_function("segment", |bencher| {
        bencher.iter(|| {
            let documents = texts.iter().map(|text| pipeline.segment(Note::new("", black_box(text).as_str())));
            documents.map(|document| document.sentences().len()).sum::<usize>()
        });
    });
    group.bench_function("annotate", |bencher| {
        bencher.iter(|| {
            let notes = texts.iter().map(|text| pipeline.annotate(Note::new("", black_box(text).as_str())));
            notes.map(|note| note.annotations.len()).sum::<usize>()
        });
    });
    group.finish();

    let annotated: Vec<(Document, Vec<Mention>)> = texts
        .iter()
        .map(|text| {
            let note = pipeline.annotate(Note::new("", text.as_str()));
            (note.document, note.annotations.iter().map(|annotation| annotation.mention).collect())
        })
        .collect();
    let n_mentions: usize = annotated.iter().map(|(_, mentions)| mentions.len()).sum();
    let mut group = criterion.benchmark_group("mentions");
    group.throughput(Throughput::Elements(n_mentions as u64));
    group.bench_function("assert", |bencher| {
        bencher.iter(|| {
            let asserted = annotated.iter().map(|(document, mentions)| pipeline.assert(document, mentions));
            asserted.map(|assertions| black_box(assertions).len()).sum::<usize>()
        });
    });
    group.finish();
}

/// NEWS2 over patient-moments of which each lacks some inputs.
fn scores(criterion: &mut Criterion) {
    let scores = Score::embedded().unwrap();
    let news2 = scores.iter().find(|score| score.id == "news2").unwrap();
    let values = [16.0, 97.0, 0.0, 0.0, 118.0, 84.0, 0.0, 37.4];
    let moments: Vec<Vec<InputValue>> = (0..1000usize)
        .map(|moment| {
            let state = |index: usize| match news2.inputs()[index].kind {
                _ if (moment + index).is_multiple_of(3) => InputValue::Unknown,
                InputKind::YesNo => InputValue::Known(moment.is_multiple_of(7)),
                _ => InputValue::Number { low: values[index], high: values[index] },
            };
            (0..values.len()).map(state).collect()
        })
        .collect();
    let mut group = criterion.benchmark_group("scores");
    group.throughput(Throughput::Elements(moments.len() as u64));
    group.bench_function("news2", |bencher| {
        let mut outcome = Outcome::default();
        bencher.iter(|| {
            let mut n_decided = 0;
            for moment in &moments {
                news2.evaluate_into(black_box(moment), &mut outcome);
                n_decided += usize::from(outcome.decided);
            }
            n_decided
        });
    });
    group.finish();
}

criterion_group!(benches, stages, scores);
criterion_main!(benches);
