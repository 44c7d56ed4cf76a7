//! Result of a command, for the human and for the calling program.

use uecho_probe::exit;

use crate::version::Version;

/// Result of a command; [`Conclusion::code`] is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Conclusion {
    /// The version is blessed, or the command is done.
    Good,
    /// The version is unhealthy, and the guard did nothing.
    Unhealthy,
    /// Rolled back, and the old version is proven to be healthy.
    RolledBack,
    /// Rolled back, but the old version is unhealthy or not proven to be healthy.
    StillUnhealthy,
    /// The machine reboots into the old version; the verdict comes after that.
    Rebooting,
    /// There is no version to roll back to.
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
            Self::Refused => exit::QUARANTINED,
            Self::Later => exit::TEMPORARY,
            Self::Failed => exit::SOFTWARE,
        }
    }
}

/// Report on a command, for the human.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Report {
    /// The result.
    pub outcome: Conclusion,
    /// The version that the result is about.
    pub version: Version,
    /// One line.
    pub text: String,
}
