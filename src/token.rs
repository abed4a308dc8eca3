//! Tokens: words, numbers, punctuation and masks, with a key by which words are compared.
//!
//! A key is the 64-bit XXH3 hash of the folded word: lower case, accents and invisible characters removed, possessive
//! `'s` dropped, dotted abbreviations joined (`s.o.b.` -> `sob`). Folding never moves an offset. Two different words
//! share a key with probability 2^-64; nothing here depends on that not happening except the match itself. A second key,
//! the stem, is that of the word without a plural ending.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use xxhash_rust::xxh3::xxh3_64;

use crate::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Letters, possibly with digits, inner apostrophes, or the dots of an abbreviation.
    Word,
    /// Digits, possibly with inner decimal points or thousands commas.
    Number,
    /// One other character that is not white space.
    Punctuation,
    /// A de-identification mask: `[** **]`, `___`, `XXXX`, `**NAME[AAA]`.
    Mask,
}

/// The white space before a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// None: the token touches the one before.
    None,
    /// White space within the line.
    Space,
    /// One line break, or the start of the text.
    Line,
    /// Two or more line breaks.
    Blank,
}

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its place.
    pub span: Span,
    /// The hash of its folded form.
    pub key: u64,
    /// The hash of its folded form with a plural ending removed.
    pub stem: u64,
    /// What it is.
    pub kind: TokenKind,
    /// The white space before it.
    pub before: Gap,
}

impl Token {
    /// Whether it is the given punctuation character.
    pub fn is(&self, text: &str, character: char) -> bool {
        if self.kind != TokenKind::Punctuation {
            return false;
        }
        // Asked many times a token, and nearly always of ASCII.
        match text.as_bytes().get(self.span.start()) {
            Some(&byte) if byte.is_ascii() && byte != b'`' => char::from(byte) == character,
            _ => self.span.of(text).chars().next().map(fold_punctuation) == Some(character),
        }
    }

    /// Whether the token is a word or a number.
    pub fn is_wordlike(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Number)
    }

    /// Whether the token is a hyphen.
    pub(crate) fn is_hyphen(&self) -> bool {
        self.kind == TokenKind::Punctuation && self.key == xxh3_64(b"-")
    }

    /// Whether it is a full stop.
    pub(crate) fn is_full_stop(&self) -> bool {
        self.kind == TokenKind::Punctuation && self.key == xxh3_64(b".")
    }
}

/// The key of a word that is written as one token.
pub fn word_key(word: &str) -> u64 {
    let mut folded = String::new();
    fold_into(word, &mut folded);
    xxh3_64(folded.as_bytes())
}

/// Cuts a text into tokens.
///
/// `known` tells whether a key belongs to any table: a control character within a word is skipped where the joined word
/// is known, and separates two words where it is not.
pub fn tokenize(text: &str, known: impl Fn(u64) -> bool) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 5 + 4);
    let mut scratch = String::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut line_breaks = 1;
    let mut spaced = false;
    while at < bytes.len() {
        let byte = bytes[at];
        let class = CLASSES[byte as usize];
        match class {
            Class::Newline => {
                line_breaks += 1;
                at += if byte == b'\r' && bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
                continue;
            }
            Class::Space | Class::Control => {
                spaced = true;
                at += 1;
                continue;
            }
            Class::High => {
                let character = char_at(text, at);
                if character.is_whitespace() || is_invisible(character) || is_combining_mark(character) {
                    if matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}') {
                        line_breaks += 1;
                    }
                    spaced = true;
                    at += character.len_utf8();
                    continue;
                }
            }
            _ => {}
        }
        let before = match (line_breaks, spaced) {
            (0, false) => Gap::None,
            (0, true) => Gap::Space,
            (1, _) => Gap::Line,
            _ => Gap::Blank,
        };
        (line_breaks, spaced) = (0, false);
        let start = at;
        let found = next_token(text, start, class, &mut scratch, &known);
        let Keys { key, stem } = found.keys;
        tokens.push(Token { span: Span::between(start, found.end), key, stem, kind: found.kind, before });
        at = found.end;
    }
    tokens
}

