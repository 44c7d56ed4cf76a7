//! Configuration: every key from every source, errors, secrets, and `check-config`.

mod command;
mod errors;
mod precedence;
mod reference;
mod schema;
mod secrets;
mod sources;
mod starts;
mod table;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use uecho::config::{self, ConfigError, Loaded, Surroundings};

/// Sources in a directory of their own, read in this process without touching its environment.
struct Sources {
    directory: TempDir,
    files: Vec<PathBuf>,
    surroundings: Surroundings,
}

impl Sources {
    fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            files: Vec::new(),
            surroundings: Surroundings { variables: BTreeMap::new(), default_file: None },
        }
    }

    /// One more `--config` file, for its owner only.
    fn file(mut self, toml: &str) -> Self {
        let path = self.path(&format!("{}.toml", self.files.len()));
        std::fs::write(&path, toml).unwrap();
        mode(&path, 0o600);
        self.files.push(path);
        self
    }

    fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.surroundings.variables.insert(name.into(), value.into());
        self
    }

    fn credential(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let directory = self.path("credentials");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(name), value).unwrap();
        self.variable("CREDENTIALS_DIRECTORY", directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        config::load_from(&self.files, &self.surroundings)
    }

    #[track_caller]
    fn good(&self) -> Loaded {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The problems, one a line, without the name of the directory.
    #[track_caller]
    fn problems(&self) -> Vec<String> {
        let directory = format!("{}/", self.directory.path().display());
        let error = self.load().err().unwrap();
        error.invalid.iter().map(|invalid| invalid.to_string().replace(&directory, "")).collect()
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn variable_name(key: &str) -> String {
    format!("UECHO_{}", key.to_uppercase().replace('.', "__"))
}

/// One setting as a TOML document.
fn document(key: &str, value: &str) -> String {
    match key.split_once('.') {
        Some((section, key)) => format!("[{section}]\n{key} = {value}\n"),
        None => format!("{key} = {value}\n"),
    }
}
