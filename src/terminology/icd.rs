//! ICD-10-CM: the tabular list (XML) and the order file (`icd10cm_order_YEAR.txt`).
//!
//! In a title, what stands in brackets is there or not there without changing the code, so a title is a form without its
//! brackets too. Inclusion terms are forms of their code.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::collect::{Collector, Provenance, SourceClass, SourceConcept};
use super::forms::without_brackets;
use super::lines::{self, Lines};
use super::systems::{Codes, dotted};
use crate::lexicon::compile::Rank;
use crate::{Error, Result};

/// The name of the classification in the tables.
const ICD10CM: &str = "ICD10CM";

/// Reads an order file: number, code, whether it may be billed, short and long title, in fixed columns.
pub(super) fn read_order(path: &Path, collector: &mut Collector<'_>) -> Result<()> {
    let mut lines = Lines::open(path)?;
    while let Some((number, line)) = lines.next(|line, problem| collector.malformed(line, problem))? {
        if line.trim().is_empty() {
            continue;
        }
        match order_row(line) {
            Some((code, title)) => {
                category(number, &code, title, collector);
            }
            None => collector.malformed(number, "an order line: expected a number, a code, 0 or 1, and two titles"),
        }
    }
    Ok(())
}

/// The dotted code and the long title of a line of an order file.
pub(super) fn order_row(line: &str) -> Option<(String, &str)> {
    let is_number = line.get(..5)?.bytes().all(|byte| byte.is_ascii_digit());
    let code = dotted(line.get(6..13)?.trim())?;
    let title = line.get(77..)?.trim();
    let is_row = is_number && matches!(line.get(14..15)?, "0" | "1") && !title.is_empty();
    is_row.then_some((code, title))
}

/// Adds a code with its title; gives the concept's index.
fn category(line: u64, code: &str, title: &str, collector: &mut Collector<'_>) -> Option<u32> {
    if !collector.keeps(Provenance { vocabulary: ICD10CM, language: None, is_suppressed: false }) {
        return None;
    }
    let mut codes = Codes::default();
    collector.tables().systems.add(ICD10CM, code, &mut codes);
    let beginnings: Vec<&str> = (1..=code.len()).rev().filter_map(|length| code.get(..length)).collect();
    let class = SourceClass::Of(ICD10CM, &beginnings);
    let id = format!("{ICD10CM}:{code}");
    let index = collector.concept(&SourceConcept { id: &id, name: title, class, codes: &codes })?;
    titles(line, index, &id, title, Rank::Name, collector);
    Some(index)
}

fn titles(line: u64, index: u32, id: &str, title: &str, rank: Rank, collector: &mut Collector<'_>) {
    let bare = without_brackets(title);
    for title in [Some(title), bare.as_deref()].into_iter().flatten() {
        match rank {
            Rank::Name => collector.title(line, index, id, ICD10CM, title),
            rank => collector.term(line, index, id, title, rank),
        }
    }
}

/// A code of the tabular list whose element is open.
#[derive(Default)]
struct Diagnosis {
    line: u64,
    code: String,
    title: String,
    inclusions: Vec<(u64, String)>,
    /// Handed over, which is when its first sub-code begins or it ends.
    is_done: bool,
}

/// Reads the tabular list.
pub(super) fn read_xml(path: &Path, collector: &mut Collector<'_>) -> Result<()> {
    let line = Rc::new(Cell::new(1));
    let counted = CountingReader { inner: lines::open(path)?, line: Rc::clone(&line) };
    let mut reader = Reader::from_reader(counted);
    let mut buffer = Vec::new();
    // Names of the open elements, and the text in the innermost.
    let mut elements: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut open: Vec<Diagnosis> = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let event = event.map_err(|error| {
            Error::input(path, format!("line {}: the XML is damaged: {error}; fetch the file again", line.get()))
        })?;
        match event {
            Event::Start(start) => {
                let name = start.name().as_ref().to_owned();
                if name == "diag" {
                    if let Some(parent) = open.last_mut() {
                        parent.finish(collector);
                    }
                    open.push(Diagnosis { line: line.get(), ..Diagnosis::default() });
                }
                elements.push(name);
                text.clear();
            }
            Event::Text(words) => text.push_str(&words.xml10_content()),
            Event::CData(words) => text.push_str(&words.xml10_content()),
            Event::GeneralRef(reference) => text.extend(resolve(&reference)),
            Event::End(_) => {
                let element = elements.pop().unwrap_or_default();
                let parent = elements.last().map_or("", String::as_str);
                close(&element, parent, text.trim(), line.get(), &mut open, collector);
                text.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match elements.last() {
        Some(element) => {
            let problem = format!("the XML ends within the element {element}: fetch the file again");
            Err(Error::input(path, problem))
        }
        None => Ok(()),
    }
}

/// Takes what an element held that ends.
fn close(element: &str, parent: &str, text: &str, line: u64, open: &mut Vec<Diagnosis>, collector: &mut Collector<'_>) {
    if let Some(diagnosis) = open.last_mut() {
        match (parent, element) {
            ("diag", "name") => text.clone_into(&mut diagnosis.code),
            ("diag", "desc") => text.clone_into(&mut diagnosis.title),
            ("inclusionTerm", "note") => diagnosis.inclusions.push((line, text.to_owned())),
            _ => {}
        }
    }
    if element == "diag"
        && let Some(mut diagnosis) = open.pop()
    {
        diagnosis.finish(collector);
    }
}

/// The characters of a reference to one.
fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character);
    }
    match &**reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

impl Diagnosis {
    fn finish(&mut self, collector: &mut Collector<'_>) {
        if std::mem::replace(&mut self.is_done, true) {
            return;
        }
        let Some(code) = dotted(&self.code).filter(|_| !self.title.is_empty()) else {
            return collector.malformed(self.line, "a diag: expected a name that is a code, and a desc");
        };
        let Some(index) = category(self.line, &code, &self.title, collector) else { return };
        let id = format!("{ICD10CM}:{code}");
        for (line, inclusion) in &self.inclusions {
            titles(*line, index, &id, inclusion, Rank::Exact, collector);
        }
    }
}

/// Counts the lines that are read through it.
struct CountingReader {
    inner: Box<dyn BufRead>,
    line: Rc<Cell<u64>>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.fill_buf()?.read(buffer)?;
        self.consume(n_read);
        Ok(n_read)
    }
}

impl BufRead for CountingReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n_bytes: usize) {
        // The bytes are there already; a fault would have been told when they were read.
        if let Ok(bytes) = self.inner.fill_buf() {
            let n_lines = memchr::memchr_iter(b'\n', bytes.get(..n_bytes).unwrap_or(bytes)).count();
            self.line.set(self.line.get() + n_lines as u64);
        }
        self.inner.consume(n_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_of_an_order_file() {
        let line = format!("00002 A000    1 {:<60} Cholera due to Vibrio cholerae 01, biovar cholerae", "Cholera");
        assert_eq!(order_row(&line), Some(("A00.0".into(), "Cholera due to Vibrio cholerae 01, biovar cholerae")));
        for malformed in ["", "00002", "A000 Cholera", &line[1..], &line.replace("A000", "AAAA")] {
            assert_eq!(order_row(malformed), None);
        }
    }
}
