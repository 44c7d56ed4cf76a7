//! The SDK's batch processor over the OTLP exporter, with a bounded queue whose losses are counted and one warning a minute at most.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor},
};
use prometheus::{IntCounter, IntCounterVec, Opts};
use tokio::runtime::Handle;

use super::{options::Export, transport::Transport};

/// Most spans that wait for their export; the SDK's default, which `OTEL_BSP_MAX_QUEUE_SIZE` would only lower.
const QUEUE: usize = 2048;
/// Most spans of one export. The SDK's default, 512, takes milliseconds to be encoded, and on a machine of one core requests wait for that.
const BATCH: usize = 64;
/// At most one warning in this time.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Where spans are handed to.
pub(super) struct Exporter {
    processor: BatchSpanProcessor,
    queued: Arc<AtomicUsize>,
    dropped: IntCounter,
}

/// `uecho_otlp_spans_total{outcome}`, with every outcome there from the start.
pub(super) fn counter() -> Result<IntCounterVec, prometheus::Error> {
    let spans = IntCounterVec::new(
        Opts::new(
            "uecho_otlp_spans_total",
            "Spans by what became of them: exported, failed (export), dropped (queue full)",
        ),
        &["outcome"],
    )?;
    for outcome in ["exported", "failed", "dropped"] {
        spans.with_label_values(&[outcome]);
    }
    Ok(spans)
}

impl Exporter {
    pub(super) fn start(
        export: &Export,
        resource: &Resource,
        runtime: Handle,
        spans: &IntCounterVec,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let problem = Problem::default();
        let transport = Transport::new(export, runtime, problem.clone())?;
        let otlp = OtlpExporter::builder()
            .with_http()
            .with_http_client(transport)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(export.endpoint.to_string())
            .with_timeout(export.timeout)
            .build()?;
        let queued = Arc::new(AtomicUsize::new(0));
        let counting = Counting {
            otlp,
            queued: queued.clone(),
            exported: spans.with_label_values(&["exported"]),
            failed: spans.with_label_values(&["failed"]),
            problem,
            warned: Mutex::default(),
        };
        let config = BatchConfigBuilder::default().with_max_export_batch_size(BATCH).build();
        let mut processor = BatchSpanProcessor::builder(counting).with_batch_config(config).build();
        processor.set_resource(resource);
        Ok(Self { processor, queued, dropped: spans.with_label_values(&["dropped"]) })
    }

    /// Queues a span, or counts it as dropped. Never waits.
    pub(super) fn export(&self, span: SpanData) {
        if self.queued.fetch_add(1, Ordering::Relaxed) < QUEUE {
            self.processor.on_end(span);
        } else {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            self.dropped.inc();
        }
    }

    /// See [`super::Traces::shutdown`].
    pub(super) fn shutdown(&self, limit: Duration) -> bool {
        let sent = self.processor.shutdown_with_timeout(limit).is_ok();
        if !sent {
            let lost = self.queued.load(Ordering::Relaxed);
            tracing::warn!(
                spans = lost,
                "the trace collector took too long; spans that were not sent are lost"
            );
        }
        sent
    }
}

/// What went wrong last while sending; the OTLP exporter itself only says that something did.
pub(super) type Problem = Arc<Mutex<Option<String>>>;

/// The OTLP exporter, watched.
#[derive(Debug)]
struct Counting {
    otlp: OtlpExporter,
    queued: Arc<AtomicUsize>,
    exported: IntCounter,
    failed: IntCounter,
    problem: Problem,
    warned: Mutex<Option<Instant>>,
}

impl Counting {
    fn failed(&self, count: usize, error: &dyn std::fmt::Display) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            return;
        }
        *warned = Some(Instant::now());
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner).take();
        let detail = problem.unwrap_or_else(|| error.to_string());
        tracing::warn!(
            error = detail,
            spans = count,
            "traces could not be exported; they are lost and counted in uecho_otlp_spans_total (said once a minute at most)"
        );
    }
}

impl SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        self.queued.fetch_sub(count, Ordering::Relaxed);
        let result = self.otlp.export(batch).await;
        match &result {
            Ok(()) => self.exported.inc_by(count as u64),
            Err(error) => {
                self.failed.inc_by(count as u64);
                self.failed(count, error);
            }
        }
        result
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.otlp.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}
