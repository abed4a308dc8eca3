//! Resources: the tables of a pipeline, embedded or the user's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::FactEngines;
use super::{Inner, Pipeline};
use crate::config::{Config, Engine, ModelPrecision, Recognizer};
use crate::context::{ConText, ContextTables, FactCues, Weights};
use crate::encoder::{Computation, Precision};
use crate::facts::{FactRecognizer, FactTables};
use crate::lexicon::{TableSource, embedded};
use crate::link::{LinkTables, Linker};
use crate::measure::{MeasureTables, Measurer};
use crate::read::mapped;
use crate::recognize::{LexiconRecognizer, ModelRecognizer, RecognizerTables};
use crate::segment::{Segmenter, SegmenterTables};
use crate::terminology::{self, LexiconFile};
use crate::{Error, Lexicon, Result};

/// The linear model of the assertion that the program carries.
const ASSERTION_WEIGHTS: &[u8] = include_bytes!("../../models/default/assertion.safetensors");

/// The tables that a pipeline is built from.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Lexicons of the user's, the later above the earlier.
    lexicons: Vec<LexiconFile>,
    /// Whether the user gave other spellings.
    is_respelled: bool,
    rules: Vec<(&'static str, TableSource)>,
    model: ModelSource,
    computation: Computation,
    recognizers: Vec<Recognizer>,
    /// The secret of the site from which hashes of sentences are made.
    segment_key: Option<[u8; 32]>,
}

/// Where the model comes from.
#[derive(Clone, Debug)]
enum ModelSource {
    None,
    Embedded,
    Folder(PathBuf),
}

impl Resources {
    /// The tables and the model that the program carries.
    pub fn embedded() -> Resources {
        let rules = embedded::rule_tables().map(|name| (name, embedded::table(name))).collect();
        Resources {
            lexicons: Vec::new(),
            is_respelled: false,
            rules,
            model: ModelSource::Embedded,
            computation: Computation::Own(Precision::Int8),
            recognizers: vec![Recognizer::Lexicon, Recognizer::Model],
            segment_key: None,
        }
    }

    /// The same without a model: lexicon and rules alone.
    #[must_use]
    pub fn without_model(mut self) -> Resources {
        self.model = ModelSource::None;
        self.recognizers = vec![Recognizer::Lexicon];
        self
    }

    /// The embedded tables, with what the configuration adds and replaces.
    ///
    /// # Errors
    /// A file that cannot be read, or a folder of rules that holds none.
    pub fn load(config: &Config) -> Result<Resources> {
        let mut resources = Resources::embedded();
        resources.recognizers.clone_from(&config.recognizers);
        resources.computation = match (config.engine, config.precision) {
            (Engine::RustBert, _) => Computation::RustBert,
            (Engine::Own, ModelPrecision::Int8) => Computation::Own(Precision::Int8),
            (Engine::Own, ModelPrecision::Full) => Computation::Own(Precision::Full),
        };
        resources.model = match &config.model {
            _ if !config.recognizers.contains(&Recognizer::Model) => ModelSource::None,
            Some(folder) => ModelSource::Folder(folder.clone()),
            None => ModelSource::Embedded,
        };
        resources.segment_key = config.hash_key_file.as_deref().map(read_key).transpose()?;
        for path in &config.lexicon {
            resources.lexicons.push(terminology::open_lexicon(path, mapped::map(path)?)?);
        }
        if let Some(folder) = &config.rules {
            let mut n_found = 0;
            for (name, source) in &mut resources.rules {
                let path = folder.join(*name);
                if path.exists() {
                    *source = read_table(&path)?;
                    resources.is_respelled |= *name == "spelling.tsv";
                    n_found += 1;
                }
            }
            if n_found == 0 {
                let names: Vec<&str> = embedded::rule_tables().collect();
                let problem = format!("holds none of the rule tables {}", names.join(", "));
                return Err(Error::input(folder, problem));
            }
        }
        Ok(resources)
    }

    /// The same with another lexicon above.
    #[must_use]
    pub(crate) fn with_lexicon(mut self, lexicon: LexiconFile) -> Resources {
        self.lexicons.push(lexicon);
        self
    }

