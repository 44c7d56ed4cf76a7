//! Why a deployment has not begun.

use uecho_probe::exit;

/// Why a deployment has not begun: nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line or a variable is wrong.
    #[error("{0}")]
    Usage(String),
    /// The build, the copy or a question to the machine has failed.
    #[error("{0} Nothing was changed.")]
    NothingChanged(String),
    /// Another rollout is under way.
    #[error("{0}")]
    Busy(String),
}

impl Error {
    /// The exit code.
    #[must_use]
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::NothingChanged(_) => exit::UNAVAILABLE,
            Self::Busy(_) => exit::TEMPORARY,
        }
    }
}
