//! Labels of a token classifier: which mention type each stands for, and the best sequence of them.

use crate::mention::MentionType;

/// What a label says of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// No mention.
    Outside,
    /// The first token of a mention.
    Begin(MentionType),
    /// A further token of a mention.
    Inside(MentionType),
}

/// Names by which labels of common schemes are known, besides those of the types themselves.
const ALIASES: [(&str, MentionType); 12] = [
    ("sign_symptom", MentionType::Symptom),
    ("sign", MentionType::Finding),
    ("problem", MentionType::Diagnosis),
    ("disease", MentionType::Diagnosis),
    ("disorder", MentionType::Diagnosis),
    ("disease_disorder", MentionType::Diagnosis),
    ("condition", MentionType::Diagnosis),
    ("medical_condition", MentionType::Diagnosis),
    ("disease_or_syndrome", MentionType::Diagnosis),
    ("symptoms", MentionType::Symptom),
    ("findings", MentionType::Finding),
    ("diagnoses", MentionType::Diagnosis),
];

/// Reads the names of a classifier's labels: `O`, and `B-TYPE` or `I-TYPE`, or `TYPE` alone. `map` gives types for names
/// that are not known; an empty one leaves that label out.
///
/// # Errors
/// A label that maps to nothing, or no label that maps to a type.
pub(super) fn parse(names: &[String], map: &[(String, Option<MentionType>)]) -> Result<Vec<Label>, String> {
    let mut labels = Vec::with_capacity(names.len());
    for name in names {
        let (prefix, scheme) = match name.split_once('-') {
            Some((prefix @ ("B" | "I" | "L" | "U" | "E" | "S"), scheme)) => (prefix, scheme),
            _ => ("", name.as_str()),
        };
        if name == "O" {
            labels.push(Label::Outside);
            continue;
        }
        let mapped = map.iter().find(|(known, _)| known == scheme || known == name).map(|&(_, kind)| kind);
        let lower = scheme.to_ascii_lowercase();
        let known = || {
            let own = MentionType::from_name(&lower);
            own.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == lower).map(|&(_, kind)| kind))
        };
        labels.push(match (mapped.or_else(|| known().map(Some)), prefix) {
            (Some(None), _) => Label::Outside,
            (Some(Some(kind)), "B" | "U" | "S") => Label::Begin(kind),
            (Some(Some(kind)), _) => Label::Inside(kind),
            (None, _) => {
                let remedy =
                    "add it to \"label_map\" in config.json, as in {\"PROBLEM\": \"diagnosis\", \"TEST\": null}";
                return Err(format!("label {name:?} stands for no symptom, finding or diagnosis; {remedy}"));
            }
        });
    }
    if !labels.iter().any(|label| *label != Label::Outside) {
        return Err("no label stands for a symptom, finding or diagnosis".into());
    }
    Ok(labels)
}

/// `label_map` of `config.json`: label names to mention types, or to null for labels to leave out.
///
/// # Errors
/// Anything else.
pub(super) fn label_map(config: &str) -> Result<Vec<(String, Option<MentionType>)>, String> {
    let config: serde_json::Value = serde_json::from_str(config).map_err(|error| format!("config.json: {error}"))?;
    let Some(map) = config.get("label_map").and_then(serde_json::Value::as_object) else { return Ok(Vec::new()) };
    map.iter()
        .map(|(label, kind)| match kind {
            serde_json::Value::Null => Ok((label.clone(), None)),
            kind => {
                let found = kind.as_str().and_then(MentionType::from_name);
                let problem =
                    || format!("config.json: label_map: {label:?}: expected symptom, finding, diagnosis or null");
                found.map(|kind| (label.clone(), Some(kind))).ok_or_else(problem)
            }
        })
        .collect()
}

/// A mention as a range over tokens, with the mean probability of its labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub start: usize,
    pub end: usize,
    pub kind: MentionType,
    pub score: f32,
}

