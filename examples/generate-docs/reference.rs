//! The table of settings, made from the program's JSON Schema.

use std::error::Error;

use serde_json::{Map, Value};
use uecho::config::schema::schema;

/// One setting.
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) form: String,
    /// As TOML; empty when the setting has no default.
    pub(crate) default: String,
    pub(crate) meaning: String,
}

/// All settings, in their order.
pub(crate) fn rows() -> Result<Vec<Row>, Box<dyn Error>> {
    let schema = schema().to_value();
    let mut rows = Vec::new();
    for (name, item) in properties(&schema)? {
        match properties(item) {
            Ok(section) => {
                for (key, item) in section {
                    rows.push(row(format!("{name}.{key}"), item)?);
                }
            }
            Err(_) => rows.push(row(name.clone(), item)?),
        }
    }
    Ok(rows)
}

fn properties(schema: &Value) -> Result<&Map<String, Value>, String> {
    schema["properties"].as_object().ok_or_else(|| format!("no properties: {schema}"))
}

fn row(key: String, schema: &Value) -> Result<Row, Box<dyn Error>> {
    let default = match (key.as_str(), schema.get("default")) {
        ("instance", _) => "the host name".into(),
        (_, None) => String::new(),
        (_, Some(value)) => format!("`{}`", toml::Value::try_from(value)?),
    };
    let described = schema["description"].as_str().ok_or_else(|| format!("{key}: no description"))?;
    let choices = schema["oneOf"].as_array().map_or(String::new(), |choices| {
        format!(" One of {}.", choices.iter().map(choice).collect::<Vec<_>>().join(", "))
    });
    let form = form(schema).ok_or_else(|| format!("{key}: no words for {schema}"))?;
    Ok(Row { key, form, default, meaning: described.to_owned() + &choices })
}

/// A value as TOML; for a table, its keys.
fn choice(schema: &Value) -> String {
    match (&schema["const"], &schema["properties"]) {
        (Value::Null, Value::Object(keys)) => {
            let keys = keys.keys().map(|key| format!("{key} = n")).collect::<Vec<_>>();
            format!("`{{ {} }}`", keys.join(", "))
        }
        (Value::Null, _) => form(schema).unwrap_or_default(),
        (value, _) => format!("`{value}`"),
    }
}

fn form(schema: &Value) -> Option<String> {
    if let Some(title) = schema["title"].as_str() {
        return Some(title.to_owned());
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let mut forms = choices.iter().map(form).collect::<Option<Vec<_>>>()?;
        forms.dedup();
        return Some(forms.join(" or "));
    }
    Some(match schema["type"].as_str()? {
        "integer" => "whole number".into(),
        "array" => format!("list of {}s", form(&schema["items"])?),
        "object" => "table".into(),
        other @ ("string" | "number") => other.into(),
        _ => return None,
    })
}

/// The rows in the format of docs/settings.md.
pub(crate) fn markdown() -> Result<String, Box<dyn Error>> {
    let line = |row: Row| {
        let Row { key, form, default, meaning } = row;
        format!("| `{key}` | {form} | {default} | {} |\n", meaning.replace('|', "\\|"))
    };
    let rows = rows()?.into_iter().map(line).collect::<String>();
    Ok(format!("| key | type | default | meaning |\n|---|---|---|---|\n{rows}"))
}

const MARKERS: [&str; 2] = ["<!-- config -->\n", "<!-- /config -->"];

/// A page with the table between its markers.
pub(crate) fn in_page(page: &str, table: &str) -> Result<String, Box<dyn Error>> {
    let missing = || format!("the page has no {MARKERS:?}");
    let (before, rest) = page.split_once(MARKERS[0]).ok_or_else(missing)?;
    let (_, after) = rest.split_once(MARKERS[1]).ok_or_else(missing)?;
    Ok([before, MARKERS[0], table, MARKERS[1], after].concat())
}
