//! Where the sources are read from, so that a test can use something else in its place.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

/// The service reads this file when neither `--config` nor `UECHO_CONFIG` names a file; so `uecho probe`
/// finds the settings of the service.
pub const DEFAULT_FILE: &str = "/etc/uecho/uecho.toml";

/// The environment and the place of the default file.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment, of which `UECHO_*` and `CREDENTIALS_DIRECTORY` are read.
    pub variables: BTreeMap<OsString, OsString>,
    /// The file that is read when it exists and no other file is named.
    pub default_file: Option<PathBuf>,
}

impl Surroundings {
    /// The surroundings of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect(), default_file: Some(DEFAULT_FILE.into()) }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The values of `--config`; without them, the file that `UECHO_CONFIG` names (no file if it is empty),
    /// else the default file if it exists.
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
