//! The settings as a JSON Schema (draft 7, which editors know). The reference and the check of the NixOS
//! options are made from it, too. It refuses unknown keys and wrong types; the program checks the ranges.

use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::Value;

use crate::config::settings::Settings;

/// The schema of a configuration file.
#[must_use]
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft07()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(as_toml_has_it));
    let mut schema = settings.into_generator().into_root_schema_for::<Settings>();
    schema.insert("title".into(), "uecho.toml".into());
    // this default is the host name of the machine that prints the schema
    if let Some(Value::Object(instance)) = schema.pointer_mut("/properties/instance") {
        instance.remove("default");
    }
    schema
}

/// TOML has no null: a key is left out instead. Of a section, only the keys have defaults.
fn as_toml_has_it(schema: &mut Schema) {
    schema.remove("format");
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if schema.get("default").is_some_and(Value::is_null) || schema.get("properties").is_some() {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
}
