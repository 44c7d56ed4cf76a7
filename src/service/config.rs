//! Configuration: defaults < TOML files < environment `UECHO_SECTION__KEY` < systemd credentials.

mod check;
mod credentials;
mod did_you_mean;
mod entry;
mod files;
pub mod keys;
pub mod peers;
mod problem;
mod service_links;
pub mod settings;
pub mod show;
mod sources;
mod text;
mod validate;
mod variables;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

pub use problem::{ConfigError, Problem};
pub use settings::Settings;
pub use sources::Sources;

/// Read when neither `--config` nor `UECHO_CONFIG` names a file, so that `uecho probe` finds the service's own settings.
pub const DEFAULT_FILE: &str = "/etc/uecho/uecho.toml";

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// All sources merged, checked.
    pub settings: Settings,
    /// Where each value came from.
    pub sources: Sources,
    /// What works but should be changed, a line each: secrets where others can read them, credentials nobody asked for.
    pub warnings: Vec<String>,
}

/// What the sources are read from, so that a test can put something else in its place.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment, of which `UECHO_*` and `CREDENTIALS_DIRECTORY` are looked at.
    pub variables: BTreeMap<OsString, OsString>,
    /// Read when it exists and no other file is named.
    pub default_file: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect(), default_file: Some(DEFAULT_FILE.into()) }
    }

    fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }
}

/// Merges all sources of this process and checks the result. `files` are those of `--config`, the later over the
/// earlier; when there are none, the one `UECHO_CONFIG` names (none if it is empty), else [`DEFAULT_FILE`] if it exists.
///
/// # Errors
/// A file is missing or no TOML, a key is unknown, a value is of the wrong type or out of range. All that is wrong is
/// said at once, each with key, source and remedy.
pub fn load(files: &[PathBuf]) -> Result<Loaded, ConfigError> {
    load_from(files, &Surroundings::of_process())
}

/// As [`load`], with these surroundings.
///
/// # Errors
/// As [`load`].
pub fn load_from(files: &[PathBuf], surroundings: &Surroundings) -> Result<Loaded, ConfigError> {
    let (mut entries, mut warnings, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for file in named_files(files, surroundings) {
        match files::read(&file, &mut warnings) {
            Ok(read) => entries.extend(read),
            Err(wrong) => problems.extend(wrong),
        }
    }
    entries.extend(variables::read(surroundings, &mut warnings, &mut problems));
    entries.extend(credentials::read(surroundings, &mut warnings, &mut problems));
    finish(&entries, warnings, problems)
}

/// Reads TOML text alone, no other source.
///
/// # Errors
/// As [`load`].
pub fn from_toml(text: &str) -> Result<Loaded, ConfigError> {
    let entries = files::parse(Path::new("text"), text).map_err(|problems| ConfigError { problems })?;
    finish(&entries, Vec::new(), Vec::new())
}

fn finish(
    entries: &[entry::Entry],
    warnings: Vec<String>,
    mut problems: Vec<Problem>,
) -> Result<Loaded, ConfigError> {
    let figment = check::merge(entries, &mut problems);
    let sources = Sources::of(&figment);
    // fails when entries that are right by themselves do not go together, like two policies
    let settings = figment.extract::<Settings>();
    match &settings {
        Ok(settings) => problems.extend(validate::all(settings, &sources)),
        Err(error) => problems.push(Problem::new(format!("{}: {}", error.path.join("."), error.kind))),
    }
    match settings {
        Ok(settings) if problems.is_empty() => Ok(Loaded { settings, sources, warnings }),
        _ => Err(ConfigError { problems }),
    }
}

fn named_files(files: &[PathBuf], surroundings: &Surroundings) -> Vec<PathBuf> {
    if !files.is_empty() {
        return files.to_vec();
    }
    match surroundings.variable("UECHO_CONFIG") {
        Some(file) if file.is_empty() => Vec::new(),
        Some(file) => vec![file.into()],
        None => surroundings.default_file.iter().filter(|file| file.exists()).cloned().collect(),
    }
}
