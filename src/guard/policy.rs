//! How the guard judges.

use std::time::Duration;

/// What to do about a version that fails its trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFailure {
    /// Roll back to the last good one.
    #[default]
    Rollback,
    /// Report it, and leave the version running.
    Report,
}

/// How the guard judges.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// How long a version must stay healthy.
    pub soak: Duration,
    /// Pause between two checks.
    pub interval: Duration,
    /// How long a version that has just been started may take to become healthy.
    pub grace: Duration,
    /// Reboots in a row by the guard on behalf of one version; after that many, it does not reboot again.
    pub max_reboots: u32,
    /// How many boots in a row may end without a verdict; after that many, the version is bad.
    pub max_attempts: u32,
    /// What a bad verdict leads to.
    pub on_failure: OnFailure,
}
