//! The SDK's batch processor over the OTLP exporter, with every span accounted for ([`Ledger`]) and one
//! warning a minute at most.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor},
};
use prometheus::IntCounterVec;

use crate::telemetry::traces::{
    collector::{Answer, CollectorClient},
    ledger::Ledger,
    options::Export,
};

/// At most one warning in this time.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Where spans are handed to.
pub(super) struct Exporter {
    processor: BatchSpanProcessor,
    ledger: Arc<Ledger>,
}

impl Exporter {
    pub(super) fn start(
        export: &Export,
        resource: &Resource,
        spans: &IntCounterVec,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let answer = Arc::<Mutex<Answer>>::default();
        let client = CollectorClient::new(export, answer.clone())?;
        let otlp = OtlpExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(export.endpoint.to_string())
            .with_timeout(export.timeout)
            .build()?;
        let ledger = Arc::new(Ledger::new(spans, export.batch.queue));
        let counting = Counting { otlp, ledger: ledger.clone(), answer, warned: Mutex::default() };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(export.batch.queue)
            .with_max_export_batch_size(export.batch.size)
            .with_scheduled_delay(export.batch.delay)
            .build();
        let mut processor = BatchSpanProcessor::builder(counting).with_batch_config(config).build();
        processor.set_resource(resource);
        Ok(Self { processor, ledger })
    }

    /// Queues a span, or counts it as dropped. Never waits.
    pub(super) fn export(&self, span: SpanData) {
        if self.ledger.admit() {
            self.processor.on_end(span);
        }
    }

    /// See [`super::Traces::shutdown`].
    pub(super) fn shutdown(&self, limit: Duration) -> bool {
        let sent = self.processor.shutdown_with_timeout(limit).is_ok();
        let lost = self.ledger.close();
        if lost > 0 {
            tracing::warn!(
                spans = lost,
                "the trace collector took too long; spans that were not sent are lost"
            );
        }
        sent && lost == 0
    }
}

/// The OTLP exporter, watched.
#[derive(Debug)]
struct Counting {
    otlp: OtlpExporter,
    ledger: Arc<Ledger>,
    /// The OTLP exporter itself only says that something went wrong, and of a partial success nothing.
    answer: Arc<Mutex<Answer>>,
    warned: Mutex<Option<Instant>>,
}

impl Counting {
    fn warn(&self, spans: usize, problem: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|last| last.elapsed() >= WARN_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!(
                error = problem,
                spans,
                "traces could not be exported; they are lost and counted in uecho_otlp_spans_total (said \
                    once a minute at most)"
            );
        }
    }
}

impl SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        self.ledger.sending(count);
        let result = self.otlp.export(batch).await;
        let answer = std::mem::take(&mut *self.answer.lock().unwrap_or_else(PoisonError::into_inner));
        let failed = if result.is_ok() { answer.rejected.min(count) } else { count };
        self.ledger.sent(count, failed);
        match (&result, answer.problem) {
            (_, Some(problem)) => self.warn(failed, &problem),
            (Err(error), None) => self.warn(failed, &error.to_string()),
            (Ok(()), None) => {}
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

#[cfg(test)]
mod tests;
