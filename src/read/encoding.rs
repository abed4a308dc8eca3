//! Encodings: text that is not UTF-8 is read as Windows-1252, byte by byte where valid UTF-8 stands beside it.

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

#[cfg(test)]
mod tests {
    use super::*;

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
