//! One value that one source gives one key. Every source yields such assignments, and each is a figment
//! provider of its own, so that figment knows the source of each value of the merged configuration.

use std::{fmt, path::PathBuf};

use figment::{
    Error, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

use crate::config::secret;

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A line, counted from 1, of a TOML file.
    File(PathBuf, usize),
    /// The environment variable of this name.
    Variable(String),
    /// The systemd credential of this name.
    Credential(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

/// A value, its place among the settings, and its source.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    /// Names from the top down: `["limits", "headers"]`.
    pub path: Vec<String>,
    /// The value as parsed; its type is not checked yet.
    pub value: Value,
    /// The source of the value.
    pub source: Source,
}

impl Assignment {
    /// The dotted key, for messages.
    #[must_use]
    pub(super) fn key(&self) -> String {
        self.path.join(".")
    }

    /// Whether this writes a secret. An empty table, as in a file that names every default, contains none.
    #[must_use]
    pub(super) fn holds_secret(&self) -> bool {
        secret::is_secret(&self.path) && self.value.as_dict().is_none_or(|table| !table.is_empty())
    }

    /// Makes one assignment for every innermost value of a table, so that each is checked and traced by
    /// itself.
    #[must_use]
    pub(super) fn flatten(self) -> Vec<Self> {
        match self.value {
            Value::Dict(_, dict) if !dict.is_empty() => dict
                .into_iter()
                .flat_map(|(name, value)| {
                    let path = self.path.iter().cloned().chain([name]).collect();
                    Self { path, value, source: self.source.clone() }.flatten()
                })
                .collect(),
            _ => vec![self],
        }
    }
}

impl Provider for Assignment {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let dict = self
            .path
            .iter()
            .rev()
            .fold(self.value.clone(), |inner, name| Value::from(Dict::from([(name.clone(), inner)])));
        Ok(Profile::Default.collect(dict.into_dict().unwrap_or_default()))
    }
}
