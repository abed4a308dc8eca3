//! A small reader of HTML pages, for pages that must be well formed: every tag closed, every attribute quoted, every sign
//! escaped.

/// The text of a page outside its style sheet, with references resolved.
///
/// # Panics
/// Where the page is not well formed.
pub fn text_of(page: &str) -> String {
    let mut text = String::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a page begins with its type");
    while let Some(at) = rest.find('<') {
        let raw = &rest[..at];
        if open.last().is_some_and(|tag| tag == "style") {
            assert!(!raw.contains("</"), "a style sheet holds no tag");
        } else {
            text.push_str(&resolved(raw));
        }
        let end = tag_end(&rest[at..]) + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "tags are closed in order"),
            None => {
                let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
                assert!(!name.is_empty(), "a tag has a name: {tag:?}");
                check_attributes(&tag[name.len()..]);
                if !["meta", "br"].contains(&name.as_str()) {
                    open.push(name);
                }
            }
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    assert!(rest.trim().is_empty(), "text after the page");
    text
}

/// The place of the sign that ends a tag, quoted signs passed over.
fn tag_end(tag: &str) -> usize {
    let mut is_quoted = false;
    for (at, character) in tag.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return at,
            _ => {}
        }
    }
    panic!("a tag is not ended")
}

fn check_attributes(attributes: &str) {
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").expect("attributes are quoted");
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(name.chars().all(is_name), "the name of an attribute: {name:?}");
        assert!(!name.starts_with("on"), "an attribute runs a script: {name:?}");
        let (value, after) = value.split_once('"').expect("the value of an attribute is ended");
        assert!(!value.contains('<'), "an attribute holds a tag");
        resolved(value);
        rest = after.trim_start();
    }
}

/// A text with its references resolved.
fn resolved(raw: &str) -> String {
    let mut text = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        let end = rest[at..].find(';').expect("a reference is ended") + at;
        text.push(match &rest[at..=end] {
            "&amp;" => '&',
            "&lt;" => '<',
            "&gt;" => '>',
            "&quot;" => '"',
            "&#x27;" => '\'',
            "&#x2f;" => '/',
            other => panic!("unknown reference {other}"),
        });
        rest = &rest[end + 1..];
    }
    assert!(!rest.contains('>'), "a sign that is not escaped");
    text + rest
}
