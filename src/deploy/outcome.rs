//! How a deployment has ended.

use uecho_probe::exit;

/// How a deployment has ended; [`Outcome::code`] is the exit code. Those from 1 to 6 are the codes of the
/// guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The new version serves; if there is a guard, it has blessed it.
    Serves,
    /// The new version is unhealthy and still runs: the guard only reports.
    Unhealthy,
    /// The new version does not serve; the old one is back and serves.
    TakenBack,
    /// The new version does not serve, and that the old one serves is not proven.
    Unproven,
    /// The new version does not serve and still runs: there is nothing to go back to.
    NowhereToGo,
    /// The machine has quarantined the new version; nothing was changed.
    Quarantined,
    /// The guard has given no verdict in time.
    NoVerdict,
}

impl Outcome {
    /// The exit code.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Serves => 0,
            Self::Unhealthy => 1,
            Self::TakenBack => 3,
            Self::Unproven => 4,
            Self::NowhereToGo => 5,
            Self::Quarantined => exit::QUARANTINED,
            Self::NoVerdict => exit::TEMPORARY,
        }
    }
}
