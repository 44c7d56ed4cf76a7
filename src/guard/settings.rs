//! The settings: the file `/etc/uecho/guard.toml` overrides the defaults, the command line overrides both.

pub(crate) mod slots;

use std::path::{Path, PathBuf};

use figment::{Figment, error::Kind, providers::Serialized};
use serde::{Deserialize, Serialize};
use slots::{Backend, SlotSettings};
use uecho_probe::{target::Target, units::DurationValue};

use crate::policy::{OnFailure, Policy};

/// The file that is read if no other is named; it need not exist.
pub(crate) const DEFAULT_FILE: &str = "/etc/uecho/guard.toml";

/// The settings cannot be used (exit code 78, `EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub(crate) struct SettingsError(String);

/// All settings of the guard. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// How long a version must stay healthy to be blessed.
    pub soak: DurationValue,
    /// Pause between two rounds of checks.
    pub interval: DurationValue,
    /// How long a version may take to become healthy after its switch or boot is done.
    pub grace: DurationValue,
    /// Reboots in a row by the guard. After that many, it does not reboot again, and says so.
    pub max_reboots: u32,
    /// How many boots in a row may end without a verdict; after that many, the version is bad.
    pub max_attempts: u32,
    /// What a bad verdict leads to: `rollback` or `report`.
    pub on_failure: OnFailure,
    /// Whether `uecho probe` is the first check.
    pub probe: bool,
    /// Where the probe asks: by default the public listener's Unix socket, or, if that does not exist,
    /// `http://127.0.0.1:8080`.
    pub url: Option<String>,
    /// How long one probe may take.
    pub timeout: DurationValue,
    /// Units that must be active, as the version on trial defines them, and must not restart meanwhile.
    pub units: Vec<String>,
    /// Further checks, run in this order.
    pub checks: Vec<Check>,
    /// Where the ledger is kept.
    pub state_dir: PathBuf,
    /// Where the lock and the metrics are.
    pub runtime_dir: PathBuf,
    /// What versions are: `generations` of a NixOS profile, or images in `slots`.
    pub backend: Backend,
    /// Profile whose generations are the versions.
    pub profile: PathBuf,
    /// Where images in slots are.
    pub slots: SlotSettings,
}

/// A command that exits with 0 when all is well.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// Name in reasons.
    pub name: String,
    /// Program and arguments, run without a shell.
    pub command: Vec<String>,
    /// How long it may take; after that it has failed.
    #[serde(default = "check_timeout")]
    pub timeout: DurationValue,
}

fn check_timeout() -> DurationValue {
    DurationValue::secs(10)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            soak: DurationValue::secs(30),
            interval: DurationValue::secs(2),
            grace: DurationValue::secs(15),
            max_reboots: 3,
            max_attempts: 3,
            on_failure: OnFailure::Rollback,
            probe: true,
            url: None,
            timeout: DurationValue::secs(5),
            units: vec!["uecho.service".into()],
            checks: Vec::new(),
            state_dir: "/var/lib/uecho-guard".into(),
            runtime_dir: "/run/uecho-guard".into(),
            backend: Backend::default(),
            profile: "/nix/var/nix/profiles/system".into(),
            slots: SlotSettings::default(),
        }
    }
}

impl Settings {
    /// Reads `file`, else [`DEFAULT_FILE`] if it exists.
    ///
    /// # Errors
    /// The file is missing or no TOML, a key is unknown, a value is of the wrong type or out of range; the
    /// text names key, file and what would be right.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let default = Path::new(DEFAULT_FILE);
        let file = file.or_else(|| default.exists().then_some(default));
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            figment = figment.merge(Serialized::defaults(read(file).map_err(SettingsError)?));
        }
        let settings: Self = figment.extract().map_err(|error| SettingsError(in_words(&error, file)))?;
        settings.check(file)?;
        Ok(settings)
    }

    fn check(&self, file: Option<&Path>) -> Result<(), SettingsError> {
        let wrong = |text: String| Err(SettingsError(format!("{text}{}", place(file))));
        if self.interval.0.is_zero() {
            return wrong("interval: expected some time, like \"2s\"".into());
        }
        if self.timeout.0.is_zero() {
            return wrong("timeout: expected some time, like \"5s\"".into());
        }
        if let Some((key, example)) = self.relative_path() {
            return wrong(format!("{key}: expected an absolute path, like \"{example}\""));
        }
        if !self.probe && self.units.is_empty() && self.checks.is_empty() {
            return wrong(
                "probe: without it, `units` or `checks` must have an entry: nothing would be checked".into(),
            );
        }
        if let Err(error) = self.target() {
            return wrong(format!("url: {error}"));
        }
        for (index, check) in self.checks.iter().enumerate() {
            if check.command.is_empty() {
                return wrong(format!("checks[{index}].command: expected a program, like [\"/bin/true\"]"));
            }
            if check.timeout.0.is_zero() {
                return wrong(format!("checks[{index}].timeout: expected some time, like \"10s\""));
            }
        }
        Ok(())
    }

    /// The key of a path that is not absolute, and a right value.
    fn relative_path(&self) -> Option<(&'static str, String)> {
        fn paths(settings: &Settings) -> impl Iterator<Item = (&'static str, &PathBuf)> {
            let own = [
                ("state_dir", &settings.state_dir),
                ("runtime_dir", &settings.runtime_dir),
                ("profile", &settings.profile),
            ];
            own.into_iter().chain(settings.slots.paths())
        }
        let (key, _) = paths(self).find(|(_, path)| !path.is_absolute())?;
        let defaults = Self::default();
        let default = paths(&defaults).find(|(other, _)| *other == key).map(|(_, path)| path.clone());
        Some((key, default.unwrap_or_else(|| "/dev/vda".into()).display().to_string()))
    }

    /// What to probe, if `url` is set.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub(crate) fn target(&self) -> Result<Option<Target>, String> {
        self.url.as_deref().map(str::parse).transpose()
    }

    /// The rules for a verdict.
    #[must_use]
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            soak: self.soak.0,
            interval: self.interval.0,
            grace: self.grace.0,
            max_reboots: self.max_reboots,
            max_attempts: self.max_attempts,
            on_failure: self.on_failure,
        }
    }
}

fn read(file: &Path) -> Result<toml::Table, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = text[..error.span().unwrap_or_default().start].matches('\n').count() + 1;
        format!("{}:{line}: not TOML: {}", file.display(), error.message().replace('\n', ", "))
    })
}

fn place(file: Option<&Path>) -> String {
    file.map(|file| format!(" ({})", file.display())).unwrap_or_default()
}

fn in_words(error: &figment::Error, file: Option<&Path>) -> String {
    let text = match &error.kind {
        Kind::UnknownField(_, expected) => format!("unknown key; there are {}", expected.join(", ")),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("expected {expected}, found {found}")
        }
        Kind::MissingField(name) => format!("`{name}` is missing"),
        other => other.to_string(),
    };
    let mut path = error.path.clone();
    if let Kind::UnknownField(name, _) = &error.kind
        && path.last() != Some(name)
    {
        path.push(name.clone());
    }
    let key = if path.is_empty() { String::new() } else { format!("{}: ", path.join(".")) };
    format!("{key}{text}{}", place(file))
}

#[cfg(test)]
mod tests;
