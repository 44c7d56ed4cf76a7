//! Attributes of the resource that somebody else has set.
//!
//! `service.name` is `OTEL_SERVICE_NAME`, else that of `OTEL_RESOURCE_ATTRIBUTES`, else `uecho`.
//! `OTEL_RESOURCE_ATTRIBUTES` (`key=value,...`, percent-encoded) adds attributes and replaces our own; one
//! pair that is malformed makes all of it void. The SDK's detector for these variables does not decode the
//! values, and leaves out without a word what is malformed.

use opentelemetry::KeyValue;

use crate::telemetry::traces::options::variables::{Variables, decode};

/// What the variables set.
pub(in crate::telemetry::traces) fn attributes(variables: &mut Variables) -> Vec<KeyValue> {
    let list = variables.first(&["OTEL_RESOURCE_ATTRIBUTES"], |list| {
        let pairs = list.split(',').filter(|pair| !pair.trim().is_empty());
        pairs.map(|pair| attribute(pair).ok_or_else(|| format!("{pair:?} is no KEY=VALUE"))).collect()
    });
    let mut set: Vec<KeyValue> = list.unwrap_or_default();
    set.extend(variables.get("OTEL_SERVICE_NAME").map(|name| KeyValue::new("service.name", name)));
    set
}

fn attribute(pair: &str) -> Option<KeyValue> {
    let (key, value) = pair.split_once('=')?;
    let key = decode(key).filter(|key| !key.is_empty())?;
    Some(KeyValue::new(key, decode(value)?))
}
