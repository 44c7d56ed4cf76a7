//! Trace export: spans of sampled requests, sent to an OpenTelemetry collector (OTLP over HTTP, protobuf) in
//! the background.
//!
//! Whether a trace is sampled is decided before there is a span ([`sampler`]); spans are made at the end of a
//! sampled request ([`span`]), everything else carries ids only. A collector that is absent, slow or wrong
//! costs spans, never a request: the queue is bounded, what is lost is counted in `uecho_otlp_spans_total`.

mod collector;
mod exporter;
mod ledger;
pub(crate) mod options;
mod resource;
pub(crate) mod sampler;
mod span;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use exporter::Exporter;
use opentelemetry_sdk::trace::Sampler;
use options::Options;
use prometheus::IntCounterVec;
use uecho_probe::receipt::Receipt;

use crate::{
    config::{ConfigError, Settings},
    telemetry::{record::Record, trace_context::TraceId},
};

/// Trace export; cheap to clone.
#[derive(Clone)]
pub(crate) struct Traces(Arc<Inner>);

struct Inner {
    sampler: Sampler,
    options: Options,
    exporter: OnceLock<Exporter>,
    spans: IntCounterVec,
}

impl Traces {
    /// Takes over settings and the standard `OTEL_*` variables (see [`options`]). Nothing is exported before
    /// [`Traces::start`].
    ///
    /// # Errors
    /// A key of `[otlp]` cannot be used.
    pub(super) fn new(settings: &Settings, variables: options::Variables) -> Result<Self, ConfigError> {
        let options = Options::resolve(&settings.otlp, variables)?;
        for warning in &options.warnings {
            tracing::warn!("{warning}");
        }
        Ok(Self(Arc::new(Inner {
            sampler: if options.export.is_some() {
                options.sampler.clone()
            } else {
                sampler::parent_based(0.0)
            },
            options,
            exporter: OnceLock::new(),
            spans: ledger::counter().map_err(|error| ConfigError::new(error.to_string()))?,
        })))
    }

    /// `uecho_otlp_spans_total{outcome}`
    #[must_use]
    pub(crate) fn spans(&self) -> IntCounterVec {
        self.0.spans.clone()
    }

    /// Starts the export, if one is configured. Called when the listeners are open.
    pub(crate) fn start(&self, receipt: &Receipt) {
        let Some(export) = &self.0.options.export else { return };
        let resource = resource::of(receipt, &export.attributes);
        match Exporter::start(export, &resource, &self.0.spans) {
            Ok(exporter) => {
                if self.0.exporter.set(exporter).is_ok() {
                    tracing::info!(endpoint = %export.endpoint, "exporting traces");
                }
            }
            Err(error) => tracing::error!(%error, "traces cannot be exported"),
        }
    }

    /// Whether a request is to be recorded: `parent` is the sampled flag of the caller, if it sent a trace
    /// context.
    #[must_use]
    pub(crate) fn sample(&self, trace: TraceId, parent: Option<bool>) -> bool {
        sampler::sample(&self.0.sampler, trace, parent)
    }

    /// Whether spans go anywhere.
    #[must_use]
    pub(crate) fn exports(&self) -> bool {
        self.0.exporter.get().is_some()
    }

    /// Hands over the spans of a sampled request.
    pub(crate) fn record(&self, record: &Record) {
        if self.0.options.export.is_none() {
            return;
        }
        let spans = span::of(record);
        match self.0.exporter.get() {
            Some(exporter) => spans.into_iter().for_each(|span| exporter.export(span)),
            // it could not be started
            None => self.0.spans.with_label_values(&["dropped"]).inc_by(spans.len() as u64),
        }
    }

    /// Sends what is buffered and ends the export; false when `limit` was not long enough. Blocks, so never
    /// call it on the thread that the runtime runs on.
    pub(super) fn shutdown(&self, limit: Duration) -> bool {
        self.0.exporter.get().is_none_or(|exporter| exporter.shutdown(limit))
    }
}
