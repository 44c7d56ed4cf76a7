//! Every metric of the service, in one registry. The names follow the OpenTelemetry semantic conventions
//! where one exists.

pub(crate) mod of_worker;
mod process;

use of_worker::{All, OfWorker};
use process::Process;
use prometheus::{Encoder, GaugeVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use uecho_probe::receipt::Receipt;

use crate::{
    memory::Memory,
    telemetry::{log::Logs, traces::Traces},
};

/// Media type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Handles to every metric of the process. Nothing is global: tests have a registry each.
pub(crate) struct Metrics {
    registry: Registry,
    /// `uecho_build_info{version,revision,instance,system}`
    build_info: GaugeVec,
    workers: All,
    /// `http_server_active_requests`
    pub active_requests: IntGauge,
    /// `uecho_requests_cut_total`: requests whose answer did not reach its end.
    pub requests_cut: IntCounter,
    /// `uecho_connections`
    pub connections: IntGauge,
    /// `uecho_connections_closed_total{reason}`
    pub connections_closed: IntCounterVec,
    /// `uecho_accept_errors_total`
    pub accept_errors: IntCounter,
    /// `uecho_memory_held_bytes`
    pub memory_held: IntGauge,
    /// `uecho_ready`
    pub ready: IntGauge,
    /// `uecho_log_dropped_total`
    pub log_dropped: IntCounter,
    /// `uecho_otlp_spans_total{outcome}`
    pub otlp_spans: IntCounterVec,
}

impl Metrics {
    /// Makes a new registry with the build information of `receipt` and the counters of telemetry and memory.
    ///
    /// # Errors
    /// A metric is registered twice: a bug that every test finds.
    pub(crate) fn new(
        receipt: &Receipt,
        logs: &Logs,
        traces: &Traces,
        memory: &Memory,
    ) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            workers: All::default(),
            active_requests: IntGauge::new("http_server_active_requests", "HTTP server requests in flight")?,
            requests_cut: IntCounter::new(
                "uecho_requests_cut_total",
                "Requests whose answer did not reach its end: client gone or drain deadline",
            )?,
            connections: IntGauge::new("uecho_connections", "Open connections of the public listener")?,
            connections_closed: IntCounterVec::new(
                Opts::new(
                    "uecho_connections_closed_total",
                    "Closed connections of the public listener by reason",
                ),
                &["reason"],
            )?,
            accept_errors: IntCounter::new(
                "uecho_accept_errors_total",
                "Failures to accept that are the machine's, like a lack of file descriptors",
            )?,
            memory_held: IntGauge::new(
                "uecho_memory_held_bytes",
                "Bytes of bodies, replies of peers and answers that are held now; limits.memory at most",
            )?,
            ready: IntGauge::new("uecho_ready", "1 while /readyz answers 200")?,
            log_dropped: logs.dropped(),
            otlp_spans: traces.spans(),
            build_info: GaugeVec::new(
                Opts::new("uecho_build_info", "Always 1; labels tell which build runs where"),
                &["version", "revision", "instance", "system"],
            )?,
            registry,
        };
        metrics.show_build(receipt);
        metrics.register()?;
        metrics.registry.register(Box::new(memory.refused()))?;
        Ok(metrics)
    }

    /// Makes the metrics of one more worker; readers get them merged with those of the others.
    ///
    /// # Errors
    /// A metric has an invalid name: a bug that every test finds.
    pub(crate) fn of_worker(&self) -> Result<OfWorker, prometheus::Error> {
        let own = OfWorker::new()?;
        self.workers.add(own.clone());
        Ok(own)
    }

    /// Shows the build information of `receipt` instead of the previous one.
    pub(crate) fn show_build(&self, receipt: &Receipt) {
        let Receipt { version, revision, instance, system, .. } = receipt;
        self.build_info.reset();
        self.build_info.with_label_values(&[version, revision, instance, system]).set(1.0);
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(self.build_info.clone()))?;
        self.registry.register(Box::new(self.workers.clone()))?;
        self.registry.register(Box::new(self.active_requests.clone()))?;
        self.registry.register(Box::new(self.requests_cut.clone()))?;
        self.registry.register(Box::new(self.connections.clone()))?;
        self.registry.register(Box::new(self.connections_closed.clone()))?;
        self.registry.register(Box::new(self.accept_errors.clone()))?;
        self.registry.register(Box::new(self.memory_held.clone()))?;
        self.registry.register(Box::new(self.ready.clone()))?;
        self.registry.register(Box::new(self.log_dropped.clone()))?;
        self.registry.register(Box::new(self.otlp_spans.clone()))?;
        self.registry.register(Box::new(Process::new()?))
    }

    /// The Prometheus text format, version 0.0.4.
    ///
    /// # Errors
    /// A metric family is inconsistent: a bug.
    pub(crate) fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}
