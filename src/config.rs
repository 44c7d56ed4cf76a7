//! Configuration: defaults < TOML files < environment `UECHO_SECTION__KEY` < systemd credentials.

pub mod listen;
pub mod settings;
pub mod units;

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};

pub use settings::Settings;

/// Read when neither `--config` nor `UECHO_CONFIG` names a file, so that `uecho probe` finds the service's own settings.
pub const DEFAULT_FILE: &str = "/etc/uecho/uecho.toml";

/// The configuration is unusable (exit code 78, `EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(pub String);

/// Merges all sources and checks the result.
///
/// # Errors
/// A file is missing, a key is unknown, a value is of the wrong type or out of range; the text names key, source and remedy.
pub fn load(files: &[PathBuf]) -> Result<Settings, ConfigError> {
    let files = if files.is_empty() { default_files() } else { files.to_vec() };
    let mut figment = Figment::from(Serialized::defaults(Settings::default()));
    for file in &files {
        figment = figment.merge(Toml::file_exact(file));
    }
    let settings: Settings = figment
        .merge(Env::prefixed("UECHO_").split("__").ignore(&["config", "revision"]))
        .extract()
        .map_err(|error| ConfigError(error.to_string()))?;
    match crate::peers::validate::validate(&settings.fanout).as_slice() {
        [] => Ok(settings),
        wrong => Err(ConfigError(wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))),
    }
}

fn default_files() -> Vec<PathBuf> {
    match std::env::var_os("UECHO_CONFIG") {
        Some(file) if file.is_empty() => Vec::new(),
        Some(file) => vec![file.into()],
        None => Some(Path::new(DEFAULT_FILE))
            .filter(|file| file.exists())
            .map(PathBuf::from)
            .into_iter()
            .collect(),
    }
}