/// A token without the white space before it.
struct Found {
    end: usize,
    kind: TokenKind,
    keys: Keys,
}

/// The hashes of a folded word, as it is and without a plural ending.
#[derive(Clone, Copy)]
struct Keys {
    key: u64,
    stem: u64,
}

impl Keys {
    fn of(folded: &[u8]) -> Keys {
        let key = xxh3_64(folded);
        let stem = match stem(folded) {
            None => key,
            Some((stem, b"")) => xxh3_64(stem),
            Some((stem, ending)) => xxh3_64(&[stem, ending].concat()),
        };
        Keys { key, stem }
    }

    const MASK: Keys = Keys { key: MASK_KEY, stem: MASK_KEY };
}

/// The token that starts at `start`, which is neither white space nor invisible.
fn next_token(text: &str, start: usize, class: Class, scratch: &mut String, known: &impl Fn(u64) -> bool) -> Found {
    if class == Class::Mark
        && let Some(end) = mask_end(text, start)
    {
        return Found { end, kind: TokenKind::Mask, keys: Keys::MASK };
    }
    let alphanumeric = match class {
        Class::Letter | Class::Digit => true,
        Class::High => char_at(text, start).is_alphanumeric(),
        _ => false,
    };
    if !alphanumeric {
        let character = char_at(text, start);
        let mut end = start + character.len_utf8();
        if !character.is_ascii() {
            end = skip_marks(text, end);
        }
        let mut buffer = [0; 4];
        let key = xxh3_64(fold_punctuation(character).encode_utf8(&mut buffer).as_bytes());
        return Found { end, kind: TokenKind::Punctuation, keys: Keys { key, stem: key } };
    }
    let bytes = text.as_bytes();
    let plain_end = start + bytes[start..].iter().take_while(|&&byte| CLASSES[byte as usize].is_plain()).count();
    let ends = bytes.get(plain_end).is_none_or(|&byte| CLASSES[byte as usize].ends_plain());
    if ends && plain_end > start {
        // The common case: letters and digits up to white space or a mark that stands in no word.
        let slice = &text[start..plain_end];
        let number = bytes[start].is_ascii_digit() && slice.bytes().all(|byte| byte.is_ascii_digit());
        if slice.len() >= 3 && bytes[start] == b'X' && slice.bytes().all(|byte| byte == b'X') {
            return Found { end: plain_end, kind: TokenKind::Mask, keys: Keys::MASK };
        }
        let kind = if number { TokenKind::Number } else { TokenKind::Word };
        return Found { end: plain_end, kind, keys: plain_keys(slice) };
    }
    let word = scan_word(text, start);
    let slice = &text[start..word.end];
    let kind = if word.number { TokenKind::Number } else { TokenKind::Word };
    if word.plain {
        if word.all_x && slice.len() >= 3 {
            return Found { end: word.end, kind: TokenKind::Mask, keys: Keys::MASK };
        }
        return Found { end: word.end, kind, keys: plain_keys(slice) };
    }
    fold_into(slice, scratch);
    let keys = Keys::of(scratch.as_bytes());
    match word.first_control {
        Some(end) if !known(keys.key) && !known(keys.stem) => {
            let head = &text[start..end];
            fold_into(head, scratch);
            let number = head.bytes().all(|b| b.is_ascii_digit());
            let kind = if number { TokenKind::Number } else { TokenKind::Word };
            Found { end, kind, keys: Keys::of(scratch.as_bytes()) }
        }
        _ => Found { end: word.end, kind, keys },
    }
}

