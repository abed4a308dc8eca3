//! A clinical note as it was read, and where it stood in the input.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

/// What the input says of a note besides its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteMeta {
    /// Identifier, unique within a run.
    pub id: String,
    /// Person the note is about.
    pub patient_id: Option<String>,
    /// Encounter (admission, visit) it belongs to.
    pub encounter_id: Option<String>,
    /// Time of the note.
    pub time: Option<NoteTime>,
    /// Kind of note, as the source names it.
    pub note_type: Option<String>,
    /// Who wrote it, as the source names them.
    pub author: Option<String>,
    /// Values of the kept input columns, in the order in which they were asked for.
    pub kept: Vec<Option<String>>,
}

/// Civil time without zone: microseconds since 1970-01-01T00:00:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoteTime(pub i64);

impl NoteTime {
    /// Its day; `None` beyond the years that a calendar has.
    pub(crate) fn date(self) -> Option<Date> {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        epoch.checked_add(SignedDuration::from_micros(self.0)).ok().map(DateTime::date)
    }
}

/// Where a record stood in the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Index of the input file in the run's list.
    pub input: u32,
    /// Record in that file, counted from 1, the header not counted.
    pub record: u64,
    /// Line at which the record starts, from 1; `None` for formats without lines.
    pub line: Option<u64>,
    /// Bytes of the (decompressed) file that the record takes; `None` for formats without them.
    pub bytes: Option<(u64, u64)>,
}

/// How the bytes of a text were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextEncoding {
    /// Valid UTF-8.
    #[default]
    Utf8,
    /// UTF-16 with a byte order mark.
    Utf16,
    /// Not UTF-8; every byte read as Windows-1252, some of them in 0x80..=0x9F.
    Windows1252,
    /// Not UTF-8; every byte read as ISO-8859-1 (no byte in 0x80..=0x9F).
    Latin1,
    /// UTF-8 with stray bytes, which were read as Windows-1252.
    Mixed,
}

impl TextEncoding {
    /// The name written into the ledger.
    pub fn name(self) -> &'static str {
        match self {
            TextEncoding::Utf8 => "utf-8",
            TextEncoding::Utf16 => "utf-16",
            TextEncoding::Windows1252 => "windows-1252",
            TextEncoding::Latin1 => "iso-8859-1",
            TextEncoding::Mixed => "utf-8+windows-1252",
        }
    }
}

/// One clinical note. `Debug` shows the length of the text, never the text.
#[derive(Clone, Default)]
pub struct Note {
    /// What the input says of it.
    pub meta: NoteMeta,
    /// The text, unchanged (after decoding, where it was not UTF-8).
    pub text: String,
}

impl Note {
    /// A note with an identifier and a text, and nothing else known of it.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Note {
        Note { meta: NoteMeta { id: id.into(), ..NoteMeta::default() }, text: text.into() }
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({:?}, {} bytes)", self.meta.id, self.text.len())
    }
}
