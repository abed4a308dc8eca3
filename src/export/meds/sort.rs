//! Sorting of more events than memory should hold: sorted runs on disk, merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::event::{Event, Key};
use crate::{Error, Result};

/// Events in memory: some hundred bytes each.
const EVENTS_PER_RUN: usize = 200_000;

/// Takes events in any order and gives them back in that of their keys.
pub(super) struct Sorter {
    folder: PathBuf,
    events_per_run: usize,
    events: Vec<Event>,
    runs: Vec<PathBuf>,
}

impl Sorter {
    /// A sorter whose runs are files in `folder`.
    pub fn new(folder: &Path) -> Sorter {
        Sorter { folder: folder.to_owned(), events_per_run: EVENTS_PER_RUN, events: Vec::new(), runs: Vec::new() }
    }

    pub fn push(&mut self, event: Event) -> Result<()> {
        self.events.push(event);
        if self.events.len() >= self.events_per_run { self.spill() } else { Ok(()) }
    }

    /// The events in order.
    pub fn finish(mut self) -> Result<Sorted> {
        self.events.sort_by_key(|event| event.key);
        let mut sources: Vec<EventSource> = vec![EventSource::Memory(self.events.into_iter())];
        for path in self.runs {
            sources.push(EventSource::open(path)?);
        }
        let mut sorted = Sorted { sources, heads: BinaryHeap::new() };
        for index in 0..sorted.sources.len() {
            sorted.advance(index)?;
        }
        Ok(sorted)
    }

    /// Writes the events in memory as a sorted run.
    fn spill(&mut self) -> Result<()> {
        let path = self.folder.join(format!(".run-{:06}", self.runs.len()));
        self.events.sort_by_key(|event| event.key);
        write_run(&path, &self.events).map_err(|error| Error::io("writing", &path, error))?;
        self.events.clear();
        self.runs.push(path);
        Ok(())
    }
}

fn write_run(path: &Path, events: &[Event]) -> std::io::Result<()> {
    let mut lines = BufWriter::new(zstd::Encoder::new(File::create(path)?, 1)?);
    for event in events {
        serde_json::to_writer(&mut lines, event)?;
        lines.write_all(b"\n")?;
    }
    lines.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish()?;
    Ok(())
}

/// Events in order.
pub(super) struct Sorted {
    sources: Vec<EventSource>,
    /// The next event of each source.
    heads: BinaryHeap<Head>,
}

/// The next event of a source, the least first.
struct Head(Reverse<(Key, usize)>, Event);

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.0 == other.0
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl Sorted {
    /// The next event.
    pub fn next(&mut self) -> Result<Option<Event>> {
        let Some(Head(Reverse((_, index)), event)) = self.heads.pop() else { return Ok(None) };
        self.advance(index)?;
        Ok(Some(event))
    }

    fn advance(&mut self, index: usize) -> Result<()> {
        let next = self.sources.get_mut(index).map(EventSource::next).transpose()?.flatten();
        self.heads.extend(next.map(|event| Head(Reverse((event.key, index)), event)));
        Ok(())
    }
}

/// A sorted run.
enum EventSource {
    Memory(std::vec::IntoIter<Event>),
    Disk { path: PathBuf, lines: Box<dyn BufRead> },
}

impl EventSource {
    fn open(path: PathBuf) -> Result<EventSource> {
        let file = File::open(&path).and_then(zstd::Decoder::new);
        let lines = file.map_err(|error| Error::io("opening", &path, error))?;
        Ok(EventSource::Disk { lines: Box::new(BufReader::new(lines)), path })
    }

    fn next(&mut self) -> Result<Option<Event>> {
        let (path, lines) = match self {
            EventSource::Memory(events) => return Ok(events.next()),
            EventSource::Disk { path, lines } => (path, lines),
        };
        let mut line = String::new();
        let n_bytes = lines.read_line(&mut line).map_err(|error| Error::io("reading", path, error))?;
        if n_bytes == 0 {
            return std::fs::remove_file(&*path).map_err(|error| Error::io("removing", path, error)).map(|()| None);
        }
        let event = serde_json::from_str(&line);
        event.map(Some).map_err(|error| Error::io("reading", path, std::io::Error::other(error)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn events_come_in_the_order_of_their_keys(
            keys in proptest::collection::vec((0u32..3, 0i64..4, proptest::option::of(-2i64..3)), 0..40),
            events_per_run in 1usize..10,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter { events_per_run, ..Sorter::new(folder.path()) };
            let mut expected = Vec::new();
            for (sequence, (split, subject, time)) in (0..).zip(keys) {
                let key = Key { split, subject, time, sequence };
                expected.push(key);
                sorter.push(Event { key, code: 7, number: Some(0.1), text: None, said: None }).unwrap();
            }
            expected.sort();
            let mut sorted = sorter.finish().unwrap();
            let mut found = Vec::new();
            while let Some(event) = sorted.next().unwrap() {
                prop_assert_eq!(event.number, Some(0.1));
                found.push(event.key);
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
