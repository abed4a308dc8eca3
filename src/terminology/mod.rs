//! Terminologies: the files in which they are given out, compiled into one file that is matched where it stands.
//!
//! One module a format reads files line by line and hands concepts and terms to [`collect`], which filters and types them by
//! tables under `lexicons/` and gives them to the compiler. Memory is that of the compiled lexicon, and of the identifiers of
//! a terminology whose files stand in no order.

mod collect;
mod delimited;
mod forms;
mod icd;
mod lines;
mod obo;
mod recognize;
mod report;
mod rf2;
mod rrf;
mod systems;
mod types;

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::lexicon::forms::Spelling;
use crate::lexicon::{Lexicon, TableSource, embedded};
use crate::mention::MentionType;
use crate::{Error, Result, new_file};
use collect::{Collector, Tables};
use forms::{DroppedForms, Rewrites};
use recognize::{Files, Part};
use report::DroppedFile;
use systems::Systems;
use types::Types;

pub use report::{BuildReport, BuiltInput, Malformed};

/// A format in which a terminology is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TerminologyFormat {
    /// OBO: HPO, DOID, SYMP, MONDO, other ontologies.
    Obo,
    /// UMLS Rich Release Format: MRCONSO.RRF and MRSTY.RRF.
    Umls,
    /// SNOMED CT Release Format 2.
    Snomed,
    /// The tabular list of ICD-10-CM.
    Icd10cmXml,
    /// The order file of ICD-10-CM.
    Icd10cmOrder,
    /// A table of terms.
    Table,
    /// noteward's own table of concepts.
    Concepts,
}

impl TerminologyFormat {
    /// What it is called in messages.
    pub fn title(self) -> &'static str {
        match self {
            TerminologyFormat::Obo => "OBO",
            TerminologyFormat::Umls => "UMLS RRF",
            TerminologyFormat::Snomed => "SNOMED CT RF2",
            TerminologyFormat::Icd10cmXml => "the tabular list of ICD-10-CM",
            TerminologyFormat::Icd10cmOrder => "an order file of ICD-10-CM",
            TerminologyFormat::Table => "a table of terms",
            TerminologyFormat::Concepts => "a table of concepts",
        }
    }

    fn all() -> String {
        use TerminologyFormat::{Concepts, Icd10cmOrder, Icd10cmXml, Obo, Snomed, Table, Umls};
        let titles = [Obo, Umls, Snomed, Icd10cmXml, Icd10cmOrder, Table].map(TerminologyFormat::title).join(", ");
        format!("{titles} or {}", Concepts.title())
    }
}

/// How a synonym stands to its concept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynonymScope {
    /// It means the same.
    Exact,
    /// It means less.
    Narrow,
    /// It means more.
    Broad,
    /// It means something near.
    Related,
}

/// What becomes of what its own source suppresses or calls obsolete or inactive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suppressed {
    /// It is left out.
    LeftOut,
    /// It is taken.
    Taken,
}

/// Which terms go into a lexicon.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildOptions {
    /// The format of every file; by default it is recognised.
    pub format: Option<TerminologyFormat>,
    /// Source vocabularies, as their terminology calls them; all where there is none.
    pub vocabularies: Vec<String>,
    /// Semantic types, semantic tags, branches or beginnings of codes; all that the table of types knows where there is none.
    pub semantic_types: Vec<String>,
    /// Languages, as their terminology calls them.
    pub languages: Vec<String>,
    /// Scopes of synonyms of ontologies.
    pub synonyms: Vec<SynonymScope>,
    /// What becomes of suppressed terms.
    pub suppressed: Suppressed,
    /// Characters of the shortest form.
    pub min_characters: usize,
    /// Characters of the longest form.
    pub max_characters: usize,
    /// The type of concepts for which the table of types says none.
    pub default_type: Option<MentionType>,
    /// Folder of tables that replace the embedded ones of the same name.
    pub rules: Option<PathBuf>,
    /// File that names every dropped form with the reason.
    pub dropped: Option<PathBuf>,
}

impl Default for BuildOptions {
    fn default() -> BuildOptions {
        BuildOptions {
            format: None,
            vocabularies: Vec::new(),
            semantic_types: Vec::new(),
            languages: vec!["en".into(), "ENG".into()],
            synonyms: vec![SynonymScope::Exact, SynonymScope::Narrow, SynonymScope::Related],
            suppressed: Suppressed::LeftOut,
            min_characters: 3,
            max_characters: 100,
            default_type: None,
            rules: None,
            dropped: None,
        }
    }
}

/// Compiles terminologies into a file for `annotate --lexicon`; an existing file is replaced when the new one is complete.
///
/// The same files and options give the same bytes.
///
/// # Errors
/// A file that cannot be read or is of no known format, a malformed table, an output that cannot be written, or no term that
/// the filters leave. Malformed lines are no errors: they are passed over, counted and named.
pub fn build_lexicon(inputs: &[PathBuf], out: &Path, options: &BuildOptions) -> Result<BuildReport> {
    let tables = Tables::load(options.rules.as_deref())?;
    let files = Files::find(inputs, options.format)?;
    let file = new_file::create(out)?;
    let dropped = options.dropped.as_deref().map(DroppedFile::create).transpose()?;
    let mut collector = Collector::new(options, &tables, dropped);
    let mut read = Vec::new();
    for job in jobs(&files) {
        let before = collector.counts();
        collector.begin(job.path);
        job.read(&files, &mut collector, options)?;
        let after = collector.counts();
        read.push(BuiltInput {
            path: job.path.to_owned(),
            format: job.part.format(),
            concepts: after.0 - before.0,
            forms: after.1 - before.1,
        });
    }
    let (compiled, mut report) = collector.finish()?;
    (report.inputs, report.ignored, report.bytes) = (read, files.ignored, compiled.n_bytes());
    let mut writer = BufWriter::new(file);
    compiled.write(&mut writer).map_err(|error| Error::io("writing", out, error))?;
    new_file::finish(writer, out)?;
    Ok(report)
}

