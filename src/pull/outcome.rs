//! What became of one look at the release.

use uecho_probe::exit;

/// What became of it: the label `state` of the metrics, and the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The machine runs what the release says.
    UpToDate,
    /// The machine has switched to it; the guard judges it now.
    Switched,
    /// It is not this machine's turn yet.
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
    pub(crate) const ALL: [Self; 8] = [
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
    pub(crate) fn as_str(self) -> &'static str {
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
    pub(crate) fn is_success(self) -> bool {
        matches!(self, Self::UpToDate | Self::Switched | Self::Waiting)
    }

    /// The exit code.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
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

/// How it ended, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// What became of it.
    pub outcome: Outcome,
    /// In words.
    pub text: String,
}

impl Ended {
    /// An end with these words.
    pub(crate) fn new(outcome: Outcome, text: impl Into<String>) -> Self {
        Self { outcome, text: text.into() }
    }
}
