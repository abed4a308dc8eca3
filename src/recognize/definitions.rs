//! Abbreviations that a note defines: `chronic kidney disease (CKD)`.
//!
//! The long form is found by the letters of the short one, from its end (Schwartz and Hearst 2003). The short form then names
//! the long one's concept in the whole note, and no problem where the long form names none: `physical examination (PE)`.

use rustc_hash::FxHashMap;

use crate::Span;
use crate::document::{Document, Sentence};
use crate::mention::{ConceptIndex, Mention};
use crate::token::{Token, TokenKind};

/// Short forms of a note, and the concepts that they name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definitions {
    /// By the key of the short form, with its spelling as a span of the note.
    by_key: FxHashMap<u64, (Span, Option<ConceptIndex>)>,
}

/// Bytes of a short form.
const SHORT: std::ops::RangeInclusive<usize> = 2..=10;

impl Definitions {
    /// The definitions of a note, by the mentions of the lexicon in it, sorted by span. The first of a short form counts.
    pub fn find(document: &Document, mentions: &[Mention]) -> Definitions {
        let mut definitions = Definitions::default();
        let text = document.text();
        if memchr::memchr(b'(', text.as_bytes()).is_none() {
            return definitions;
        }
        for sentence in document.sentences() {
            let tokens = document.tokens_of(sentence);
            for (at, window) in tokens.windows(3).enumerate() {
                let [open, short, close] = window else { continue };
                if !(open.is(text, '(') && close.is(text, ')') && is_short_form(text, short)) {
                    continue;
                }
                let Some(long) = long_form(text, &tokens[..at], short) else { continue };
                let place = mentions.partition_point(|mention| mention.span.end() < long.end());
                let concept = match mentions.get(place).filter(|mention| mention.span.start() < long.end()) {
                    Some(mention) if mention.span.end() == long.end() && mention.span.start() <= long.start() => {
                        mention.concept
                    }
                    // A part of the long form names less than it.
                    Some(_) => continue,
                    None => None,
                };
                definitions.by_key.entry(short.key).or_insert((short.span, concept));
            }
        }
        definitions
    }

    /// Whether the note defines none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// What a token names by a definition: outer `None` where it is no short form of the note.
    pub fn of(&self, text: &str, token: &Token) -> Option<Option<ConceptIndex>> {
        let (span, concept) = self.by_key.get(&token.key).or_else(|| self.by_key.get(&token.stem))?;
        let (written, short) = (token.span.of(text), span.of(text));
        (written == short || written.strip_suffix('s') == Some(short)).then_some(*concept)
    }

    /// Makes the mentions of a sentence agree with the definitions: `make` gives the mention of a short form that the
    /// lexicon did not find.
    pub fn apply(
        &self,
        document: &Document,
        sentence: &Sentence,
        mentions: &mut Vec<Mention>,
        make: impl Fn(Span, ConceptIndex) -> Mention,
    ) {
        let text = document.text();
        for token in document.tokens_of(sentence).iter().filter(|token| token.kind == TokenKind::Word) {
            let Some(concept) = self.of(text, token) else { continue };
            let place = mentions.partition_point(|mention| mention.span.end() <= token.span.start());
            let found = mentions.get_mut(place).filter(|mention| mention.span.start() < token.span.end());
            match (found, concept) {
                // Only where the short form is the head: not in `COPD exacerbation`.
                (Some(mention), _) if mention.span.end() != token.span.end() => {}
                (Some(mention), Some(concept)) if mention.concept != Some(concept) => {
                    *mention = Mention { span: mention.span, ..make(token.span, concept) };
                }
                (Some(_), Some(_)) | (None, None) => {}
                (Some(_), None) => {
                    mentions.remove(place);
                }
                (None, Some(concept)) => mentions.insert(place, make(token.span, concept)),
            }
        }
    }
}

/// A word that begins with a letter or digit and holds a capital.
fn is_short_form(text: &str, token: &Token) -> bool {
    let word = token.span.of(text);
    token.kind == TokenKind::Word && SHORT.contains(&word.len()) && word.chars().any(char::is_uppercase)
}

/// The shortest run of words at the end of `before` that holds the letters of a short form in order, the first of them at the
/// start of a word.
fn long_form(text: &str, before: &[Token], short: &Token) -> Option<Span> {
    let letters: Vec<char> = short.span.of(text).chars().filter(|c| c.is_alphanumeric()).collect();
    let most_words = (letters.len() + 5).min(letters.len() * 2);
    let end = before.last()?.span.end();
    let mut left = letters.as_slice();
    let mut n_words = 0;
    for token in before.iter().rev() {
        n_words += usize::from(token.is_wordlike());
        if n_words > most_words || token.kind == TokenKind::Punctuation && !token.is_hyphen() {
            return None;
        }
        let word: Vec<char> = token.span.of(text).chars().collect();
        for (place, character) in word.iter().enumerate().rev() {
            let Some((letter, earlier)) = left.split_last() else { break };
            if letter.eq_ignore_ascii_case(character) && (!earlier.is_empty() || place == 0) {
                left = earlier;
                if earlier.is_empty() {
                    // One word is not the long form of itself.
                    let is_longer = end - token.span.start() > short.span.len();
                    return is_longer.then(|| Span::between(token.span.start(), end));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokenize;

    #[test]
    fn long_forms() {
        let check = |text: &str, expected: Option<&str>| {
            let tokens = tokenize(text, |_| false);
            let open = tokens.iter().position(|token| token.is(text, '(')).unwrap();
            let found = long_form(text, &tokens[..open], &tokens[open + 1]).map(|span| span.of(text));
            assert_eq!(found, expected, "{text}");
        };
        check("History of chronic kidney disease (CKD)", Some("chronic kidney disease"));
        check("for congestive heart failure (CHF)", Some("congestive heart failure"));
        check("the physical exam (PE)", Some("physical exam"));
        check("non-small-cell lung cancer (NSCLC)", Some("non-small-cell lung cancer"));
        check("acute hypertension (today)", None);
        check("fever, cough (RSV)", None);
        check("(CKD)", None);
    }
}
