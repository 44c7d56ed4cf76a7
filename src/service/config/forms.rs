//! JSON Schemas for values whose Rust types do not say their form.

use schemars::{Schema, SchemaGenerator, json_schema};

pub(super) fn path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": "path", "type": "string", "pattern": "^/" })
}

pub(super) fn secret(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": "secret string", "type": "string", "writeOnly": true })
}

pub(super) fn secrets(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "title": "table of secret strings",
        "type": "object",
        "additionalProperties": secret(generator),
        "writeOnly": true,
    })
}
