//! Versions of the system, and their states.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

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

/// A point in time to the second, written as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub u64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + Duration::from_secs(self.0)).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_rfc3339(&text).map_err(D::Error::custom)?;
        Ok(Self(time.duration_since(std::time::UNIX_EPOCH).map_err(D::Error::custom)?.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_times_read_back_as_written() {
        for word in ["staged", "trial", "blessed", "quarantined", "suspended"] {
            let state: Assessment = serde_json::from_value(word.into()).unwrap();
            assert_eq!(serde_json::to_value(state).unwrap(), word);
        }
        let time: Timestamp = serde_json::from_str("\"2026-11-22T00:33:00Z\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-22T00:33:00Z\"");
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }
}
