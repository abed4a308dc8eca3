//! One reading for each mention, where the model and the lexicon both found something.
//!
//! The model's span and type stand; a lexicon mention that overlaps it gives it its concept, and the mention is of both. A
//! lexicon mention that the model did not see stands by itself where it is kept. So no two mentions overlap.

use crate::mention::{Mention, MentionSource};

/// Merges the mentions of one sentence; both lists are sorted by span and free of overlaps, and so is the result. `keeps`
/// tells which mentions of the lexicon alone stand.
pub(crate) fn merge(model: &[Mention], lexicon: &[Mention], keeps: impl Fn(&Mention) -> bool) -> Vec<Mention> {
    let mut merged: Vec<Mention> = Vec::with_capacity(model.len() + lexicon.len());
    let mut waiting = lexicon.iter().peekable();
    let mut previous_end = 0;
    for mention in model {
        while let Some(alone) = waiting.next_if(|other| other.span.end() <= mention.span.start()) {
            merged.extend((alone.span.start() >= previous_end && keeps(alone)).then_some(*alone));
        }
        let mut mention = *mention;
        let mut widest = 0;
        while let Some(other) = waiting.peek().filter(|other| other.span.start() < mention.span.end()) {
            let shared = other.span.end().min(mention.span.end()) - other.span.start().max(mention.span.start());
            // Of equally wide ones the last: the head of an English noun phrase stands at its end.
            if other.span.start() >= previous_end && shared >= widest {
                widest = shared;
                mention.concept = other.concept;
                mention.link = other.link;
                mention.source = MentionSource::Both;
            }
            if other.span.end() > mention.span.end() {
                break;
            }
            waiting.next();
        }
        previous_end = mention.span.end();
        merged.push(mention);
    }
    merged.extend(waiting.filter(|alone| alone.span.start() >= previous_end && keeps(alone)));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;
    use crate::mention::{ConceptIndex, MentionType};

    fn mention(start: usize, end: usize, concept: Option<u32>) -> Mention {
        let source = if concept.is_some() { MentionSource::Lexicon } else { MentionSource::Model };
        Mention {
            span: Span::between(start, end),
            kind: MentionType::Finding,
            source,
            score: None,
            sentence: 0,
            concept: concept.map(ConceptIndex),
            link: None,
        }
    }

    #[test]
    fn keeps_the_span_of_the_model_and_the_concept_of_the_lexicon() {
        let check = |model: &[(usize, usize)], lexicon: &[(usize, usize)], expected: &[(usize, usize, Option<u32>)]| {
            let model: Vec<Mention> = model.iter().map(|&(start, end)| mention(start, end, None)).collect();
            let lexicon: Vec<Mention> =
                lexicon.iter().zip(0..).map(|(&(start, end), concept)| mention(start, end, Some(concept))).collect();
            let merged = merge(&model, &lexicon, |_| true);
            let found: Vec<_> = merged.iter().map(|m| (m.span.start(), m.span.end(), m.concept.map(|c| c.0))).collect();
            assert_eq!(found, expected);
        };
        check(&[(0, 5)], &[(0, 5)], &[(0, 5, Some(0))]);
        check(&[(0, 9)], &[(0, 3), (4, 9)], &[(0, 9, Some(1))]);
        check(&[(4, 9)], &[(0, 3), (10, 12)], &[(0, 3, Some(0)), (4, 9, None), (10, 12, Some(1))]);
        check(&[(0, 3), (4, 9)], &[(0, 9)], &[(0, 3, Some(0)), (4, 9, None)]);
        check(&[], &[(0, 1)], &[(0, 1, Some(0))]);
    }
}
