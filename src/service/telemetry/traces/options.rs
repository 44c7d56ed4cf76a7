//! What is exported where: the keys `[otlp]`, before the standard variables, before defaults;
//! `docs/observability.md` has the table.
//!
//! A key that cannot be used is a configuration error. A variable that cannot be used is ignored with a
//! warning, as its specification demands
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>): it is often set for
//! a whole fleet. An empty variable counts as unset; names of values are read in any case. One warning names
//! all standard variables that are set and have no meaning here.
//!
//! The SDK (0.33) reads most of these variables itself, but its reading cannot replace this one. Of the 39
//! values in `tests/table.rs` that must be named it names six, and only with `internal-logs`, which also
//! brings an error for every export that fails. It keeps silent about the others, and takes some of them: a
//! queue without room, a share of 2.0, attributes that are not decoded, a URL with a password. Its variables
//! for headers win over what the program sets. For HTTP it knows no certificates and no switch of the export.
//! And it does not tell the size of its queue, which the ledger of the spans needs.

pub(super) mod attributes;
mod batch;
mod endpoint;
mod export;
mod sampler;
mod security;
mod unsupported;
mod variables;

use std::time::Duration;

pub(super) use batch::Batch;
pub(super) use endpoint::Endpoint;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::Sampler;
use secrecy::ExposeSecret;
pub(super) use security::Security;
pub(crate) use variables::Variables;

use crate::{
    config::{ConfigError, settings::Otlp},
    telemetry::traces::sampler::parent_based,
};

/// Keys and variables, merged.
pub(crate) struct Options {
    /// For requests, once something is exported.
    pub sampler: Sampler,
    /// None: nothing is exported.
    pub(super) export: Option<Export>,
    /// Variables that cannot be used, a sentence each.
    pub warnings: Vec<String>,
}

/// Where spans go, and how.
pub(super) struct Export {
    pub(super) endpoint: Endpoint,
    /// Sent with every export; marked as sensitive.
    pub(super) headers: HeaderMap,
    /// For one export, from the name lookup to the end of the answer.
    pub(super) timeout: Duration,
    pub(super) security: Security,
    pub(super) batch: Batch,
    /// Attributes of the resource that somebody else has set.
    pub(super) attributes: Vec<KeyValue>,
}

impl Options {
    /// Merges all sources.
    ///
    /// # Errors
    /// A key cannot be used.
    pub(crate) fn resolve(keys: &Otlp, mut variables: Variables) -> Result<Self, ConfigError> {
        let base = keys.endpoint.as_deref().map(Endpoint::below).transpose();
        let key = base.map_err(|error| ConfigError::new(format!("otlp.endpoint: {error}")))?;
        // the key's headers are looked at even if nothing is exported
        let headers = headers(keys, &mut variables)?;
        if !variables.enabled() {
            return Ok(Self { sampler: parent_based(0.0), export: None, warnings: variables.warnings });
        }
        unsupported::warn(&mut variables);
        let sampler = keys.sample_ratio.map_or_else(|| variables.sampler(), parent_based);
        let asked_for = variables.exporter();
        let endpoint = match (key, asked_for) {
            (_, Some(false)) => None,
            (Some(key), _) => Some(key),
            (None, asked_for) => variables.endpoint(asked_for.is_some()),
        };
        let export = endpoint.map(|endpoint| {
            variables.protocol();
            Export {
                security: Security::find(&mut variables, endpoint.origin.tls.is_some()),
                timeout: keys.timeout.map_or_else(|| variables.timeout(), |timeout| timeout.0),
                batch: Batch::find(&mut variables),
                attributes: attributes::attributes(&mut variables),
                endpoint,
                headers,
            }
        });
        Ok(Self { sampler, export, warnings: variables.warnings })
    }
}

fn headers(keys: &Otlp, variables: &mut Variables) -> Result<HeaderMap, ConfigError> {
    let mut headers = variables.headers();
    for (name, value) in &keys.headers {
        let wrong = |what: &str| ConfigError::new(format!("otlp.headers: {name:?} {what}"));
        let key = HeaderName::try_from(name).map_err(|_| wrong("is no header name"))?;
        let value = HeaderValue::from_str(value.expose_secret());
        headers.insert(key, value.map_err(|_| wrong("has a value no header may have"))?);
    }
    headers.values_mut().for_each(|value| value.set_sensitive(true));
    Ok(headers)
}

#[cfg(test)]
mod tests;
