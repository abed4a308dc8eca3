//! What a network reads besides words: token types that say what the lexicon found, and which section a sentence stands in.

use rustc_hash::FxHashMap;

use crate::Span;
use crate::document::SectionKind;
use crate::mention::MentionType;

/// Meanings of token types. Type 0 says nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Inputs {
    /// Token types of the first and of further pieces of a lexicon mention, for each mention type.
    lexicon: Option<[(u16, u16); 3]>,
    sections: FxHashMap<SectionKind, u16>,
}

impl Inputs {
    /// Reads the names of token types: `none`, `lexicon:B-TYPE`, `lexicon:I-TYPE`, and `section:KIND`. No names: a network
    /// that reads words alone. A section kind that is not known here never occurs, and is left out.
    ///
    /// # Errors
    /// Any other name.
    pub fn parse(names: &[String], section_kind: impl Fn(&str) -> Option<SectionKind>) -> Result<Inputs, String> {
        let mut inputs = Inputs::default();
        for (name, index) in names.iter().zip(0u16..) {
            let unknown = || {
                let expected = "none, lexicon:B-TYPE, lexicon:I-TYPE or section:KIND";
                format!("config.json: noteward_inputs: expected {expected}, found {name:?}")
            };
            match name.split_once(':') {
                None if name == "none" => {}
                Some(("section", kind)) => {
                    if let Some(kind) = section_kind(kind) {
                        inputs.sections.insert(kind, index);
                    }
                }
                Some(("lexicon", label)) => {
                    let (prefix, kind) = label.split_once('-').ok_or_else(unknown)?;
                    let kind = MentionType::from_name(kind).ok_or_else(unknown)?;
                    let pair = &mut inputs.lexicon.get_or_insert_default()[kind as usize];
                    match prefix {
                        "B" => pair.0 = index,
                        "I" => pair.1 = index,
                        _ => return Err(unknown()),
                    }
                }
                _ => return Err(unknown()),
            }
        }
        Ok(inputs)
    }

    /// Whether the lexicon's mentions are read.
    pub fn reads_lexicon(&self) -> bool {
        self.lexicon.is_some()
    }

    /// The token type of a section.
    pub fn section(&self, kind: SectionKind) -> u16 {
        self.sections.get(&kind).copied().unwrap_or(0)
    }
}

/// The token type of each word piece: `offsets` are the pieces' places, `marks` the lexicon's mentions, both in order.
pub(super) fn mark(inputs: &Inputs, offsets: &[(usize, usize)], marks: &[(Span, MentionType)]) -> Vec<u16> {
    let Some(lexicon) = &inputs.lexicon else { return vec![0; offsets.len()] };
    let mut marks = marks.iter().peekable();
    offsets
        .iter()
        .map(|&(start, end)| {
            while marks.next_if(|(span, _)| span.end() <= start).is_some() {}
            match marks.peek() {
                Some((span, kind)) if span.start() < end => {
                    let (begin, inside) = lexicon[*kind as usize];
                    if start <= span.start() { begin } else { inside }
                }
                _ => 0,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &str) -> Vec<String> {
        names.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn marks_pieces_by_the_lexicon() {
        let sections = |name: &str| (name == "plan").then_some(SectionKind(4));
        let given = names("none lexicon:B-symptom lexicon:I-symptom lexicon:B-finding section:plan section:other");
        let inputs = Inputs::parse(&given, sections).unwrap();
        assert_eq!((inputs.section(SectionKind(4)), inputs.section(SectionKind(5))), (4, 0));
        let marks = [(Span::between(3, 9), MentionType::Symptom), (Span::between(10, 12), MentionType::Finding)];
        let offsets = [(0, 2), (3, 5), (5, 9), (10, 12), (13, 15)];
        assert_eq!(mark(&inputs, &offsets, &marks), [0, 1, 2, 3, 0]);
        assert_eq!(mark(&Inputs::default(), &offsets, &marks), [0; 5]);
        for wrong in ["lexicon:B-drug", "lexicon:X-symptom", "words"] {
            assert!(Inputs::parse(&names(wrong), sections).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
