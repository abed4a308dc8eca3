//! Spans: half-open byte ranges into a note's text.

use std::ops::Range;

/// Half-open byte range into a note's text; the only offset unit inside the crate.
///
/// Writers convert to code points; nothing else does.
///
/// ```
/// use noteward::Span;
/// let text = "no fièvre";
/// let span = Span::new(text, 3..10).unwrap();
/// assert_eq!(span.of(text), "fièvre");
/// assert_eq!(Span::new(text, 3..6), None); // inside the two bytes of è
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// A span of `text`; `None` unless both ends lie on character boundaries of it.
    pub fn new(text: &str, range: Range<usize>) -> Option<Span> {
        text.get(range.clone())?;
        Some(Span { start: range.start.try_into().ok()?, end: range.end.try_into().ok()? })
    }

    /// A span whose ends the caller took from tokens of the same text.
    pub(crate) fn between(start: usize, end: usize) -> Span {
        debug_assert!(start <= end && end <= u32::MAX as usize);
        Span { start: start as u32, end: end as u32 }
    }

    /// First byte.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// One past the last byte.
    pub fn end(self) -> usize {
        self.end as usize
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether the span holds no byte.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The characters under the span, empty where the span does not fit `text`.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start()..self.end()).unwrap_or("")
    }

    /// Whether the two share a byte.
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The span as seen from a text that begins `bytes` before this one's.
    pub(crate) fn shifted(self, bytes: usize) -> Span {
        Span { start: self.start + bytes as u32, end: self.end + bytes as u32 }
    }

    /// The span as seen from a text that begins `bytes` into this one's.
    pub(crate) fn shifted_back(self, bytes: usize) -> Span {
        Span { start: self.start.saturating_sub(bytes as u32), end: self.end.saturating_sub(bytes as u32) }
    }

    /// The smallest span that holds both.
    pub fn cover(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}
