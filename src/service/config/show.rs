//! `uecho check-config`: the effective configuration as TOML, each value with its source, secrets redacted.

use std::fmt::Write as _;

use serde_json::Value;

use crate::config::{
    keys::{self, Setting},
    loaded::Loaded,
};

/// The settings in the order of their structs, one a line: `key = value  # source`. Optional keys that are
/// not set are comments. The result is itself a configuration with the same meaning, except for the secrets.
#[must_use]
pub fn render(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut within = "";
    let settings = keys::flatten(&loaded.settings);
    for Setting { key: name, value } in &settings {
        let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
        if section != within {
            within = section;
            // writing to a string cannot fail
            let _ = writeln!(text, "\n[{section}]");
        }
        let _ = match toml(value) {
            Some(value) => writeln!(text, "{key} = {value}  # {}", one_line(loaded.sources.of_key(name))),
            None => writeln!(text, "# {key} is not set"),
        };
    }
    text
}

/// A value as TOML; `None` for null.
fn toml(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| toml::Value::try_from(value).ok().map(|value| value.to_string()))?
}

/// A file name may contain line ends, but a comment must not.
fn one_line(source: &str) -> String {
    source.replace(char::is_control, "?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn the_output_is_a_configuration_with_the_same_meaning() {
        let loaded = config::from_toml(
            "message = \"two\\nlines # \\u001b\"\n[fanout]\npeers = [\"http://a:1\", \"http://b:2\"]\n\
             policy = { quorum = 2 }\nca = \"/ca\"\n[otlp]\nsample_ratio = 1\ntimeout = \"1500ms\"",
        )
        .unwrap();
        let shown = render(&loaded);
        assert!(shown.contains("policy = { quorum = 2 }  # text:4\n"), "{shown}");
        assert!(shown.contains("# endpoint is not set\n"), "{shown}");
        let again = config::from_toml(&shown).unwrap();
        let json = |loaded: &Loaded| serde_json::to_value(&loaded.settings).unwrap();
        assert_eq!(json(&again), json(&loaded), "{shown}");
    }
}
