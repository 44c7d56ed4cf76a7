//! What is wrong with a configuration, in words that help to correct it: the key, what was found, what would
//! be right, and the source.

use std::fmt;

/// One thing that cannot be used, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The key, like `limits.idle` or `fanout.peers[1]`; empty when it concerns no single key.
    pub key: String,
    text: String,
    source: Option<String>,
}

impl Invalid {
    /// An error that concerns no single key.
    pub(super) fn whole(text: impl Into<String>) -> Self {
        Self::of("", text)
    }

    /// A key whose value cannot be used: what is wrong and what would be right.
    pub(crate) fn of(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { key: key.into(), text: text.into(), source: None }
    }

    /// Adds the source of the value.
    pub(super) fn given_by(self, source: impl fmt::Display) -> Self {
        Self { source: Some(source.to_string()), ..self }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        let source = self.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
        // a quoted value must not begin a line of its own
        for character in format!("{key}{}{source}", self.text).chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// The configuration is unusable (exit code 78, `EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// Everything that is wrong, at least one.
    pub invalid: Vec<Invalid>,
}

impl From<Invalid> for ConfigError {
    fn from(invalid: Invalid) -> Self {
        Self { invalid: vec![invalid] }
    }
}

impl From<Vec<Invalid>> for ConfigError {
    fn from(invalid: Vec<Invalid>) -> Self {
        Self { invalid }
    }
}

impl ConfigError {
    /// A configuration with this one error.
    #[must_use]
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Invalid::whole(text).into()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, invalid) in self.invalid.iter().enumerate() {
            write!(f, "{}configuration: {invalid}", if line == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
