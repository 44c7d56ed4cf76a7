//! The settings that must never be shown, and the text that is shown instead.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Serialize, Serializer};

/// The keys whose values, with all that is below them, are secret.
pub const SECRET_KEYS: [&str; 3] = ["fanout.token", "api.token", "otlp.headers"];

/// The text that replaces a secret wherever settings are shown.
pub const REDACTED: &str = "[redacted]";

/// Whether the value at this path is a secret.
#[must_use]
pub fn is_secret(path: &[String]) -> bool {
    SECRET_KEYS.iter().any(|key| key.split('.').count() <= path.len() && overlaps(key, path))
}

/// Whether a value at this path could be, or contain, a secret; then an error must not quote it.
#[must_use]
pub fn may_hold_secret(path: &[String]) -> bool {
    SECRET_KEYS.iter().any(|key| overlaps(key, path))
}

fn overlaps(key: &str, path: &[String]) -> bool {
    key.split('.').zip(path).all(|(part, given)| part == given)
}

#[expect(clippy::ref_option, reason = "serde hands the field by reference")]
pub(super) fn redacted<S: Serializer>(
    secret: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| REDACTED).serialize(serializer)
}

pub(super) fn redacted_values<S: Serializer>(
    secrets: &BTreeMap<String, SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(secrets.keys().map(|name| (name, REDACTED)))
}