/// A word without its plural ending, as a stem and an ending; `None` where it has none.
///
/// Singular and plural of a noun come to the same: `nodules` and `nodule`, `biopsies` and `biopsy`, `rashes` and `rash`,
/// `headaches` and `headache` (`headach`), `metastases` and `metastasis` (`metastase`). The result need not be a word.
fn stem(word: &[u8]) -> Option<(&[u8], &'static [u8])> {
    let may_end = matches!(word.last(), Some(b's' | b'e'));
    if !may_end || word.len() < 4 || !word.iter().all(u8::is_ascii_lowercase) {
        return None;
    }
    if let Some(stem) = word.strip_suffix(b"che") {
        return Some((stem, b"ch"));
    }
    let singular = word.strip_suffix(b"s")?;
    if let Some(stem) = word.strip_suffix(b"sis") {
        return Some((stem, b"se"));
    }
    if singular.ends_with(b"s") || singular.ends_with(b"u") || singular.ends_with(b"i") {
        return None;
    }
    if let Some(stem) = word.strip_suffix(b"ies").filter(|stem| stem.len() >= 2) {
        return Some((stem, b"y"));
    }
    for ending in [&b"ches"[..], b"shes", b"sses", b"xes"] {
        if word.ends_with(ending) {
            return Some((&word[..word.len() - 2], b""));
        }
    }
    Some((singular, b""))
}

/// What the scan of a word found.
struct Word {
    end: usize,
    /// Only ASCII letters and digits: folding is lower-casing.
    plain: bool,
    number: bool,
    all_x: bool,
    /// Where a control character stands inside.
    first_control: Option<usize>,
}

fn scan_word(text: &str, start: usize) -> Word {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut plain = true;
    let mut number = true;
    let mut all_x = true;
    let mut first_control = None;
    // Letters since the last dot of a dotted abbreviation; `None` once the word cannot be one.
    let mut dotted_run = Some(0usize);
    while at < bytes.len() {
        match CLASSES[bytes[at] as usize] {
            Class::Letter => {
                number = false;
                all_x &= bytes[at] == b'X';
                dotted_run = dotted_run.map(|run| run + 1);
                at += 1;
            }
            Class::Digit => {
                all_x = false;
                dotted_run = None;
                at += 1;
            }
            Class::Dot if number && next_is_digit(bytes, at) => {
                plain = false;
                at += 1;
            }
            Class::Dot if dotted_run == Some(1) && is_single_letter(bytes, at + 1) => {
                plain = false;
                dotted_run = Some(0);
                at += 1;
            }
            Class::Comma if number && is_thousands(bytes, at) => {
                plain = false;
                at += 4;
            }
            Class::Apostrophe if !number && next_is_letter(bytes, at + 1) => {
                plain = false;
                dotted_run = None;
                at += 1;
            }
            Class::Control => {
                let next = skip_invisible(text, at);
                // Long runs are no words, and looking for their end from each of their letters would cost their square.
                if at - start > MAX_JOINED || !starts_word(text, next) {
                    break;
                }
                plain = false;
                first_control.get_or_insert(at);
                at = next;
            }
            Class::High => {
                let character = char_at(text, at);
                let after = at + character.len_utf8();
                if character == '\u{2019}' {
                    if number || !next_is_letter(bytes, after) {
                        break;
                    }
                } else if is_invisible(character) {
                    if !starts_word(text, skip_invisible(text, after)) {
                        break;
                    }
                } else if character.is_alphanumeric() {
                    number = false;
                } else if !is_combining_mark(character) {
                    break;
                }
                plain = false;
                all_x = false;
                dotted_run = None;
                at = after;
            }
            _ => break,
        }
    }
    Word { end: at, plain, number, all_x, first_control }
}

/// The keys of a word of ASCII letters and digits.
fn plain_keys(word: &str) -> Keys {
    let mut buffer = [0u8; 32];
    if let Some(lower) = buffer.get_mut(..word.len()) {
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Keys::of(lower)
    } else {
        Keys::of(word.to_ascii_lowercase().as_bytes())
    }
}

