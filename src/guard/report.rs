//! How a command ended, for the human who gave it and for the caller.

use uecho_probe::exit;

use crate::version::Version;

/// How a command ended; [`Conclusion::code`] is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Conclusion {
    /// Blessed, or whatever else was asked for is done.
    Good,
    /// Unhealthy, and nothing was done about it.
    Unhealthy,
    /// Rolled back, and the old version is proven healthy.
    RolledBack,
    /// Rolled back, but unhealthy or not proven.
    StillUnhealthy,
    /// A reboot into the old version has been asked for; the verdict comes after it.
    Rebooting,
    /// Nothing to go back to.
    NowhereToGo,
    /// Refused: the version is quarantined, or lower than one that was blessed.
    Refused,
    /// Not now: a version is on trial.
    Later,
    /// The machine could not be asked or told.
    Failed,
}

impl Conclusion {
    /// The exit code.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Unhealthy => 1,
            Self::RolledBack => 3,
            Self::StillUnhealthy | Self::Rebooting => 4,
            Self::NowhereToGo => 5,
            Self::Refused => 6,
            Self::Later => exit::TEMPORARY,
            Self::Failed => exit::SOFTWARE,
        }
    }
}

/// What came of a command, for the human who gave it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Report {
    /// How it ended.
    pub outcome: Conclusion,
    /// The version it is about.
    pub version: Version,
    /// One line.
    pub text: String,
}
