//! The words around a term.

use crate::past_run::Row;

/// The longest snippet, in characters.
const LONGEST: usize = 250;

/// The words around a row's span, whole ones where they fit, with single blanks between them; `None` where the span is not
/// in the text.
pub(super) fn snippet(text: &str, row: &Row) -> Option<String> {
    let byte = |column: &str| row.number(column).and_then(|byte| usize::try_from(byte).ok());
    around(text, byte("start_byte")?, byte("end_byte")?)
}

fn around(text: &str, start: usize, end: usize) -> Option<String> {
    let (before, words, after) = (text.get(..start)?, text.get(start..end)?, text.get(end..)?);
    let room = LONGEST.saturating_sub(words.chars().count()) / 2;
    let before = match before.char_indices().rev().nth(room) {
        None => before,
        // The first word is whole only where the cut fell on white space.
        Some((cut, character)) => {
            let kept = before.get(cut + character.len_utf8()..).unwrap_or_default();
            let whole = if character.is_whitespace() { Some(0) } else { kept.find(char::is_whitespace) };
            whole.and_then(|whole| kept.get(whole..)).unwrap_or_default()
        }
    };
    let after = match after.char_indices().nth(room) {
        None => after,
        Some((cut, character)) => {
            let kept = after.get(..cut).unwrap_or_default();
            let whole = if character.is_whitespace() { Some(cut) } else { kept.rfind(char::is_whitespace) };
            whole.and_then(|whole| kept.get(..whole)).unwrap_or_default()
        }
    };
    let joined = format!("{before}{words}{after}").replace('\0', "\u{FFFD}");
    let joined = joined.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(joined.chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_note_is_its_own_snippet() {
        assert_eq!(around("HPI:\n  No  fever.", 11, 16).as_deref(), Some("HPI: No fever."));
        assert_eq!(around("fever", 0, 5).as_deref(), Some("fever"));
        assert_eq!(around("fièvre", 0, 3), None);
        assert_eq!(around("fever", 3, 9), None);
    }

    #[test]
    fn words_are_whole_and_the_length_is_bounded() {
        let text = format!("{} fièvre {}", "avant ".repeat(60), "après ".repeat(60));
        let start = text.find("fièvre").unwrap();
        let snippet = around(&text, start, start + "fièvre".len()).unwrap();
        assert!(snippet.chars().count() <= LONGEST && snippet.chars().count() > 200, "{snippet}");
        let is_whole = |word: &str| ["avant", "fièvre", "après"].contains(&word);
        assert!(snippet.split(' ').all(is_whole), "{snippet}");
        let long = "x".repeat(400);
        assert_eq!(around(&long, 10, 390).unwrap().len(), LONGEST);
    }
}
