//! What is exported where: the keys `[otlp]`, before the standard variables, before defaults.
//!
//! | key | variables | default |
//! |---|---|---|
//! | `otlp.endpoint` | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` (as it is), `OTEL_EXPORTER_OTLP_ENDPOINT` (`/v1/traces` is appended) | `http://localhost:4318` with `OTEL_TRACES_EXPORTER=otlp`, else no export |
//! | `otlp.headers` | `OTEL_EXPORTER_OTLP_[TRACES_]HEADERS`; names that the key does not have | none |
//! | `otlp.timeout` | `OTEL_EXPORTER_OTLP_[TRACES_]TIMEOUT`, in milliseconds, 0 for none | 10 s |
//! | `otlp.sample_ratio` (parent-based) | `OTEL_TRACES_SAMPLER` with `OTEL_TRACES_SAMPLER_ARG` | `parentbased_always_on` |
//! | | `OTEL_EXPORTER_OTLP_[TRACES_]CERTIFICATE`: PEM file of authorities | the system's |
//! | | `OTEL_EXPORTER_OTLP_[TRACES_]CLIENT_CERTIFICATE`, `..._CLIENT_KEY`: PEM files, only together | none |
//! | | `OTEL_EXPORTER_OTLP_[TRACES_]PROTOCOL`: only `http/protobuf` is spoken | `http/protobuf` |
//! | | `OTEL_EXPORTER_OTLP_[TRACES_]COMPRESSION`: only `none` | `none` |
//! | | `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`, `OTEL_BSP_SCHEDULE_DELAY` | 2048, 64, 5000 (ms) |
//! | | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`: see [`super::resource`] | |
//! | | `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none` switch the export off, whatever else is set | |
//!
//! A key that cannot be used is a configuration error. A variable that cannot be used is ignored with a warning, as its
//! specification demands (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>): it is often set for a
//! whole fleet. An empty variable counts as unset; names of values are read in any case. One warning names all standard variables that
//! are set and have no meaning here.

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
use secrecy::ExposeSecret;
pub(super) use security::Security;
pub(super) use variables::{Source, decode};
pub use variables::{Variables, process};

use crate::{
    config::{ConfigError, settings::Otlp},
    telemetry::traces::{resource, sampler::Sampler},
};

/// Keys and variables, merged.
pub struct Options {
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
    pub fn resolve(keys: &Otlp, variables: Variables<'_>) -> Result<Self, ConfigError> {
        let mut source = Source::new(variables);
        let base = keys.endpoint.as_deref().map(Endpoint::below).transpose();
        let key = base.map_err(|error| ConfigError::new(format!("otlp.endpoint: {error}")))?;
        // the key's headers are looked at even if nothing is exported
        let headers = headers(keys, &mut source)?;
        if !source.enabled() {
            return Ok(Self { sampler: Sampler::PASS_ON, export: None, warnings: source.warnings });
        }
        unsupported::warn(&mut source);
        let sampler = keys.sample_ratio.map_or_else(|| source.sampler(), Sampler::parent_based);
        let asked_for = source.exporter();
        let endpoint = match (key, asked_for) {
            (_, Some(false)) => None,
            (Some(key), _) => Some(key),
            (None, asked_for) => source.endpoint(asked_for.is_some()),
        };
        let export = endpoint.map(|endpoint| {
            source.protocol();
            Export {
                security: Security::find(&mut source, endpoint.origin.tls.is_some()),
                timeout: keys.timeout.map_or_else(|| source.timeout(), |timeout| timeout.0),
                batch: Batch::find(&mut source),
                attributes: resource::set(&mut source),
                endpoint,
                headers,
            }
        });
        Ok(Self { sampler, export, warnings: source.warnings })
    }
}

fn headers(keys: &Otlp, source: &mut Source<'_>) -> Result<HeaderMap, ConfigError> {
    let mut headers = source.headers();
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
