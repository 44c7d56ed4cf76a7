//! What the sources are read from, so that a test can put something else in its place.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

/// Read when neither `--config` nor `UECHO_CONFIG` names a file, so that `uecho probe` finds the service's
/// own settings.
pub const DEFAULT_FILE: &str = "/etc/uecho/uecho.toml";

/// The environment and the place of the default file.
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

    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// Those of `--config`; when there are none, the one that `UECHO_CONFIG` names (none if it is empty),
    /// else the default one if it exists.
    pub(super) fn files(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        if !files.is_empty() {
            return files.to_vec();
        }
        match self.variable("UECHO_CONFIG") {
            Some(file) if file.is_empty() => Vec::new(),
            Some(file) => vec![file.into()],
            None => self.default_file.iter().filter(|file| file.exists()).cloned().collect(),
        }
    }
}
