//! Headings: which words open a section, and where.
//!
//! A heading is a spelling of the table at a line start (after bullets), followed by a colon, a spaced dash or the end of
//! the line; an unmistakable one also counts without, or after a full stop. Capitals that end in a colon open a section
//! of kind `other` where no spelling fits.

use rustc_hash::FxHashMap;

use super::lines::{Lines, bullet_length, is_capitalised};
use crate::document::{SectionKind, View};
use crate::lexicon::trie::{Compared, PhraseTrie};
use crate::lexicon::{TableSource, table};
use crate::token::{Gap, Token, TokenKind};
use crate::{Error, Result, Span};

/// Most tokens that a heading in capitals takes.
const MAX_HEADING_TOKENS: usize = 9;

/// Letters from which on a heading in capitals counts in the middle of a line, whatever stands before it.
const MIN_INNER_LETTERS: usize = 8;

/// A row of the table of section kinds.
#[derive(Clone, Debug)]
pub(super) struct KindRow {
    /// Normalised name.
    pub kind: String,
    /// LOINC code.
    pub loinc: Option<String>,
    /// Who tells.
    pub view: View,
}

/// A heading found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heading {
    /// First token, bullets included.
    pub first_token: usize,
    /// One past the last token, colon included.
    pub end_token: usize,
    /// The heading's words.
    pub span: Span,
    /// The kind of section it opens; `None` where it is a sub-heading that stays in its section.
    pub kind: Option<SectionKind>,
    /// Whether the heading's words are read as a sentence too, since they may name a problem.
    pub is_sentence: bool,
}

/// The headings that the tables know.
#[derive(Clone, Debug)]
pub(super) struct Headings {
    kinds: Vec<KindRow>,
    spellings: Vec<Spelling>,
    trie: PhraseTrie,
    other: SectionKind,
}

#[derive(Clone, Copy, Debug)]
struct Spelling {
    kind: Option<SectionKind>,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Needs a colon, a dash or a line of its own.
    Colon,
    /// Also counts when text follows on the same line.
    Inline,
}

impl Headings {
    pub fn parse(kinds: &TableSource, headings: &TableSource) -> Result<Headings> {
        let mut rows = Vec::new();
        let mut by_name = FxHashMap::default();
        for row in table::rows(&kinds.name, &kinds.text, ["kind", "name", "loinc", "view", "source"])? {
            let [kind, _name, loinc, view, _source] = row.cells;
            let view = match view {
                "told" => View::Told,
                "examined" => View::Examined,
                "" => View::Either,
                _ => {
                    let problem = format!("view: expected told, examined or -, found {view:?}");
                    return Err(Error::table(&kinds.name, row.line, problem));
                }
            };
            by_name.insert(kind, SectionKind(rows.len() as u16));
            rows.push(KindRow { kind: kind.to_owned(), loinc: (!loinc.is_empty()).then(|| loinc.to_owned()), view });
        }
        let &other = by_name
            .get("other")
            .ok_or_else(|| Error::table(&kinds.name, 1, "expected a row of kind \"other\", found none"))?;
        let mut spellings = Vec::new();
        let mut trie = PhraseTrie::new(Compared::Words);
        for row in table::rows(&headings.name, &headings.text, ["header", "kind", "mode", "source"])? {
            let [header, kind, mode, _source] = row.cells;
            let problem = |problem: String| Error::table(&headings.name, row.line, problem);
            let kind = match (kind, by_name.get(kind)) {
                ("inherit", _) => None,
                (_, Some(&kind)) => Some(kind),
                (_, None) => return Err(problem(format!("kind {kind:?} is not in {}", kinds.name))),
            };
            let mode = match mode {
                "colon" => Mode::Colon,
                "inline" => Mode::Inline,
                _ => return Err(problem(format!("mode: expected colon or inline, found {mode:?}"))),
            };
            if !header.chars().any(char::is_alphanumeric) {
                return Err(problem("header holds no word".into()));
            }
            trie.insert_text(header, spellings.len() as u32);
            spellings.push(Spelling { kind, mode });
        }
        Ok(Headings { kinds: rows, spellings, trie, other })
    }

