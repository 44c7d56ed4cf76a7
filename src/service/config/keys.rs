//! The names of all settings, taken from the settings themselves.

use std::sync::LazyLock;

use serde_json::Value;

use crate::config::settings::Settings;

/// A setting: its key and its value.
#[derive(Clone, Debug)]
pub struct Setting {
    /// `message`, or `section.key`.
    pub key: String,
    /// The value as serialized; null when the setting is optional and not set.
    pub value: Value,
}

/// All settings with their defaults, in the order of the settings structs.
pub static DEFAULTS: LazyLock<Vec<Setting>> = LazyLock::new(|| flatten(&Settings::default()));

/// All settings with their values: top-level keys and, of every section, its keys. Secrets are redacted.
#[must_use]
pub fn flatten(settings: &Settings) -> Vec<Setting> {
    let Ok(Value::Object(top)) = serde_json::to_value(settings) else { return Vec::new() };
    let mut settings = Vec::new();
    for (name, value) in top {
        match value {
            Value::Object(section) => settings.extend(
                section.into_iter().map(|(key, value)| Setting { key: format!("{name}.{key}"), value }),
            ),
            value => settings.push(Setting { key: name, value }),
        }
    }
    settings
}

/// Whether a credential of this name is meant for this service: a top-level key, or a key in one of its
/// sections.
pub(super) fn is_ours(path: &[String]) -> bool {
    match path {
        [name] => DEFAULTS.iter().any(|ours| ours.key == *name),
        [section, ..] => {
            DEFAULTS.iter().any(|ours| ours.key.split_once('.').is_some_and(|(ours, _)| ours == section))
        }
        [] => false,
    }
}

/// The keys of a section, without its name; without a section, those of the top level.
pub(super) fn in_section(section: Option<&str>) -> Vec<&'static str> {
    DEFAULTS
        .iter()
        .filter_map(|setting| match (setting.key.split_once('.'), section) {
            (Some((ours, name)), Some(section)) if ours == section => Some(name),
            (None, None) => Some(setting.key.as_str()),
            _ => None,
        })
        .collect()
}
