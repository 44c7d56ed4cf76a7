//! `[otlp]`: trace export.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uecho_probe::units::Span;

use crate::config::settings::secret;

/// `[otlp]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// Base URL of the collector (`/v1/traces` is appended); none: `OTEL_EXPORTER_OTLP_*`, else no export.
    pub endpoint: Option<String>,
    /// Extra request headers, name to value.
    #[serde(serialize_with = "secret::redacted_values")]
    pub headers: BTreeMap<String, SecretString>,
    /// Share of new traces that are sampled, 0.0 to 1.0; none: `OTEL_TRACES_SAMPLER`, else 1.0.
    pub sample_ratio: Option<f64>,
    /// Time for one export; none: `OTEL_EXPORTER_OTLP_TIMEOUT`, else 10 s.
    pub timeout: Option<Span>,
}