    pub fn kind(&self, kind: SectionKind) -> Option<&KindRow> {
        self.kinds.get(kind.0 as usize)
    }

    pub fn kind_named(&self, name: &str) -> Option<SectionKind> {
        self.kinds.iter().position(|row| row.kind == name).map(|index| SectionKind(index as u16))
    }

    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.trie.keys()
    }

    /// The headings of a text, in order, none overlapping another.
    pub fn find(&self, text: &str, tokens: &[Token], lines: &Lines) -> Vec<Heading> {
        let mut found: Vec<Heading> = Vec::new();
        let mut index = 0;
        while index < tokens.len() {
            let heading = if lines.starts_at(index) {
                self.at_line_start(text, tokens, lines, index)
            } else {
                self.within_line(text, tokens, index)
            };
            match heading {
                Some(heading) => {
                    index = heading.end_token;
                    found.push(heading);
                }
                None => index += 1,
            }
        }
        found
    }

    fn at_line_start(&self, text: &str, tokens: &[Token], lines: &Lines, index: usize) -> Option<Heading> {
        let bullet = bullet_length(text, tokens, index);
        let first = index + bullet;
        let words = tokens.get(first..)?;
        let known = self.trie.longest(words, |used, value| {
            let spelling = &self.spellings[value as usize];
            let style = Style::of(text, &words[..used]);
            match self.ending(text, tokens, lines, first + used) {
                Ending::Colon(_) => true,
                Ending::Dash(_) => style != Style::Lower,
                Ending::LineEnd => style != Style::Lower && bullet == 0,
                Ending::Text => {
                    spelling.mode == Mode::Inline
                        && bullet == 0
                        && (style == Style::Capitals && !next_is_capitals(text, tokens, first + used)
                            || style == Style::Title && next_is_capitalised(text, tokens, first + used))
                }
            }
        });
        if let Some((used, value)) = known {
            let end_token = match self.ending(text, tokens, lines, first + used) {
                Ending::Colon(end) | Ending::Dash(end) => end,
                Ending::LineEnd | Ending::Text => first + used,
            };
            let span = words[0].span.cover(words[used - 1].span);
            let kind = self.spellings[value as usize].kind;
            return Some(Heading { first_token: index, end_token, span, kind, is_sentence: false });
        }
        if bullet > 0 { None } else { self.in_capitals(text, tokens, lines, first) }
    }

    /// A heading after the end of a sentence on the same line: `... distress. VITAL SIGNS: ...`.
    fn within_line(&self, text: &str, tokens: &[Token], index: usize) -> Option<Heading> {
        let token = tokens.get(index)?;
        if token.kind != TokenKind::Word || !is_capitalised(text, token.span) {
            return None;
        }
        let previous = tokens.get(index.checked_sub(1)?)?;
        let strict = previous.is(text, ',') || previous.is(text, ';');
        let ended = previous.is(text, '.') || previous.is(text, ':') || previous.is(text, ')');
        let words = &tokens[index..];
        let (used, value) = self.trie.longest(words, |used, _| {
            let colon = tokens.get(index + used).is_some_and(|next| next.is(text, ':'));
            let capitals = || Style::of(text, &words[..used]) == Style::Capitals;
            let letters = || words[..used].iter().map(|word| word.span.len()).sum::<usize>();
            colon && (ended || capitals() && (strict || letters() >= MIN_INNER_LETTERS))
        })?;
        let span = words[0].span.cover(words[used - 1].span);
        let kind = self.spellings[value as usize].kind;
        Some(Heading { first_token: index, end_token: index + used + 1, span, kind, is_sentence: false })
    }

    /// Words in capitals up to a colon: the section of a spelling among them, else `other`.
    fn in_capitals(&self, text: &str, tokens: &[Token], lines: &Lines, first: usize) -> Option<Heading> {
        let mut end = first;
        let mut letters = 0;
        loop {
            let token = tokens.get(end)?;
            if token.is(text, ':') {
                break;
            }
            let capitals = !token.span.of(text).chars().any(char::is_lowercase);
            let inside = end == first || !lines.starts_at(end);
            if !capitals || !inside || end - first >= MAX_HEADING_TOKENS || token.is(text, '.') {
                return None;
            }
            letters += if token.kind == TokenKind::Word { token.span.len() } else { 0 };
            end += 1;
        }
        // A number after the colon is a measurement: `BLOOD PRESSURE: 120/80`.
        let measured = tokens.get(end + 1).is_some_and(|next| next.kind == TokenKind::Number);
        if letters < 4 || measured || !tokens.get(first)?.is_wordlike() {
            return None;
        }
        let known = (first..end).find_map(|at| {
            let (_, value) = self.trie.longest(&tokens[at..end], |used, value| {
                self.spellings[value as usize].kind.is_some() && (used > 1 || tokens[at].span.len() > 3)
            })?;
            self.spellings[value as usize].kind
        });
        let span = tokens[first].span.cover(tokens[end - 1].span);
        let kind = Some(known.unwrap_or(self.other));
        Some(Heading { first_token: first, end_token: end + 1, span, kind, is_sentence: known.is_none() })
    }

    fn ending(&self, text: &str, tokens: &[Token], lines: &Lines, end: usize) -> Ending {
        let Some(next) = tokens.get(end) else { return Ending::LineEnd };
        if next.is(text, ':') {
            // Doubled colons, and the end of emphasis in Markdown, are one ending.
            let doubled = |after: &&Token| after.before == Gap::None && (after.is(text, ':') || after.is(text, '*'));
            let n_more = tokens.get(end + 1..).unwrap_or(&[]).iter().take_while(doubled).count();
            return Ending::Colon(end + 1 + n_more);
        }
        if lines.starts_at(end) {
            return Ending::LineEnd;
        }
        if lines.run_together && next.is(text, ',') && lines.starts_at(end + 1) {
            return Ending::Colon(end + 1);
        }
        if next.is(text, '(')
            && let Some(close) = (end..tokens.len().min(end + 9)).find(|&at| tokens[at].is(text, ')'))
            && tokens.get(close + 1).is_some_and(|after| after.is(text, ':'))
        {
            return Ending::Colon(close + 2);
        }
        let spaced = tokens.get(end + 1).is_some_and(|after| after.before != Gap::None);
        if next.is(text, '-') && next.before == Gap::Space && spaced {
            return Ending::Dash(end + 1);
        }
        Ending::Text
    }
}

