//! The spans of a request: one of kind server, and one of kind client for each peer asked, named and
//! attributed after the OpenTelemetry semantic conventions for HTTP
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).
//!
//! Beyond them: `error.type` is `cut` when the answer did not reach its end, and the outcome on a peer's
//! span. Queries, bodies and headers other than `User-Agent` are never in a span.

use std::{str::FromStr, sync::LazyLock, time::SystemTime};

use http::Version;
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use uecho_probe::receipt::VERSION;

use crate::{
    route::METHOD_OTHER,
    telemetry::{
        access::clean,
        record::{ClientRequest, Finding, Record},
        trace_context::SpanId,
        traces::resource::SCHEMA,
    },
};

static SCOPE: LazyLock<InstrumentationScope> = LazyLock::new(|| {
    InstrumentationScope::builder("uecho").with_version(VERSION).with_schema_url(SCHEMA).build()
});

/// The spans of a sampled request, its own first.
pub(super) fn of(record: &Record) -> Vec<SpanData> {
    let mut spans = vec![server(record)];
    if let Some(requests) = &record.details.client_requests {
        spans.extend(requests.list.iter().map(|request| client(record, request, &requests.segment)));
    }
    spans
}

/// The method in the name of a span.
fn method_name(label: &'static str) -> &'static str {
    if label == METHOD_OTHER { "HTTP" } else { label }
}

/// As `network.protocol.version` has it.
fn version(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        _ => return None,
    })
}

fn server(record: &Record) -> SpanData {
    let mut attributes = vec![
        KeyValue::new("http.request.method", record.method),
        KeyValue::new("http.route", record.route.pattern()),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("http.response.body.size", i64::try_from(record.bytes).unwrap_or(i64::MAX)),
    ];
    let mut optional = |key: &'static str, value: Option<String>| {
        attributes.extend(value.map(|value| KeyValue::new(key, value)));
    };
    let version = record.details.version.and_then(version);
    optional("network.protocol.version", version.map(str::to_owned));
    optional("url.path", record.details.path.as_ref().map(|path| clean(path).into_owned()));
    optional("client.address", record.details.client.map(|client| client.to_canonical().to_string()));
    optional(
        "user_agent.original",
        record.details.user_agent.as_ref().map(|value| clean(value).into_owned()),
    );
    let failed = record.finding.filter(|finding| *finding != Finding::Slow);
    optional("error.type", failed.map(|finding| finding.error_type().to_owned()));
    attributes.extend(
        record.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status.as_u16()))),
    );
    SpanData {
        span_kind: SpanKind::Server,
        parent_span_id: record.trace.parent.map_or(opentelemetry::SpanId::INVALID, id),
        parent_span_is_remote: record.trace.parent.is_some(),
        name: format!("{} {}", method_name(record.method), record.route.pattern()).into(),
        start_time: begin(record),
        end_time: record.end,
        status: if failed.is_some() { Status::error("") } else { Status::Unset },
        ..bare(record, record.trace.span_id, attributes)
    }
}

/// No URL of a peer has credentials or a query: the configuration is refused that puts them there.
fn client(record: &Record, request: &ClientRequest, segment: &str) -> SpanData {
    let mut attributes = vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("url.full", format!("{}/{segment}", request.url)),
        KeyValue::new("server.address", request.url.origin.host_name()),
        KeyValue::new("server.port", i64::from(request.url.origin.port)),
        KeyValue::new("uecho.fanout.outcome", request.outcome),
    ];
    attributes.extend(
        request.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status.as_u16()))),
    );
    if request.failed {
        attributes.push(KeyValue::new("error.type", request.outcome));
    }
    let start_time = begin(record) + request.start.saturating_duration_since(record.start);
    SpanData {
        span_kind: SpanKind::Client,
        parent_span_id: id(record.trace.span_id),
        name: "GET".into(),
        start_time,
        end_time: start_time + request.duration,
        status: if request.failed { Status::error("") } else { Status::Unset },
        ..bare(record, request.span_id, attributes)
    }
}

/// A span of the record's trace, with what both kinds have in common.
fn bare(record: &Record, span: SpanId, attributes: Vec<KeyValue>) -> SpanData {
    let state =
        record.details.tracestate.as_ref().and_then(|state| TraceState::from_str(state.to_str().ok()?).ok());
    SpanData {
        span_context: SpanContext::new(
            opentelemetry::TraceId::from(record.trace.trace_id.0),
            id(span),
            TraceFlags::SAMPLED,
            false,
            state.unwrap_or_default(),
        ),
        parent_span_id: opentelemetry::SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "".into(),
        start_time: record.end,
        end_time: record.end,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: SCOPE.clone(),
    }
}

fn begin(record: &Record) -> SystemTime {
    record.end.checked_sub(record.duration).unwrap_or(record.end)
}

fn id(span: SpanId) -> opentelemetry::SpanId {
    opentelemetry::SpanId::from(span.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_http_have_their_short_names() {
        let known = [(Version::HTTP_10, "1.0"), (Version::HTTP_11, "1.1"), (Version::HTTP_2, "2")];
        for (of, name) in known {
            assert_eq!(version(of), Some(name));
        }
        assert_eq!(version(Version::HTTP_09), None);
    }
}
