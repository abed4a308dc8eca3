//! Resources: the tables of a pipeline, embedded or the user's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Inner, Pipeline};
use crate::config::{Config, ModelPrecision, Recognizer};
use crate::context::{ConText, ContextTables};
use crate::encoder::Precision;
use crate::lexicon::{TableSource, embedded};
use crate::recognize::{LexiconRecognizer, ModelRecognizer, RecognizerTables};
use crate::segment::{Segmenter, SegmenterTables};
use crate::{Error, Lexicon, Result};

/// The tables that a pipeline is built from.
#[derive(Clone, Debug)]
pub struct Resources {
    concepts: Vec<TableSource>,
    rules: Vec<(&'static str, TableSource)>,
    model: Option<PathBuf>,
    precision: Precision,
    recognizers: Vec<Recognizer>,
}

impl Resources {
    /// The tables that the program carries.
    pub fn embedded() -> Resources {
        let rules = embedded::rule_tables().map(|name| (name, embedded::table(name))).collect();
        Resources {
            concepts: embedded::concepts(),
            rules,
            model: None,
            precision: Precision::Int8,
            recognizers: vec![Recognizer::Lexicon],
        }
    }

    /// The embedded tables, with what the configuration adds and replaces.
    ///
    /// # Errors
    /// A file that cannot be read, or a folder of rules that holds none.
    pub fn load(config: &Config) -> Result<Resources> {
        let mut resources = Resources::embedded();
        resources.recognizers.clone_from(&config.recognizers);
        resources.precision = match config.precision {
            ModelPrecision::Int8 => Precision::Int8,
            ModelPrecision::Full => Precision::Full,
        };
        resources.model = config.model.clone().filter(|_| config.recognizers.contains(&Recognizer::Model));
        for path in &config.lexicon {
            resources.concepts.push(read_table(path)?);
        }
        if let Some(folder) = &config.rules {
            let mut n_found = 0;
            for (name, source) in &mut resources.rules {
                let path = folder.join(*name);
                if path.exists() {
                    *source = read_table(&path)?;
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

    /// The hash of every table but the concepts'.
    pub(crate) fn rules_hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for (name, source) in &self.rules {
            hasher.update(name.as_bytes()).update(&[0]).update(source.text.as_bytes()).update(&[0]);
        }
        hasher.finalize()
    }

    fn rule(&self, name: &str) -> Result<&TableSource> {
        let found = self.rules.iter().find(|(known, _)| *known == name).map(|(_, source)| source);
        found.ok_or_else(|| Error::internal(format!("no table {name}")))
    }

    pub(super) fn build(&self) -> Result<Pipeline> {
        // The lexicon and the rules are the start-up time, and need nothing of each other.
        let spelling = self.rule("spelling.tsv")?;
        let (lexicon, rules) = std::thread::scope(|threads| {
            let lexicon = threads.spawn(|| Lexicon::parse(&self.concepts, spelling));
            let rules = self.build_rules();
            (lexicon.join(), rules)
        });
        let lexicon = Arc::new(lexicon.map_err(|_| Error::internal("reading the lexicon panicked"))??);
        let (mut segmenter, context) = rules?;
        let recognizer_tables =
            RecognizerTables { modifiers: self.rule("modifiers.tsv")?, exclusions: self.rule("exclusions.tsv")? };
        let recognizer = LexiconRecognizer::new(Arc::clone(&lexicon), &recognizer_tables)?;
        segmenter.learn(lexicon.keys().chain(context.keys()));
        let model = self
            .model
            .as_deref()
            .map(|folder| ModelRecognizer::load(folder, self.precision, |name| segmenter.section_kind(name)))
            .transpose()?;
        let lexicon_alone = self.recognizers.contains(&Recognizer::Lexicon);
        Ok(Pipeline { inner: Arc::new(Inner { segmenter, lexicon: recognizer, model, lexicon_alone, context }) })
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
        };
        let context = ConText::new(&context_tables, |name| segmenter.section_kind(name))?;
        Ok((segmenter, context))
    }
}

fn read_table(path: &Path) -> Result<TableSource> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("reading", path, error))?;
    Ok(TableSource { name: path.display().to_string(), text })
}
