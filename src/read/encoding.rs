//! Encodings: text that is not UTF-8 is read as Windows-1252, byte by byte where valid UTF-8 stands beside it. UTF-16 is known
//! by its byte order mark, or by its zeros.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use crate::note::TextEncoding;

/// Decodes the bytes of a text; every byte string has a reading.
pub(crate) fn decode(bytes: Vec<u8>) -> (String, TextEncoding) {
    if simdutf8::basic::from_utf8(&bytes).is_ok() {
        let text = String::from_utf8(bytes).unwrap_or_default();
        return (text, TextEncoding::Utf8);
    }
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    let mut valid_multibyte = false;
    let mut in_c1 = false;
    for chunk in bytes.utf8_chunks() {
        valid_multibyte |= !chunk.valid().is_ascii();
        text.push_str(chunk.valid());
        let invalid = chunk.invalid();
        in_c1 |= invalid.iter().any(|byte| (0x80..=0x9F).contains(byte));
        let (decoded, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(invalid);
        text.push_str(&decoded);
    }
    let encoding = match (valid_multibyte, in_c1) {
        (true, _) => TextEncoding::Mixed,
        (false, true) => TextEncoding::Windows1252,
        (false, false) => TextEncoding::Latin1,
    };
    (text, encoding)
}

/// The byte order of a file of UTF-16, by its first bytes; `None` for any other encoding.
///
/// Without a mark, letters of ASCII (such as those that name columns) have a zero beside them, always on the same side. In
/// other encodings a text holds no zeros, or here and there one.
pub(super) fn utf16(head: &[u8]) -> Option<&'static Encoding> {
    match head {
        [0xFF, 0xFE, ..] => return Some(UTF_16LE),
        [0xFE, 0xFF, ..] => return Some(UTF_16BE),
        _ => {}
    }
    let units = head.chunks_exact(2);
    let n_units = units.len();
    let (mut zeros_first, mut zeros_second) = (0, 0);
    for unit in units {
        zeros_first += usize::from(unit.first() == Some(&0));
        zeros_second += usize::from(unit.last() == Some(&0));
    }
    let are_high_bytes = |zeros: usize, others: usize| n_units > 1 && zeros * 4 >= n_units && others * 8 <= zeros;
    if are_high_bytes(zeros_second, zeros_first) {
        Some(UTF_16LE)
    } else if are_high_bytes(zeros_first, zeros_second) {
        Some(UTF_16BE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_utf16_without_a_mark_by_its_zeros() {
        let check = |bytes: &[u8], expected| assert_eq!(utf16(bytes), expected, "{bytes:?}");
        let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        for text in ["note_id,text\n1,fièvre", "ok", "note_id,text\n1,жалобы на боль", "Ā ā fever of unknown origin"]
        {
            check(&little(text), Some(UTF_16LE));
            check(&big(text), Some(UTF_16BE));
            check(text.as_bytes(), None);
        }
        check(&little("\u{feff}発熱"), Some(UTF_16LE));
        check(b"fever\0\0\0\0\0\0\0\0\0", None);
        check(b"a note with\0one zero", None);
        check(b"", None);
        check(&[0; 64], None);
    }

    #[test]
    fn reads_every_byte() {
        let check = |bytes: &[u8], expected: &str, encoding| {
            assert_eq!(decode(bytes.to_vec()), (expected.to_owned(), encoding));
        };
        check("fièvre".as_bytes(), "fièvre", TextEncoding::Utf8);
        check(b"fi\xE8vre", "fièvre", TextEncoding::Latin1);
        check(b"\x93no\x94 \x96 fi\xE8vre", "“no” – fièvre", TextEncoding::Windows1252);
        check(
            "é \u{2019}x\u{2019} ".bytes().chain([0xE9]).collect::<Vec<_>>().as_slice(),
            "é ’x’ é",
            TextEncoding::Mixed,
        );
    }
}