/// Folds a word: see the module's first lines.
pub(crate) fn fold_into(word: &str, folded: &mut String) {
    folded.clear();
    if word.is_ascii() {
        folded.extend(word.chars().filter(|c| !c.is_control()).map(|c| c.to_ascii_lowercase()));
    } else {
        let visible = word.chars().filter(|&c| !is_invisible(c) && !c.is_control());
        let lower = visible.flat_map(char::to_lowercase).nfkd().filter(|&c| !is_combining_mark(c));
        folded.extend(lower.map(|c| if c == '\u{2019}' { '\'' } else { c }));
    }
    if folded.starts_with(|c: char| c.is_ascii_digit()) {
        folded.retain(|c| c != ',');
    } else if folded.contains('.') {
        folded.retain(|c| c != '.');
    }
    if let Some(stem) = folded.strip_suffix("'s") {
        folded.truncate(stem.len());
    }
}

/// Dashes, quotes and bullets in one spelling each.
fn fold_punctuation(character: char) -> char {
    match character {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' | '`' => '\'',
        '\u{201C}' | '\u{201D}' => '"',
        '\u{2022}' | '\u{00B7}' | '\u{25AA}' | '\u{25CF}' | '\u{25E6}' | '\u{25A0}' | '\u{2023}' => '\u{2022}',
        other => other,
    }
}

/// Longest word, in bytes, that a control character may stand in.
const MAX_JOINED: usize = 64;

const MASK_KEY: u64 = 1;
const MASK_LIMIT: usize = 200;

/// The end of a mask that starts with `[`, `_` or `*`.
fn mask_end(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    let bytes = rest.as_bytes();
    let window = &bytes[..bytes.len().min(MASK_LIMIT)];
    if window.starts_with(b"[**") {
        let line = window.split(|&b| b == b'\n').next().unwrap_or(window);
        return memchr::memmem::find(line, b"**]").map(|at| start + at + 3);
    }
    if window.starts_with(b"__") {
        let length = bytes.iter().take_while(|&&b| b == b'_').count();
        return Some(start + length);
    }
    if window.starts_with(b"**") {
        let letters = window[2..].iter().take_while(|b| b.is_ascii_uppercase() || **b == b'-').count();
        if letters >= 2 && window.get(2 + letters) == Some(&b'[') {
            return memchr::memchr(b']', window).map(|at| start + at + 1);
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Dot,
    Comma,
    Apostrophe,
    /// A character that may open a mask.
    Mark,
    Other,
    Space,
    Newline,
    Control,
    High,
}

impl Class {
    /// Whether it stands in every word.
    fn is_plain(self) -> bool {
        matches!(self, Class::Letter | Class::Digit)
    }

    /// Whether a word of letters and digits certainly ends before it.
    fn ends_plain(self) -> bool {
        matches!(self, Class::Space | Class::Newline | Class::Other | Class::Mark)
    }
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'.' => Class::Dot,
            b',' => Class::Comma,
            b'\'' => Class::Apostrophe,
            b'[' | b'_' | b'*' => Class::Mark,
            b' ' | b'\t' => Class::Space,
            b'\n' | b'\r' | 0x0B | 0x0C => Class::Newline,
            0..=0x1F | 0x7F => Class::Control,
            0x80..=0xFF => Class::High,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

fn char_at(text: &str, at: usize) -> char {
    text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ')
}

/// Characters without width that never separate words: soft hyphen, zero-width spaces and joiners, byte order mark.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
        || ('\u{80}'..='\u{9F}').contains(&character)
}

fn skip_invisible(text: &str, mut at: usize) -> usize {
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let control = character.is_ascii() && CLASSES[character as usize] == Class::Control;
        if !control && !is_invisible(character) && !is_combining_mark(character) {
            break;
        }
        at += character.len_utf8();
    }
    at
}

/// Marks and joiners that belong to the (non-ASCII) character before them.
fn skip_marks(text: &str, mut at: usize) -> usize {
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if character.is_ascii() || !(is_combining_mark(character) || is_invisible(character)) {
            break;
        }
        at += character.len_utf8();
    }
    at
}

fn starts_word(text: &str, at: usize) -> bool {
    text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric)
}

fn next_is_digit(bytes: &[u8], at: usize) -> bool {
    bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
}

fn next_is_letter(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_alphabetic)
}

/// Whether a single letter stands at `at`, as between the dots of an abbreviation.
fn is_single_letter(bytes: &[u8], at: usize) -> bool {
    next_is_letter(bytes, at) && !bytes.get(at + 1).is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80)
}

/// Whether a comma at `at` groups thousands: exactly three digits follow.
fn is_thousands(bytes: &[u8], at: usize) -> bool {
    let digits = bytes.get(at + 1..).unwrap_or(&[]).iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    digits == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let tokens = tokenize(text, |key| key == word_key("fever"));
        let found: Vec<&str> = tokens.iter().map(|token| token.span.of(text)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn cuts_words_numbers_and_punctuation() {
        check("BP 120/80, T 38.6.", &["BP", "120", "/", "80", ",", "T", "38.6", "."]);
        check("c/o s.o.b. x3d", &["c", "/", "o", "s.o.b", ".", "x3d"]);
        check("Crohn's can't 'x'", &["Crohn's", "can't", "'", "x", "'"]);
        check("WBC 12,000,1.  Pain", &["WBC", "12,000", ",", "1", ".", "Pain"]);
        check("pain.Patient", &["pain", ".", "Patient"]);
    }

    #[test]
    fn masks_are_one_token() {
        check(
            "seen [**2101-5-12**] by **NAME[AAA BBB], XXXX ___ ok",
            &["seen", "[**2101-5-12**]", "by", "**NAME[AAA BBB]", ",", "XXXX", "___", "ok"],
        );
    }

    #[test]
    fn control_characters_join_known_words_and_part_others() {
        check("fe\0ver chest\0pain", &["fe\0ver", "chest", "pain"]);
        check("fe\u{AD}ver \0 x\0", &["fe\u{AD}ver", "x"]);
    }

    #[test]
    fn combining_marks_stay_with_their_letter() {
        check("cafe\u{301} \u{1F600}\u{FE0F} no", &["cafe\u{301}", "\u{1F600}\u{FE0F}", "no"]);
    }

    #[test]
    fn stems_equate_singular_and_plural() {
        let stem_of = |word: &str| tokenize(word, |_| false)[0].stem;
        for (singular, plural) in [
            ("nodule", "nodules"),
            ("biopsy", "biopsies"),
            ("rash", "rashes"),
            ("headache", "headaches"),
            ("patch", "patches"),
            ("metastasis", "metastases"),
            ("abscess", "abscesses"),
            ("DVT", "DVTs"),
        ] {
            assert_eq!(stem_of(singular), stem_of(plural), "{singular}");
        }
        for (word, other) in [("this", "thi"), ("pus", "pu"), ("mass", "mas"), ("has", "ha"), ("arthritis", "arthriti")]
        {
            assert_ne!(stem_of(word), stem_of(other), "{word}");
        }
    }

    #[test]
    fn folding_equates_spellings() {
        for (left, right) in
            [("Fever", "fever"), ("Sjögren's", "sjogren"), ("s.o.b", "SOB"), ("don’t", "don't"), ("12,000", "12000")]
        {
            assert_eq!(word_key(left), word_key(right), "{left} {right}");
        }
        let texts = ["s.o.b.", "SOB"];
        let keys: Vec<u64> = texts.iter().map(|text| tokenize(text, |_| false)[0].key).collect();
        assert_eq!(keys[0], keys[1]);
    }
}
