//! Why the service ended, and with which exit code.

use std::{io, path::PathBuf};

use uecho_probe::exit;

use crate::{config::ConfigError, net::listener::BindError};

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// See [`ConfigError`].
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// See [`BindError`].
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The arguments of the command line cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The verdict of a probe cannot be written.
    #[error("--textfile {}: {error}; name a file in a folder that this user may write to", path.display())]
    Textfile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The runtime or a background task failed.
    #[error("{0}")]
    Software(String),
}

impl Error {
    /// The exit code of the process.
    #[must_use]
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => exit::CONFIG,
            Self::Bind(_) => exit::UNAVAILABLE,
            Self::Usage(_) => exit::USAGE,
            Self::Textfile { .. } => exit::CANNOT_CREATE,
            Self::Software(_) => exit::SOFTWARE,
        }
    }
}
