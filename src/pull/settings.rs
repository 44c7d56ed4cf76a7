//! The settings: one TOML file.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use uecho_probe::{target::Target, units::DurationValue};

use crate::fetch::Source;

/// The settings cannot be used (exit code 78, `EX_CONFIG`); the text names the file, and the key.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub(crate) struct SettingsError(String);

/// Which releases a machine follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// `prod`, ...
    pub environment: String,
    /// `canary`, `all`, ...
    pub wave: String,
    /// The name of this machine in releases.
    pub machine: String,
}

/// Environment and wave.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.environment, self.wave)
    }
}

/// The file as it is. Unknown keys are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    url: String,
    environment: String,
    wave: String,
    machine: String,
    allowed_signers: PathBuf,
    #[serde(default = "no_time")]
    window: DurationValue,
    may_drain: Option<String>,
    #[serde(default = "timeout")]
    timeout: DurationValue,
    #[serde(default = "state_dir")]
    state_dir: PathBuf,
    #[serde(default = "metrics")]
    metrics: PathBuf,
}

fn no_time() -> DurationValue {
    DurationValue::secs(0)
}

fn timeout() -> DurationValue {
    DurationValue::secs(20)
}

fn state_dir() -> PathBuf {
    "/var/lib/uecho-pull".into()
}

fn metrics() -> PathBuf {
    "/run/uecho-pull/metrics.prom".into()
}

/// All settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where the manifest is; its signature has the same URL with `.sig` at its end.
    pub release: Source,
    /// Which releases this machine follows.
    pub place: Place,
    /// The keys that may sign.
    pub allowed_signers: PathBuf,
    /// Over which time the machines of a wave are spread.
    pub window: DurationValue,
    /// Where a load balancer tells with status 200 that one more machine may go away.
    pub may_drain: Option<Source>,
    /// Where the memory is kept.
    pub state_dir: PathBuf,
    /// The file with the metrics.
    pub metrics: PathBuf,
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, a key is missing, unknown or wrong.
    pub(crate) fn read(file: &Path) -> Result<Self, SettingsError> {
        let problem = |text: String| SettingsError(format!("{}: {text}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
        Self::parse(&text).map_err(problem)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let text: Text = toml::from_str(text).map_err(|error| error.to_string())?;
        if text.timeout.0.is_zero() {
            return Err("timeout: expected some time, like \"20s\"".into());
        }
        let paths = [
            ("allowed_signers", &text.allowed_signers),
            ("state_dir", &text.state_dir),
            ("metrics", &text.metrics),
        ];
        if let Some((key, path)) = paths.into_iter().find(|(_, path)| !path.is_absolute()) {
            return Err(format!("{key}: expected an absolute path, found `{}`", path.display()));
        }
        let source = |key: &str, url: &str| {
            let url = url.parse::<Target>().map_err(|error| format!("{key}: {error}"))?;
            Ok::<_, String>(Source { url, timeout: text.timeout.0 })
        };
        Ok(Self {
            release: source("url", &text.url)?,
            may_drain: text.may_drain.as_deref().map(|url| source("may_drain", url)).transpose()?,
            place: Place { environment: text.environment, wave: text.wave, machine: text.machine },
            allowed_signers: text.allowed_signers,
            window: text.window,
            state_dir: text.state_dir,
            metrics: text.metrics,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "url = \"https://releases/prod/canary.json\"\nenvironment = \"prod\"\n\
        wave = \"canary\"\nmachine = \"n1\"\nallowed_signers = \"/etc/uecho/allowed_signers\"\n";

    #[test]
    fn five_keys_are_enough() {
        let settings = Settings::parse(LEAST).unwrap();
        assert_eq!(settings.release.url.to_string(), "https://releases/prod/canary.json");
        assert_eq!(settings.place.to_string(), "prod/canary");
        assert!(settings.window.0.is_zero() && settings.may_drain.is_none());
        assert_eq!(settings.state_dir, Path::new("/var/lib/uecho-pull"));
    }

    #[test]
    fn an_error_names_the_key() {
        for (line, named) in [
            ("wait = 1", "unknown field `wait`"),
            ("window = \"soon\"", "soon"),
            ("timeout = \"0s\"", "timeout: expected some time"),
            ("may_drain = \"lb\"", "may_drain: "),
            ("state_dir = \"state\"", "state_dir: expected an absolute path"),
            ("metrics = \"m\"", "metrics: expected an absolute path"),
        ] {
            let error = Settings::parse(&format!("{LEAST}{line}\n")).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
        for (key, value) in [("url", "\"releases\""), ("allowed_signers", "\"keys\"")] {
            let lines = LEAST.lines().map(|line| match line.split_once(" = ") {
                Some((name, _)) if name == key => format!("{key} = {value}\n"),
                _ => format!("{line}\n"),
            });
            let error = Settings::parse(&lines.collect::<String>()).unwrap_err();
            assert!(error.starts_with(&format!("{key}: ")), "{error}");
        }
        assert!(Settings::parse("").unwrap_err().contains("missing field `url`"));
        let error = Settings::read(Path::new("/nonexistent/pull.toml")).unwrap_err().to_string();
        assert!(error.starts_with("configuration: /nonexistent/pull.toml: "), "{error}");
    }
}
