//! What is handed over is accounted for, also when the end comes in the middle of an export.

use std::{net::TcpListener, time::SystemTime};

use opentelemetry::trace::{SpanContext, SpanKind, Status};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

use crate::{
    config::settings::Otlp,
    telemetry::traces::{
        exporter::*,
        ledger,
        options::{Options, Variables},
    },
};

fn span() -> SpanData {
    SpanData {
        span_context: SpanContext::empty_context(),
        parent_span_id: opentelemetry::SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "".into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: opentelemetry::InstrumentationScope::default(),
    }
}

fn outcomes(spans: &IntCounterVec) -> [u64; 3] {
    ["exported", "failed", "dropped"].map(|outcome| spans.with_label_values(&[outcome]).get())
}

fn exporter(endpoint: String, spans: &IntCounterVec) -> Exporter {
    let sizes = ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"];
    let variables = Variables::new(sizes.map(|name| (name.to_owned(), "8".to_owned())));
    let otlp = Otlp { endpoint: Some(endpoint), ..Otlp::default() };
    let options = Options::resolve(&otlp, variables).unwrap();
    Exporter::start(options.export.as_ref().unwrap(), &Resource::builder_empty().build(), spans).unwrap()
}

#[test]
fn nothing_is_lost_where_nothing_was_handed_over() {
    let spans = ledger::counter().unwrap();
    assert!(exporter("http://127.0.0.1:1".into(), &spans).shutdown(Duration::from_secs(10)));
    assert_eq!(outcomes(&spans), [0, 0, 0]);
}

#[test]
fn what_is_not_sent_by_the_end_is_dropped() {
    // accepts in the kernel, and never answers
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let spans = ledger::counter().unwrap();
    let exporter = exporter(format!("http://{}", silent.local_addr().unwrap()), &spans);
    for _ in 0..8 {
        exporter.export(span());
    }
    // a full batch is on its way
    while exporter.ledger.queued() > 0 {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    for _ in 0..20 {
        exporter.export(span());
    }
    assert_eq!(outcomes(&spans), [0, 0, 12], "8 under way, 8 in the queue");
    assert!(!exporter.shutdown(Duration::from_millis(100)));
    assert_eq!(outcomes(&spans), [0, 0, 28]);
    // late ones, and the answer that comes after all
    exporter.export(span());
    exporter.ledger.sending(8);
    exporter.ledger.sent(8, 0);
    assert_eq!(outcomes(&spans), [0, 0, 29]);
}
