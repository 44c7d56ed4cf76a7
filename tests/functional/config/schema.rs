//! `uecho check-config --schema` accepts what the program accepts, and refuses the unknown keys and wrong
//! types that it refuses.

use std::process::Command;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::Value;
use uecho::config::{Settings, keys, show};
use uecho_probe::units::{DurationValue, Size};

use super::{Sources, document, starts::ACCEPTED, table::TABLE};

/// The schema as it is printed, where no configuration can be read.
fn printed() -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_uecho"))
        .env_clear()
        .args(["check-config", "--schema", "--config", "/nonexistent.toml"])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn validator() -> Validator {
    jsonschema::validator_for(&printed()).unwrap()
}

fn json(toml: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(toml).unwrap()).unwrap()
}

#[test]
fn every_key_is_described_with_its_default() {
    let schema = printed();
    jsonschema::meta::validate(&schema).unwrap();
    for setting in keys::DEFAULTS.iter() {
        let place = setting.key.replace('.', "/properties/");
        let property = schema.pointer(&format!("/properties/{place}")).expect(&setting.key);
        assert!(property["description"].as_str().unwrap().ends_with('.'), "{property}");
        // the default is the host name of the machine
        let default = if setting.key == "instance" { &Value::Null } else { &setting.value };
        assert_eq!(&property["default"], default, "{}", setting.key);
        let secret =
            uecho::config::secret::is_secret(&setting.key.split('.').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(property["writeOnly"] == true, secret, "{}", setting.key);
    }
}

#[test]
fn the_schema_accepts_everything_that_the_program_accepts() {
    let validator = validator();
    let shown = show::render(&Sources::new().good());
    let single = TABLE
        .iter()
        .flat_map(|(key, _, values)| values.iter().map(|value| document(key, value)))
        // the braces stand for a directory
        .chain(ACCEPTED.iter().map(|toml| toml.replace('{', "/{")));
    for toml in single.chain([shown]) {
        let Ok(table) = toml::from_str::<toml::Table>(&toml) else { continue };
        if table.clone().try_into::<Settings>().is_ok() {
            validator.validate(&json(&toml)).unwrap_or_else(|error| panic!("{toml}: {error}"));
        }
    }
}

#[test]
fn unknown_keys_and_wrong_types_are_refused() {
    let validator = validator();
    let wrong =
        TABLE.iter().flat_map(|(key, form, _)| form.wrong().iter().map(|(value, _)| document(key, value)));
    let wrong = wrong.filter(|toml| toml::from_str::<Settings>(toml).is_err()).collect::<Vec<_>>();
    assert!(wrong.len() > TABLE.len(), "{wrong:?}");
    let unknown = keys::DEFAULTS.iter().filter(|setting| setting.key != "otlp.headers").flat_map(|setting| {
        let section =
            setting.key.split_once('.').map_or(String::new(), |(section, _)| format!("[{section}]\n"));
        [format!("{section}colour = 1"), format!("{section}\"\" = 'x'")]
    });
    let sections = ["colours = {}", "limits = 7", "api = 'x'", "fanout = []", "otlp.headers = { a = 1 }"];
    for toml in wrong.into_iter().chain(unknown).chain(sections.map(str::to_owned)) {
        assert!(Sources::new().file(&toml).load().is_err(), "{toml}");
        assert!(!validator.is_valid(&json(&toml)), "{toml}");
    }
}

/// Every valid unit, and some invalid ones.
const UNITS: &str = "nanos nsec ns usec us µs millis msec ms seconds second secs sec s \
    minutes minute mins min m \
    hours hour hrs hr h days day d weeks week wks wk w months month M years year yrs yr y \
    KiB MiB GiB kB MB GB B k K KB kib TiB Ms S H . + -";

#[test]
fn durations_and_sizes_have_the_grammar_of_the_program() {
    let validator = validator();
    let takes = |section: &str, key: &str, text: &str| {
        validator.is_valid(&serde_json::json!({ section: { key: text } }))
    };
    let check = |text: &str| {
        let size = text.parse::<Size>();
        prop_assert_eq!(takes("limits", "memory", text), size.is_ok(), "{:?}: {:?}", text, size);
        let span = text.parse::<DurationValue>();
        // only the program knows that nothing is more precise than a nanosecond
        let too_precise = span.as_ref().is_err_and(|error| error.contains("lack of precision"));
        let durations = span.is_ok() || too_precise;
        prop_assert_eq!(takes("limits", "idle", text), durations, "{:?}: {:?}", text, span);
        Ok(())
    };
    let units = UNITS.split(' ').chain([""]).collect::<Vec<_>>();
    for unit in &units {
        for number in ["", "0", "1", "23", "1.5", ".5", "1.", "+1", "-1", "1 2", "1s 2"] {
            for gap in ["", " "] {
                check(&format!("{number}{gap}{unit}")).unwrap();
            }
        }
    }
    let pieces = units.into_iter().chain(["0", "1", "23", " "]).collect::<Vec<_>>();
    let texts = prop::collection::vec(prop::sample::select(pieces), 0..6).prop_map(|pieces| pieces.concat());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) };
    proptest!(config, |(text in texts)| { check(&text)?; });
}
