//! Cases as data: files of one case a line, with inline marks.
//!
//! Empty lines and lines that start with `#` say nothing. `\n`, `\t` and `\\` stand for the line break, the tab and the
//! backslash. Malformed marks and files without cases are refused, so that no case passes by saying nothing.

use std::fs;
use std::ops::Range;
use std::path::Path;

/// A line of a case file.
pub struct Case {
    /// File and line, for messages.
    pub place: String,
    /// The text without its marks.
    pub text: String,
    /// The marked parts, in order: place in the text, and label.
    pub marks: Vec<(Range<usize>, String)>,
}

/// Reads every case under `tests/cases/STAGE`; marks are `OPEN text|label CLOSE`.
pub fn cases(stage: &str, open: char, close: char) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(stage);
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("the folder of cases exists").map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let before = all.len();
        for (index, line) in text.lines().enumerate() {
            if !line.is_empty() && !line.starts_with('#') {
                let place =
                    format!("{}:{}", file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display(), index + 1);
                all.push(case(place, line, open, close));
            }
        }
        assert!(all.len() >= before + 5, "{}: fewer than five cases", file.display());
    }
    assert!(!all.is_empty(), "no case under {}", folder.display());
    all
}

/// Reads one line with marks.
pub fn case(place: String, line: &str, open: char, close: char) -> Case {
    let mut text = String::new();
    let mut marks = Vec::new();
    let mut opened: Option<usize> = None;
    let mut label: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (&mut label, opened) {
            (Some(words), Some(start)) if character == close => {
                marks.push((start..text.len(), std::mem::take(words)));
                (label, opened) = (None, None);
            }
            (Some(words), _) => words.push(character),
            (None, Some(_)) if character == '|' => label = Some(String::new()),
            (None, None) if character == open => opened = Some(text.len()),
            (None, opened) => {
                assert!(character != open && (character != close || opened.is_none()), "{place}: malformed mark");
                match character {
                    '\\' => text.push(match characters.next() {
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some('0') => '\0',
                        Some('\\') => '\\',
                        other => panic!("{place}: unknown escape {other:?}"),
                    }),
                    character => text.push(character),
                }
            }
        }
    }
    assert!(opened.is_none() && label.is_none(), "{place}: a mark is not closed");
    Case { place, text, marks }
}
