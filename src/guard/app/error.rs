//! Why a command could not be carried out.

use std::{io, path::PathBuf};

use uecho_probe::exit;

use crate::{lock::LockError, settings::SettingsError, store::WriteError, system::SystemError};

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The command is for machines with image slots.
    #[error("configuration: backend: expected \"slots\" for `{0}`: only image slots have it")]
    NoSlots(&'static str),
    /// Another guard is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The machine could not be asked or told.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The ledger cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The ledger cannot be read.
    #[error(
        "the ledger in {folder} cannot be read ({problem}), so there is no telling {what}; `uecho-guard \
            verify` rebuilds it"
    )]
    Ledger {
        /// Where it is kept.
        folder: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What it would have told.
        what: String,
    },
    /// Nobody reads what is said.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl Error {
    /// The exit code.
    #[must_use]
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::NoSlots(_) => exit::CONFIG,
            Self::Lock(LockError::Held(_)) => exit::TEMPORARY,
            Self::Lock(LockError::Io(_))
            | Self::System(_)
            | Self::Write(_)
            | Self::Ledger { .. }
            | Self::Output(_) => exit::SOFTWARE,
        }
    }
}
