//! Inputs: files, folders and patterns as a list of files to read, in a stable order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::database::{DatabaseQuery, is_url, shown};
use crate::{Error, Result};

/// The format of an input file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Tsv,
    JsonLines,
    Parquet,
    Text,
    /// The rows of a query.
    Query,
}

/// How an input file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A file to read.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    /// Where it is; `-` for standard input, a URL without its password for a query.
    pub path: PathBuf,
    /// Its name in made note ids: relative to the folder it was found in.
    pub name: String,
    pub format: Format,
    pub compression: Compression,
    /// It was named itself, and not found in a folder.
    pub is_named: bool,
    /// The query whose rows it is.
    pub query: Option<Arc<DatabaseQuery>>,
}

impl InputFile {
    /// A table that is named itself: CSV where its extension says nothing else.
    pub fn table(path: &Path) -> InputFile {
        let name = file_name(path);
        match input_file(path, name.clone(), true) {
            Some(file) if file.format != Format::Text => file,
            known => InputFile {
                path: path.to_owned(),
                name,
                format: Format::Csv,
                compression: known.map_or(Compression::None, |file| file.compression),
                is_named: true,
                query: None,
            },
        }
    }

    pub fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }

    /// Whether it can be read only as it comes, and has no bytes of its own on disk.
    pub fn is_stream(&self) -> bool {
        self.is_stdin() || self.query.is_some()
    }
}

/// What the inputs come to.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    pub files: Vec<InputFile>,
    /// Files found in folders that hold no notes.
    pub skipped: Vec<Skipped>,
}

/// A file that is left out.
#[derive(Clone, Debug)]
pub(crate) struct Skipped {
    pub path: PathBuf,
    pub reason: String,
}

const EXTENSIONS: &str = ".csv, .tsv, .jsonl, .ndjson, .parquet, .txt, each text format also with .gz or .zst";

/// Lists the files of the inputs: a file, a folder (walked recursively), a pattern, `-`, or the
/// URL of a query.
///
/// # Errors
/// An input that does not exist, matches nothing, or is a file of no known format.
///
/// What stands under `out`, the folder that the run writes, is no input.
pub(crate) fn discover(inputs: &[String], out: &Path) -> Result<Discovered> {
    let mut found = Discovered::default();
    let out = out.canonicalize().ok();
    for input in inputs {
        let path = Path::new(input);
        if input == "-" {
            found.files.push(InputFile {
                path: path.to_owned(),
                name: "-".into(),
                format: Format::JsonLines,
                compression: Compression::None,
                is_named: true,
                query: None,
            });
        } else if is_url(input) {
            found.files.push(InputFile {
                path: PathBuf::from(shown(input)),
                name: "query".into(),
                format: Format::Query,
                compression: Compression::None,
                is_named: true,
                query: Some(Arc::new(DatabaseQuery::parse(input)?)),
            });
        } else if path.is_dir() {
            add_folder(path, out.as_deref(), &mut found)?;
        } else if path.exists() {
            found.files.push(known_file(path, file_name(path))?);
        } else if input.contains(['*', '?', '[']) {
            add_pattern(input, out.as_deref(), &mut found)?;
        } else {
            return Err(Error::input(path, "no such file or folder"));
        }
    }
    if found.files.is_empty() {
        let path = PathBuf::from(inputs.join(" "));
        return Err(Error::input(&path, format!("no file of a known format; extensions are {EXTENSIONS}")));
    }
    make_names_unique(&mut found.files);
    Ok(found)
}

fn add_folder(folder: &Path, out: Option<&Path>, found: &mut Discovered) -> Result<()> {
    let is_output = |path: &Path| out.is_some() && path.canonicalize().ok().as_deref() == out;
    let walk = walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in walk
        .into_iter()
        .filter_entry(|entry| !(entry.depth() > 0 && entry.file_type().is_dir() && is_output(entry.path())))
    {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() == 0 => {
                return Err(Error::input(folder, format!("cannot be walked: {error}")));
            }
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                found.skipped.push(Skipped { path, reason: format!("cannot be read: {error}") });
                continue;
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        match input_file(entry.path(), relative.to_string_lossy().into_owned(), false) {
            Some(file) => found.files.push(file),
            None => {
                let reason = "the format is not known by its extension".into();
                found.skipped.push(Skipped { path: entry.into_path(), reason });
            }
        }
    }
    Ok(())
}

fn add_pattern(pattern: &str, out: Option<&Path>, found: &mut Discovered) -> Result<()> {
    let paths = glob::glob(pattern)
        .map_err(|error| Error::input(Path::new(pattern), format!("not a valid pattern: {error}")))?;
    let mut any = false;
    // `glob` yields paths in alphabetical order.
    for path in paths {
        let path =
            path.map_err(|error| Error::io("listing", error.path(), std::io::Error::from(error.error().kind())))?;
        let place = path.canonicalize().ok();
        let within_output = out.is_some() && place.is_some_and(|place| out.is_some_and(|out| place.starts_with(out)));
        if path.is_dir() {
            if within_output {
                any = true;
                continue;
            }
            add_folder(&path, out, found)?;
        } else if !within_output || !path.parent().is_some_and(|parent| parent.join("run.json").exists()) {
            found.files.push(known_file(&path, file_name(&path))?);
        }
        any = true;
    }
    if any { Ok(()) } else { Err(Error::input(Path::new(pattern), "the pattern matches no file")) }
}

fn known_file(path: &Path, name: String) -> Result<InputFile> {
    input_file(path, name, true)
        .ok_or_else(|| Error::input(path, format!("the format is not known by its extension; known are {EXTENSIONS}")))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn input_file(path: &Path, name: String, is_named: bool) -> Option<InputFile> {
    let lower = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let (stem, compression) = match lower.rsplit_once('.') {
        Some((stem, "gz")) => (stem, Compression::Gzip),
        Some((stem, "zst")) => (stem, Compression::Zstd),
        _ => (lower.as_str(), Compression::None),
    };
    let format = match stem.rsplit_once('.')?.1 {
        "csv" => Format::Csv,
        "tsv" => Format::Tsv,
        "jsonl" | "ndjson" => Format::JsonLines,
        "parquet" if compression == Compression::None => Format::Parquet,
        "txt" => Format::Text,
        _ => return None,
    };
    Some(InputFile { path: path.to_owned(), name, format, compression, is_named, query: None })
}

/// Files of the same name keep their whole path as name, so that made ids stay unique.
fn make_names_unique(files: &mut [InputFile]) {
    let mut seen = BTreeSet::new();
    let repeated: BTreeSet<String> =
        files.iter().filter(|file| !seen.insert(file.name.clone())).map(|file| file.name.clone()).collect();
    for file in files.iter_mut().filter(|file| repeated.contains(&file.name)) {
        file.name = file.path.to_string_lossy().into_owned();
    }
}