/// A lexicon of the user's, as a file holds it.
#[derive(Clone, Debug)]
pub(crate) enum LexiconFile {
    /// A table of concepts, to be compiled.
    Table(TableSource),
    /// A compiled lexicon.
    Compiled(Lexicon),
}

impl LexiconFile {
    /// The table, where it is one.
    pub fn table(&self) -> Option<&TableSource> {
        match self {
            LexiconFile::Table(table) => Some(table),
            LexiconFile::Compiled(_) => None,
        }
    }
}

/// Opens a lexicon of the user's: a compiled one, given as mapped bytes, or a table of concepts; its first bytes tell.
///
/// # Errors
/// What the file is instead, and the remedy.
pub(crate) fn open_lexicon(path: &Path, bytes: Arc<impl AsRef<[u8]> + Send + Sync + 'static>) -> Result<LexiconFile> {
    let all = (*bytes).as_ref();
    if Lexicon::is_compiled(all) {
        let opened = Lexicon::open(bytes).map_err(|problem| Error::input(path, problem))?;
        return Ok(LexiconFile::Compiled(opened));
    }
    let head = all.get(..recognize::HEAD_BYTES as usize).unwrap_or(all);
    if let Some(format) = recognize::terminology_in(head) {
        let problem = format!("is {format}: compile it with `noteward lexicon build {} --out FILE`", path.display());
        return Err(Error::input(path, problem));
    }
    match std::str::from_utf8(all) {
        Ok(text) => Ok(LexiconFile::Table(TableSource { name: path.display().to_string(), text: text.into() })),
        Err(_) => {
            Err(Error::input(path, "expected a compiled lexicon or a table of concepts, found another kind of file"))
        }
    }
}

/// A terminology to be read: its main file.
struct Job<'f> {
    path: &'f Path,
    part: &'f Part,
}

/// The terminologies of files; several files of UMLS, or of SNOMED CT, are one.
fn jobs(files: &Files) -> Vec<Job<'_>> {
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (path, part) in &files.parts {
        let stands_alone = match part {
            Part::UmlsTypes | Part::SnomedConcepts | Part::SnomedLanguage => false,
            Part::UmlsTerms | Part::SnomedDescriptions => !jobs.iter().any(|job| job.part == part),
            _ => true,
        };
        if stands_alone {
            jobs.push(Job { path, part });
        }
    }
    jobs
}

impl Job<'_> {
    fn read(&self, files: &Files, collector: &mut Collector<'_>, options: &BuildOptions) -> Result<()> {
        let all = |part: &Part| files.paths(part).collect::<Vec<&Path>>();
        match self.part {
            Part::Obo => obo::read(self.path, collector),
            Part::IcdXml => icd::read_xml(self.path, collector),
            Part::IcdOrder => icd::read_order(self.path, collector),
            Part::Table(layout) => delimited::read(self.path, layout, collector),
            Part::Concepts => delimited::read_concepts(self.path, collector),
            Part::UmlsTerms | Part::UmlsTypes => {
                let types = all(&Part::UmlsTypes);
                if types.is_empty() && options.default_type.is_none() {
                    let problem = "MRSTY.RRF, which holds the semantic types, is not beside it: give it too, or a type for \
                                   all terms (--type)";
                    return Err(Error::input(self.path, problem));
                }
                rrf::read(&all(&Part::UmlsTerms), &types, collector)
            }
            Part::SnomedConcepts | Part::SnomedDescriptions | Part::SnomedLanguage => {
                let release = rf2::Release {
                    concepts: all(&Part::SnomedConcepts),
                    descriptions: all(&Part::SnomedDescriptions),
                    languages: all(&Part::SnomedLanguage),
                };
                if release.concepts.is_empty() {
                    let problem = "the file of concepts (sct2_Concept_Snapshot), which says what is active, is not beside \
                                   it: give it too";
                    return Err(Error::input(self.path, problem));
                }
                rf2::read(&release, collector)
            }
        }
    }
}

impl Tables {
    /// The embedded tables, or those of a folder.
    fn load(folder: Option<&Path>) -> Result<Tables> {
        let table = |name: &str| -> Result<TableSource> {
            let path = folder.map(|folder| folder.join(name)).filter(|path| path.exists());
            let Some(path) = path else { return Ok(embedded::table(name)) };
            let text = std::fs::read_to_string(&path).map_err(|error| Error::io("reading", &path, error))?;
            Ok(TableSource { name: path.display().to_string(), text })
        };
        let spelling = table("spelling.tsv")?;
        Ok(Tables {
            types: Types::parse(&table("terminology-types.tsv")?)?,
            systems: Systems::parse(&table("code-systems.tsv")?)?,
            dropped: DroppedForms::parse(&table("dropped-forms.tsv")?)?,
            rewrites: Rewrites::parse(&table("title-rewrites.tsv")?)?,
            spelling: Spelling::parse(&spelling.name, &spelling.text)?,
        })
    }
}
