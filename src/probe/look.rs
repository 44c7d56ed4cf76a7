//! What became of one look for a newer version, of a machine that follows releases. Machines that switch to
//! systems and those that install images tell it by the same names.

use crate::exit;

/// The metric with the state of the last look, and its help.
pub const STATE: (&str, &str) = ("uecho_pull_state", "1 for what became of the last look at the release");

/// The metric with the time of the last success, and its help.
pub const LAST_SUCCESS: (&str, &str) = (
    "uecho_pull_last_success_seconds",
    "When the machine last ran, or waited for its turn to run, what a release says (Unix time; 0: never)",
);

/// What became of it: the label `state` of the metrics, and the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The machine runs what the release says.
    UpToDate,
    /// The machine has switched to it, or reboots into it; the guard judges it now.
    Switched,
    /// It is not this machine's turn yet, or it waits for the next boot.
    Waiting,
    /// Something else is under way: a trial, a deployment, or other machines that are away.
    Busy,
    /// The guard has quarantined it.
    Quarantined,
    /// The release is not followed: its signature, its age or its content is wrong.
    Refused,
    /// The release, or the system that it names, cannot be fetched.
    Unreachable,
    /// The machine could not do what it had to.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::UpToDate,
        Self::Switched,
        Self::Waiting,
        Self::Busy,
        Self::Quarantined,
        Self::Refused,
        Self::Unreachable,
        Self::Failed,
    ];

    /// The word for it in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::Switched => "switched",
            Self::Waiting => "waiting",
            Self::Busy => "busy",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Failed => "failed",
        }
    }

    /// Whether the machine runs, or will run, what the release says.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::UpToDate | Self::Switched | Self::Waiting)
    }

    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::UpToDate | Self::Switched | Self::Waiting => 0,
            Self::Failed => 1,
            Self::Quarantined => exit::QUARANTINED,
            Self::Refused => exit::DATA,
            Self::Unreachable => exit::UNAVAILABLE,
            Self::Busy => exit::TEMPORARY,
        }
    }
}
