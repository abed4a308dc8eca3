//! Each stage alone and the sequence as a whole, in bytes per second, on the sample notes.
//!
//! `cargo bench --bench stages`

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use noteward::{Document, Mention, Note, Pipeline, tokenize};

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

criterion_group!(benches, stages);
criterion_main!(benches);