/// What follows the words of a heading.
enum Ending {
    /// A colon; the token after it.
    Colon(usize),
    /// A dash with spaces; the token after it.
    Dash(usize),
    /// The end of the line.
    LineEnd,
    /// More text.
    Text,
}

/// How the words of a heading are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Capitals,
    Title,
    Lower,
}

impl Style {
    fn of(text: &str, words: &[Token]) -> Style {
        let [first, .., last] = words else {
            return words.first().map_or(Style::Lower, |word| Style::of_str(word.span.of(text)));
        };
        Style::of_str(first.span.cover(last.span).of(text))
    }

    fn of_str(words: &str) -> Style {
        if !words.chars().any(char::is_lowercase) {
            Style::Capitals
        } else if words.chars().next().is_some_and(char::is_uppercase) {
            Style::Title
        } else {
            Style::Lower
        }
    }
}

fn next_is_capitalised(text: &str, tokens: &[Token], index: usize) -> bool {
    tokens.get(index).is_some_and(|next| next.kind == TokenKind::Word && is_capitalised(text, next.span))
}

fn next_is_capitals(text: &str, tokens: &[Token], index: usize) -> bool {
    tokens.get(index).is_some_and(|next| next.span.len() > 1 && Style::of_str(next.span.of(text)) == Style::Capitals)
}
