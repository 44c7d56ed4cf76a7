//! Versions of the system, and their states.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of the whole system. Its name is the store path of its toplevel (NixOS), or the version of its
/// image (image slots).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Version(String);

impl Version {
    /// The version of this name.
    #[must_use]
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// State of a version. `staged` -> `trial` -> `blessed` | `quarantined`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Assessment {
    /// Installed, but it has not run yet.
    Staged,
    /// It runs or ran, without a verdict.
    Trial,
    /// Proven good.
    Blessed,
    /// Proven bad; it runs again only if a human wants it.
    Quarantined,
    /// A state that a newer guard has written: it is kept, and treated as no verdict.
    Other(String),
}

impl Assessment {
    /// The word in the ledger, the journal and the metrics.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Staged => "staged",
            Self::Trial => "trial",
            Self::Blessed => "blessed",
            Self::Quarantined => "quarantined",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for Assessment {
    fn from(word: String) -> Self {
        match word.as_str() {
            "staged" => Self::Staged,
            "trial" => Self::Trial,
            "blessed" => Self::Blessed,
            "quarantined" => Self::Quarantined,
            _ => Self::Other(word),
        }
    }
}

impl From<Assessment> for String {
    fn from(state: Assessment) -> Self {
        state.as_str().into()
    }
}

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_back_as_written() {
        for word in ["staged", "trial", "blessed", "quarantined", "suspended"] {
            let state: Assessment = serde_json::from_value(word.into()).unwrap();
            assert_eq!(serde_json::to_value(state).unwrap(), word);
        }
    }
}