/// The mentions of the likeliest label sequence, in which a mention goes on only as its own type (Viterbi 1967).
///
/// `scores` holds a row of one score a label for each token. Where the scheme has no `B-` labels, a mention may begin with
/// an inside label.
pub(super) fn decode(labels: &[Label], scores: &[f32]) -> Vec<Found> {
    let n_labels = labels.len();
    let rows: Vec<Vec<f32>> = scores.chunks_exact(n_labels).map(log_softmax).collect();
    let has_begin = |kind: MentionType| labels.contains(&Label::Begin(kind));
    let may_follow = |before: Option<Label>, label: Label| match label {
        Label::Inside(kind) if has_begin(kind) => {
            matches!(before, Some(Label::Begin(other) | Label::Inside(other)) if other == kind)
        }
        _ => true,
    };
    let Some(first) = rows.first() else { return Vec::new() };
    let never = f32::NEG_INFINITY;
    let start = first.iter().zip(labels).map(|(&score, &label)| if may_follow(None, label) { score } else { never });
    let mut best: Vec<f32> = start.collect();
    let mut chosen: Vec<Vec<usize>> = Vec::with_capacity(rows.len());
    for row in rows.iter().skip(1) {
        let mut next = vec![never; n_labels];
        let mut from = vec![0; n_labels];
        for (index, (&label, &score)) in labels.iter().zip(row).enumerate() {
            for (previous, (&before, &so_far)) in labels.iter().zip(&best).enumerate() {
                if may_follow(Some(before), label) && so_far + score > next[index] {
                    next[index] = so_far + score;
                    from[index] = previous;
                }
            }
        }
        best = next;
        chosen.push(from);
    }
    // Of equal scores the first label wins, so that the choice does not depend on anything else.
    let last = best.iter().enumerate().fold(0, |last, (index, &score)| if score > best[last] { index } else { last });
    let mut path = vec![last];
    for from in chosen.iter().rev() {
        path.push(from[path[path.len() - 1]]);
    }
    path.reverse();
    collect(labels, &rows, &path)
}

fn collect(labels: &[Label], rows: &[Vec<f32>], path: &[usize]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut open = false;
    for (token, (&label, row)) in path.iter().zip(rows).enumerate() {
        let probability = row[label].exp();
        let kind = match labels[label] {
            Label::Outside => {
                open = false;
                continue;
            }
            Label::Begin(kind) => {
                open = false;
                kind
            }
            Label::Inside(kind) => kind,
        };
        match found.last_mut().filter(|last| open && last.kind == kind) {
            Some(last) => {
                last.end = token + 1;
                last.score += probability;
            }
            None => found.push(Found { start: token, end: token + 1, kind, score: probability }),
        }
        open = true;
    }
    for mention in &mut found {
        mention.score /= (mention.end - mention.start) as f32;
    }
    found
}

/// The probability that a token with these scores is part of a mention.
pub(super) fn inside(labels: &[Label], scores: &[f32]) -> f32 {
    let row = log_softmax(scores);
    let outside = labels.iter().zip(row).filter(|(label, _)| **label == Label::Outside);
    1.0 - outside.map(|(_, score)| score.exp()).sum::<f32>()
}

/// The probability that a score stands for.
pub(super) fn sigmoid(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

fn log_softmax(row: &[f32]) -> Vec<f32> {
    let largest = row.iter().copied().fold(f32::MIN, f32::max);
    let total: f32 = row.iter().map(|score| (score - largest).exp()).sum();
    row.iter().map(|score| score - largest - total.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &str) -> Vec<String> {
        names.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn reads_common_schemes() {
        let labels = parse(&names("O B-symptom I-symptom B-DISEASE"), &[]).unwrap();
        use MentionType::{Diagnosis, Symptom};
        assert_eq!(labels, [Label::Outside, Label::Begin(Symptom), Label::Inside(Symptom), Label::Begin(Diagnosis)]);
        let map = [("treatment".to_owned(), None)];
        assert_eq!(parse(&names("O I-problem I-treatment"), &map).unwrap()[2], Label::Outside);
        assert!(parse(&names("O B-PER"), &[]).unwrap_err().contains("\"B-PER\""));
        assert!(parse(&names("O"), &[]).unwrap_err().contains("no label stands"));
    }

    #[test]
    fn decodes_the_best_valid_sequence() {
        let labels = parse(&names("O B-symptom I-symptom B-finding I-finding"), &[]).unwrap();
        let row = |best: usize| (0..5).map(|label| if label == best { 4.0 } else { 0.0 }).collect::<Vec<f32>>();
        let decoded = |path: &[usize]| {
            let scores: Vec<f32> = path.iter().flat_map(|&best| row(best)).collect();
            decode(&labels, &scores).iter().map(|found| (found.start, found.end, found.kind)).collect::<Vec<_>>()
        };
        use MentionType::{Finding, Symptom};
        assert_eq!(decoded(&[0, 1, 2, 0, 3]), [(1, 3, Symptom), (4, 5, Finding)]);
        assert_eq!(decoded(&[1, 1, 2]), [(0, 1, Symptom), (1, 3, Symptom)]);
        // An inside label without its beginning is none.
        assert_eq!(decoded(&[2, 0, 0]), []);
        assert_eq!(decoded(&[]), []);
    }
}
