//! Every key from every source.

use secrecy::ExposeSecret;
use serde_json::Value;
use uecho::config::{Settings, keys};

use super::{
    Sources, document,
    table::{Form, TABLE},
    variable_name,
};

#[test]
fn the_table_has_every_key() {
    let table = TABLE.iter().map(|(key, ..)| *key).collect::<Vec<_>>();
    let keys = keys::DEFAULTS.iter().map(|setting| setting.key.as_str()).collect::<Vec<_>>();
    assert_eq!(table, keys);
}

#[test]
fn each_source_overrides_those_before_it() {
    for (key, form, values) in TABLE {
        let default = read(&Sources::new().good().settings, key);
        assert_ne!(default, json(values[0]), "{key}: the first value must differ from the default");

        // a quorum needs a peer
        let mut sources = Sources::new().file("[fanout]\npeers = [\"http://base:1\"]");
        let origins = ["1.toml:", "2.toml:", &variable_name(key), &format!("credential {key}")];
        for (level, (value, origin)) in values.iter().zip(origins).enumerate() {
            sources = match level {
                0 | 1 => sources.file(&document(key, value)),
                2 => sources.variable(variable_name(key), bare(value)),
                _ => sources.credential(key, format!("{}\n", bare(value))),
            };
            let loaded = sources.good();
            assert_eq!(read(&loaded.settings, key), json(value), "{key} from {origin}");
            let source = loaded.sources.of_key(key);
            assert!(source.contains(origin), "{key}: {source:?} should be {origin:?}");
        }
        assert!(form.takes_any_text() || !form.wrong().is_empty());
    }
}

#[test]
fn a_key_that_no_source_sets_has_its_default() {
    let loaded = Sources::new().file("[limits]\nheaders = 7").good();
    for setting in keys::DEFAULTS.iter().filter(|setting| setting.key != "limits.headers") {
        assert_eq!(read(&loaded.settings, &setting.key), setting.value, "{}", setting.key);
        assert_eq!(loaded.sources.of_key(&setting.key), "default", "{}", setting.key);
    }
}

#[test]
fn every_key_refuses_invalid_values_from_every_source() {
    for (key, form, _) in TABLE {
        for (value, said) in form.wrong() {
            let problem = only(&Sources::new().file(&document(key, value)), key, value);
            assert!(problem.contains(said), "{key} = {value}: {problem}");
            assert!(
                problem.ends_with(&format!("(0.toml:{})", document(key, value).lines().count())),
                "{problem}"
            );

            // as plain text, a number or a list may be valid
            if form.takes_any_text() && !value.starts_with('"') || *value == "\"2\"" && *form == Form::Count {
                continue;
            }
            let name = variable_name(key);
            let problem = only(&Sources::new().variable(name.as_str(), bare(value)), key, value);
            assert!(problem.ends_with(&format!("(environment variable {name})")), "{problem}");
            let problem = only(&Sources::new().credential(key, bare(value)), key, value);
            assert!(problem.ends_with(&format!("(credential {key})")), "{problem}");
        }
    }
}

/// The only problem, which must begin with the key.
#[track_caller]
fn only(sources: &Sources, key: &str, value: &str) -> String {
    let problems = sources.problems();
    assert_eq!(problems.len(), 1, "{key} = {value}: {problems:?}");
    assert!(problems[0].starts_with(key), "{key} = {value}: {problems:?}");
    problems[0].clone()
}

/// The setting as serialized, secrets in clear text.
fn read(settings: &Settings, key: &str) -> Value {
    match key {
        "api.token" => settings.api.token.as_ref().map(ExposeSecret::expose_secret).into(),
        "fanout.token" => settings.fanout.token.as_ref().map(ExposeSecret::expose_secret).into(),
        "otlp.headers" => {
            let headers = settings.otlp.headers.iter();
            headers.map(|(name, value)| (name.clone(), Value::from(value.expose_secret()))).collect()
        }
        _ => keys::flatten(settings).into_iter().find(|other| other.key == key).unwrap().value,
    }
}

fn json(toml: &str) -> Value {
    let document: toml::Table = toml::from_str(&format!("value = {toml}")).unwrap();
    serde_json::to_value(&document["value"]).unwrap()
}

/// A value as it is written outside TOML: a string without its quotation marks.
fn bare(toml: &str) -> String {
    json(toml).as_str().map_or_else(|| toml.to_owned(), str::to_owned)
}
