//! The paths that a run was given, seen from where the program runs this time.

use std::path::{Component, Path, PathBuf};

use super::PastRun;
use crate::config::PartialConfig;
use crate::database::is_url;

impl PastRun {
    /// The folder in which the run was started, as far as its output folder tells: it stands there by the name that the run
    /// was given. `None` where that name is no help, or the folder was renamed.
    fn started_in(&self) -> Option<PathBuf> {
        let out = Path::new(self.description.config.get("out")?.as_str()?);
        let names: Option<PathBuf> = out
            .components()
            .filter(|component| !matches!(component, Component::CurDir))
            .map(|component| matches!(component, Component::Normal(_)).then_some(component))
            .collect();
        let names = names?;
        let above = |folder: &Path| {
            let above = folder.ancestors().nth(names.components().count());
            above.filter(|_| folder.ends_with(&names)).map(Path::to_owned)
        };
        above(&self.folder).or_else(|| above(&self.folder.canonicalize().ok()?))
    }

    /// A path that the run was given: where the run was started if something stands there, else as it is.
    fn path_now(&self, path: &Path) -> PathBuf {
        let there = self.started_in().filter(|_| path.is_relative()).map(|folder| folder.join(path));
        there.filter(|path| path.exists()).unwrap_or_else(|| path.to_owned())
    }

    /// An input that the run read, as it can be read now.
    pub(super) fn input_now(&self, input: &str) -> String {
        if input == "-" || is_url(input) {
            return input.to_owned();
        }
        self.path_now(Path::new(input)).to_string_lossy().into_owned()
    }

    /// The configuration with the paths of the files that annotating needs.
    pub(super) fn with_paths_of_now(&self, mut config: PartialConfig) -> PartialConfig {
        let moved = |path: &mut PathBuf| *path = self.path_now(path);
        config.lexicon.iter_mut().flatten().for_each(moved);
        let files = [&mut config.model, &mut config.rules, &mut config.patients, &mut config.hash_key_file];
        files.into_iter().flatten().for_each(moved);
        config.out = Some(self.folder.clone());
        config
    }
}
