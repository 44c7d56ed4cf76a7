//! `[otlp]`: trace export.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uecho_probe::{units::DurationValue, url::BaseUrl};

use crate::config::{
    checker::Checker,
    forms,
    secret::{self, REDACTED},
};

/// `[otlp]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// Base URL of the collector (`/v1/traces` is appended); if not set, `OTEL_EXPORTER_OTLP_*`, else no
    /// export.
    pub endpoint: Option<String>,
    /// Extra request headers, name to value.
    #[serde(serialize_with = "secret::redacted_values")]
    #[schemars(schema_with = "forms::secrets")]
    pub headers: BTreeMap<String, SecretString>,
    /// Share of new traces that are sampled, 0.0 to 1.0; if not set, `OTEL_TRACES_SAMPLER`, else 1.0.
    #[schemars(range(min = 0, max = 1))]
    pub sample_ratio: Option<f64>,
    /// Time for one export; if not set, `OTEL_EXPORTER_OTLP_TIMEOUT`, else 10 s.
    pub timeout: Option<DurationValue>,
}

impl Otlp {
    /// Checks that the collector can be addressed and the headers can be sent.
    pub(super) fn check(&self, checker: &mut Checker) {
        if let Some(Err(text)) = self.endpoint.as_deref().map(str::parse::<BaseUrl>) {
            checker.refuse("otlp.endpoint", text);
        }
        for (name, value) in &self.headers {
            let value = value.expose_secret();
            if HeaderName::try_from(name).is_err() {
                checker.refuse("otlp.headers", format!("{name:?} is no header name"));
            } else if value == REDACTED {
                checker.refuse("otlp.headers", format!("the value of {name} is `{REDACTED}`, no secret"));
            } else if HeaderValue::from_str(value).is_err() {
                checker
                    .refuse("otlp.headers", format!("the value of {name} has characters no header may have"));
            }
        }
        checker.require(
            "otlp.sample_ratio",
            self.sample_ratio.is_none_or(|ratio| (0.0..=1.0).contains(&ratio)),
            "expected a number from 0.0 (no trace) to 1.0 (every trace)",
        );
        if let Some(timeout) = self.timeout {
            checker.positive("otlp.timeout", timeout);
        }
    }
}
