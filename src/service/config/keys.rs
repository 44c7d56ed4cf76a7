//! The names of all settings, taken from the settings themselves.

use std::sync::LazyLock;

use serde_json::Value;

use crate::config::Settings;

/// A setting's place and its default.
#[derive(Clone, Debug)]
pub struct Key {
    /// `message`, or `section.key`.
    pub name: String,
    /// As serialised; null when the setting is optional and unset.
    pub default: Value,
}

/// All settings, in the order of the settings structs.
pub static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| flatten(&Settings::default()));

/// All settings with their values: top-level keys and, of every section, its keys. Secrets are redacted.
#[must_use]
pub fn flatten(settings: &Settings) -> Vec<Key> {
    let Ok(Value::Object(top)) = serde_json::to_value(settings) else { return Vec::new() };
    let mut keys = Vec::new();
    for (name, value) in top {
        match value {
            Value::Object(section) => keys.extend(
                section.into_iter().map(|(key, default)| Key { name: format!("{name}.{key}"), default }),
            ),
            default => keys.push(Key { name, default }),
        }
    }
    keys
}

/// Whether a credential of this name is meant for us: a top-level key, or something in one of our sections.
pub(super) fn is_ours(path: &[String]) -> bool {
    match path {
        [name] => KEYS.iter().any(|key| key.name == *name),
        [section, ..] => {
            KEYS.iter().any(|key| key.name.split_once('.').is_some_and(|(ours, _)| ours == section))
        }
        [] => false,
    }
}

/// The keys of a section, without its name; of the top level when there is no such section.
pub(super) fn in_section(section: Option<&str>) -> Vec<&'static str> {
    KEYS.iter()
        .filter_map(|key| match (key.name.split_once('.'), section) {
            (Some((ours, name)), Some(section)) if ours == section => Some(name),
            (None, None) => Some(key.name.as_str()),
            _ => None,
        })
        .collect()
}