    /// What tells one secret of the site from another, and nothing else of it.
    pub(crate) fn key_fingerprint(&self) -> Option<String> {
        let key = self.segment_key?;
        let hash = blake3::keyed_hash(&key, b"noteward: fingerprint of this key");
        Some(hash.to_hex().as_str().chars().take(16).collect())
    }

    /// The hash of every table but the concepts'.
    pub(crate) fn rules_hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for (name, source) in &self.rules {
            hasher.update(name.as_bytes()).update(&[0]).update(source.text.as_bytes()).update(&[0]);
        }
        hasher.finalize()
    }

    /// A table of rules by its name under `lexicons/`.
    pub(crate) fn rule_table(&self, name: &str) -> Option<&TableSource> {
        self.rules.iter().find(|(known, _)| *known == name).map(|(_, source)| source)
    }

    /// The tables of concepts, those first that are preferred; a compiled lexicon has none.
    pub(crate) fn concept_tables(&self) -> impl Iterator<Item = TableSource> {
        let own = self.lexicons.iter().rev().filter_map(LexiconFile::table).cloned();
        own.chain(embedded::concepts())
    }

    /// The tables of concepts of facts.
    pub(crate) fn fact_tables(&self) -> impl Iterator<Item = &TableSource> {
        embedded::fact_tables().filter_map(|name| self.rule_table(name))
    }

    fn rule(&self, name: &str) -> Result<&TableSource> {
        self.rule_table(name).ok_or_else(|| Error::internal(format!("no table {name}")))
    }

    pub(super) fn build(&self) -> Result<Pipeline> {
        let spelling = self.rule("spelling.tsv")?;
        let lexicon = Arc::new(self.build_lexicon(spelling)?);
        let (mut segmenter, mut context) = self.build_rules()?;
        let recognizer_tables = RecognizerTables {
            modifiers: self.rule("modifiers.tsv")?,
            exclusions: self.rule("exclusions.tsv")?,
            senses: self.rule("senses.tsv")?,
        };
        let section_kind = |name: &str| segmenter.section_kind(name);
        let recognizer = LexiconRecognizer::new(Arc::clone(&lexicon), &recognizer_tables, section_kind)?;
        let link_tables = LinkTables {
            qualifiers: self.rule("qualifiers.tsv")?,
            compositions: self.rule("compositions.tsv")?,
            laterality: self.rule("laterality.tsv")?,
            inflections: self.rule("inflections.tsv")?,
            modifiers: self.rule("modifiers.tsv")?,
        };
        let linker = Linker::new(Arc::clone(&lexicon), &link_tables)?;
        let measurer = self.build_measurer()?;
        let keys = recognizer.keys().chain(context.keys()).chain(linker.keys()).chain(measurer.keys());
        segmenter.learn(Arc::clone(&lexicon), keys);
        let section_kind = |name: &str| segmenter.section_kind(name);
        let facts = self.build_facts(&segmenter)?;
        let model = match &self.model {
            ModelSource::None => None,
            ModelSource::Embedded => Some(ModelRecognizer::embedded(self.computation, section_kind)?),
            ModelSource::Folder(folder) => Some(ModelRecognizer::load(folder, self.computation, section_kind)?),
        };
        if let Some(weights) = self.assertion_weights()? {
            context = context.with_weights(weights);
        }
        let lexicon_alone = self.recognizers.contains(&Recognizer::Lexicon);
        let segment_key = self.segment_key;
        let inner = Inner {
            segmenter,
            lexicon: recognizer,
            model,
            lexicon_alone,
            linker,
            context,
            measurer,
            facts,
            segment_key,
        };
        Ok(Pipeline { inner: Arc::new(inner) })
    }

    fn build_measurer(&self) -> Result<Measurer> {
        Measurer::new(&MeasureTables {
            measurements: self.rule("measurements.tsv")?,
            units: self.rule("units.tsv")?,
            words: self.rule("measurement-words.tsv")?,
            groups: self.rule("measurement-groups.tsv")?,
        })
    }

    /// The linear model of the assertion, which goes with a network: the folder's own, or the program's.
    fn assertion_weights(&self) -> Result<Option<Weights>> {
        let embedded = || {
            let weights = Weights::parse(ASSERTION_WEIGHTS);
            weights.map_err(|problem| Error::internal(format!("the embedded assertion weights: {problem}")))
        };
        match &self.model {
            ModelSource::None => Ok(None),
            ModelSource::Embedded => embedded().map(Some),
            ModelSource::Folder(folder) => {
                let path = folder.join("assertion.safetensors");
                if !path.exists() {
                    return embedded().map(Some);
                }
                let bytes = std::fs::read(&path).map_err(|error| Error::io("reading", &path, error))?;
                Weights::parse(&bytes).map(Some).map_err(|problem| Error::input(&path, problem))
            }
        }
    }

    /// The embedded lexicon with the user's above it; tables that follow each other are one layer.
    fn build_lexicon(&self, spelling: &TableSource) -> Result<Lexicon> {
        let mut lexicon = if self.is_respelled { Lexicon::respelled(spelling)? } else { Lexicon::embedded() };
        let both_tables = |left: &LexiconFile, right: &LexiconFile| {
            matches!((left, right), (LexiconFile::Table(_), LexiconFile::Table(_)))
        };
        for group in self.lexicons.chunk_by(both_tables) {
            let tables: Vec<TableSource> = group.iter().filter_map(LexiconFile::table).cloned().collect();
            lexicon = match group {
                [LexiconFile::Compiled(compiled)] => lexicon.with(compiled.clone()),
                _ => lexicon.with(Lexicon::compile(&tables, spelling)?),
            };
        }
        Ok(lexicon)
    }

    /// The engines that are made of rules alone.
    fn build_rules(&self) -> Result<(Segmenter, ConText)> {
        let segmenter_tables = SegmenterTables {
            kinds: self.rule("section-kinds.tsv")?,
            headings: self.rule("sections.tsv")?,
            abbreviations: self.rule("abbreviations.tsv")?,
        };
        let segmenter = Segmenter::new(&segmenter_tables)?;
        let context_tables = ContextTables {
            cues: self.rule("cues.tsv")?,
            priors: self.rule("section-priors.tsv")?,
            chronic: self.rule("chronic.tsv")?,
            facts: None,
        };
        let context = ConText::new(&context_tables, segmenter.section_kinds())?;
        Ok((segmenter, context))
    }

    /// The engines of facts.
    fn build_facts(&self, segmenter: &Segmenter) -> Result<FactEngines> {
        let tables = FactTables {
            concepts: embedded::fact_tables().map(|name| self.rule(name)).collect::<Result<_>>()?,
            after: self.rule("facts/after.tsv")?,
            words: self.rule("facts/words.tsv")?,
            spelling: self.rule("spelling.tsv")?,
        };
        let context_tables = ContextTables {
            cues: self.rule("cues.tsv")?,
            priors: self.rule("section-priors.tsv")?,
            chronic: self.rule("facts/lasting.tsv")?,
            facts: Some(FactCues {
                cues: self.rule("facts/cues.tsv")?,
                priors: self.rule("facts/section-priors.tsv")?,
            }),
        };
        let recognizer = FactRecognizer::new(&tables)?;
        let context = ConText::new(&context_tables, segmenter.section_kinds())?;
        Ok(FactEngines { recognizer, context })
    }
}

/// Bytes that a secret has at least.
const LEAST_KEY_BYTES: usize = 16;

/// Reads the secret of a site.
fn read_key(path: &Path) -> Result<[u8; 32]> {
    let bytes = std::fs::read(path).map_err(|error| Error::io("reading", path, error))?;
    if bytes.len() < LEAST_KEY_BYTES {
        let problem = format!("a key has at least {LEAST_KEY_BYTES} bytes, found {}", bytes.len());
        return Err(Error::input(path, problem));
    }
    Ok(blake3::derive_key("noteward hashes of sentences 1", &bytes))
}

fn read_table(path: &Path) -> Result<TableSource> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("reading", path, error))?;
    Ok(TableSource { name: path.display().to_string(), text })
}
