//! The source of each setting.

use std::collections::BTreeMap;

use figment::{Figment, value::Value};

use crate::config::keys::DEFAULTS;

/// Maps a dotted key to the text that names its source; keys that no source sets are not in it.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<&'static str, String>);

impl Sources {
    pub(super) fn of(figment: &Figment) -> Self {
        let mut sources = BTreeMap::new();
        for setting in DEFAULTS.iter() {
            let Ok(value) = figment.find_value(&setting.key) else { continue };
            let mut found = Vec::new();
            collect(figment, &value, "", &mut found);
            sources.insert(setting.key.as_str(), join(&found));
        }
        Self(sources)
    }

    /// `/etc/uecho/uecho.toml:3`, `environment variable UECHO_MESSAGE`, `credential api.token` or `default`;
    /// for a table with values from several sources, all of them with their names.
    #[must_use]
    pub fn of_key(&self, key: &str) -> &str {
        self.0.get(key).map_or("default", String::as_str)
    }
}

fn collect(figment: &Figment, value: &Value, name: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Dict(_, dict) if !dict.is_empty() => {
            for (name, value) in dict {
                collect(figment, value, name, found);
            }
        }
        _ => {
            let source = figment.get_metadata(value.tag()).map_or("unknown", |metadata| &metadata.name);
            found.push((name.into(), source.into()));
        }
    }
}

fn join(found: &[(String, String)]) -> String {
    match found {
        [(_, source)] => source.clone(),
        _ => found.iter().map(|(name, source)| format!("{name}: {source}")).collect::<Vec<_>>().join("; "),
    }
}
