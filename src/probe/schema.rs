//! JSON Schemas of durations, sizes and addresses. A pattern accepts everything that the program accepts;
//! only the program checks the range of a number.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    listen::Listen,
    units::{DurationValue, Size},
};

impl JsonSchema for DurationValue {
    fn schema_name() -> Cow<'static, str> {
        "duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // the syntax of humantime: white space may be anywhere but in a unit
        let units = "nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds|second|secs|sec|s|\
                     minutes|minute|mins|min|m|hours|hour|hrs|hr|h|days|day|d|weeks|week|wks|wk|w|\
                     months|month|M|years|year|yrs|yr|y";
        let number = r"[0-9][0-9\s]*(\.[0-9\s]*[0-9][0-9\s]*)?";
        json_schema!({
            "title": "duration",
            "type": "string",
            "pattern": format!(r"^\s*(0|({number}({units})\s*)+)\s*$"),
            "examples": ["250ms", "2s", "1m 30s"],
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "size",
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": r"^\s*\+?[0-9]+\s*(KiB|MiB|GiB|kB|MB|GB|B)?\s*$",
            "examples": [8192, "16KiB", "1MB"],
        })
    }
}

impl JsonSchema for Listen {
    fn schema_name() -> Cow<'static, str> {
        "address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "address",
            "type": "string",
            "pattern": r"^(unix:/[^\u0000]*|[0-9.]+:[0-9]+|\[[0-9A-Fa-f:.]+(%[0-9]+)?\]:[0-9]+)$",
            "examples": ["127.0.0.1:8080", "[::]:8080", "unix:/run/uecho/public.sock"],
        })
    }
}
