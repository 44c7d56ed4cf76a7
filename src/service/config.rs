//! The configuration: defaults < TOML files < environment `UECHO_SECTION__KEY` < systemd credentials. It
//! keeps the source of each value, for `check-config` and for every error; no library does that for lines of
//! TOML and for credentials.

mod assignment;
mod check;
mod checker;
mod credentials;
mod did_you_mean;
mod explain;
mod files;
mod forms;
mod invalid;
pub mod keys;
mod loaded;
pub mod schema;
pub mod secret;
mod service_links;
pub mod settings;
pub mod show;
mod sources;
mod surroundings;
mod text;
mod variables;

use std::path::{Path, PathBuf};

use assignment::Assignment;
pub use invalid::{ConfigError, Invalid};
pub use loaded::Loaded;
pub use settings::Settings;
pub use sources::Sources;
pub use surroundings::{DEFAULT_FILE, Surroundings};

/// Merges all sources of this process and checks the result. `files` are the values of `--config`; a later
/// file overrides an earlier one. Without them, this reads the file that `UECHO_CONFIG` names (no file if it
/// is empty), else [`DEFAULT_FILE`] if it exists.
///
/// # Errors
/// A file is missing or is not TOML, a key is unknown, or a value has the wrong type or is out of range. The
/// error names everything that is wrong, each with key, source and remedy.
pub fn load(files: &[PathBuf]) -> Result<Loaded, ConfigError> {
    load_from(files, &Surroundings::of_process())
}

/// Does what [`load`] does, with these surroundings.
///
/// # Errors
/// Those of [`load`].
pub fn load_from(files: &[PathBuf], surroundings: &Surroundings) -> Result<Loaded, ConfigError> {
    let (mut assignments, mut warnings, mut invalid) = (Vec::new(), Vec::new(), Vec::new());
    for file in surroundings.files(files) {
        match files::read(&file, &mut warnings) {
            Ok(read) => assignments.extend(read),
            Err(wrong) => invalid.extend(wrong),
        }
    }
    assignments.extend(variables::read(surroundings, &mut warnings, &mut invalid));
    assignments.extend(credentials::read(surroundings, &mut warnings, &mut invalid));
    finish(&assignments, warnings, invalid)
}

/// Reads TOML text alone, no other source.
///
/// # Errors
/// Those of [`load`].
pub fn from_toml(text: &str) -> Result<Loaded, ConfigError> {
    let assignments = files::parse(Path::new("text"), text).map_err(|invalid| ConfigError { invalid })?;
    finish(&assignments, Vec::new(), Vec::new())
}

fn finish(
    assignments: &[Assignment],
    warnings: Vec<String>,
    mut invalid: Vec<Invalid>,
) -> Result<Loaded, ConfigError> {
    let figment = check::merge(assignments, &mut invalid);
    let sources = Sources::of(&figment);
    // this fails when values that are valid by themselves contradict each other, like two policies
    let settings = figment.extract::<Settings>();
    match &settings {
        Ok(settings) => invalid.extend(settings.check().into_iter().map(|wrong| {
            // an item of a list has the source of the list
            let source = sources.of_key(wrong.key.split('[').next().unwrap_or_default());
            wrong.given_by(source)
        })),
        Err(error) => invalid.push(Invalid::of(error.path.join("."), error.kind.to_string())),
    }
    match settings {
        Ok(settings) if invalid.is_empty() => Ok(Loaded { settings, sources, warnings }),
        _ => Err(ConfigError { invalid }),
    }
}
