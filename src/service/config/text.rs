//! Values that arrive as bare text (environment, credentials): the key decides what the text means.

use figment::{error::Kind, value::Value};
use toml::de::DeValue;

use crate::config::{
    check,
    entry::{Entry, Origin},
    files,
};

/// A key that takes a string gets the text as it is (`UECHO_MESSAGE=42` is the string `42`); any other key gets what the
/// text says as a TOML value. A table yields an entry for each of its values.
pub(super) fn entries(path: Vec<String>, text: &str, origin: Origin) -> Vec<Entry> {
    let as_string = Entry { path, value: Value::from(text), origin };
    let Some(error) = check::refusal(&as_string) else { return vec![as_string] };
    if !matches!(error.kind, Kind::InvalidType(..) | Kind::InvalidValue(..)) {
        return vec![as_string];
    }
    match DeValue::parse(text.trim()).ok().and_then(|value| files::value(value.get_ref()).ok()) {
        Some(value) => Entry { value, ..as_string }.flatten(),
        None => vec![as_string],
    }
}
