//! Values that come as plain text (environment, credentials): the key decides what the text means.

use figment::{error::Kind, value::Value};
use toml::de::DeValue;

use crate::config::{
    assignment::{Assignment, Source},
    check, files,
};

/// A key that takes a string gets the text unchanged (`UECHO_MESSAGE=42` is the string `42`); for any other
/// key, the text is parsed as a TOML value. A table yields an assignment for each of its values.
pub(super) fn assignments(path: Vec<String>, text: &str, source: Source) -> Vec<Assignment> {
    let as_string = Assignment { path, value: Value::from(text), source };
    let Some(error) = check::refusal(&as_string) else { return vec![as_string] };
    if !matches!(error.kind, Kind::InvalidType(..) | Kind::InvalidValue(..)) {
        return vec![as_string];
    }
    match DeValue::parse(text.trim()).ok().and_then(|value| files::value(value.get_ref()).ok()) {
        Some(value) => Assignment { value, ..as_string }.flatten(),
        None => vec![as_string],
    }
}
