//! Byte offsets as code points.

/// Bytes between two counted places.
const STEP: usize = 256;

/// Turns byte offsets of a text into code-point offsets, each in constant time.
pub(crate) struct CodePoints<'a> {
    text: &'a str,
    /// Code points before every [`STEP`]th byte; empty for ASCII, where both are the same.
    counts: Vec<u32>,
    total: u32,
}

impl<'a> CodePoints<'a> {
    pub fn of(text: &'a str) -> CodePoints<'a> {
        if text.is_ascii() {
            return CodePoints { text, counts: Vec::new(), total: text.len() as u32 };
        }
        let mut counts = Vec::with_capacity(text.len() / STEP + 1);
        let mut total = 0;
        for chunk in text.as_bytes().chunks(STEP) {
            counts.push(total);
            total += count(chunk);
        }
        CodePoints { text, counts, total }
    }

    /// Code points of the whole text.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The code points before a byte offset that lies on a character boundary.
    pub fn before(&self, byte: usize) -> u32 {
        match self.counts.get(byte / STEP) {
            None if self.counts.is_empty() => byte as u32,
            None => self.total,
            Some(&counted) => {
                let start = byte / STEP * STEP;
                counted + count(self.text.as_bytes().get(start..byte).unwrap_or(&[]))
            }
        }
    }
}

/// Bytes that start a code point.
fn count(bytes: &[u8]) -> u32 {
    bytes.iter().map(|&byte| u32::from((byte as i8) >= -0x40)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_counting_characters(text in "[aé€\u{1F600}]{0,400}") {
            let points = CodePoints::of(&text);
            prop_assert_eq!(points.total() as usize, text.chars().count());
            for (index, (byte, _)) in text.char_indices().enumerate() {
                prop_assert_eq!(points.before(byte) as usize, index);
            }
            prop_assert_eq!(points.before(text.len()), points.total());
        }
    }
}
