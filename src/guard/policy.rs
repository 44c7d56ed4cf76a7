//! How the guard judges.

use std::time::Duration;

/// What to do about a version that fails its trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFailure {
    /// Go back to the last good one.
    #[default]
    Rollback,
    /// Say so, and leave it running.
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
    /// Reboots in a row by the guard before it stops.
    pub max_reboots: u32,
    /// Boots in a row that may end without a verdict.
    pub max_attempts: u32,
    /// What a bad verdict leads to.
    pub on_failure: OnFailure,
}
