//! Standard variables that have no meaning here: named once if they are set, so that nobody relies on them.

use crate::telemetry::traces::options::variables::Source;

/// Of every kind; those of the OTLP exporter for other signals are made up below.
const NAMES: [&str; 26] = [
    "OTEL_CONFIG_FILE",
    "OTEL_EXPERIMENTAL_CONFIG_FILE",
    "OTEL_LOG_LEVEL",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_EXPORT_TIMEOUT",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
    "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "OTEL_EXPORTER_PROMETHEUS_PORT",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_METRIC_EXPORT_TIMEOUT",
];

/// What the OTLP exporter can be told for each signal.
const OF_A_SIGNAL: [&str; 9] = [
    "ENDPOINT",
    "HEADERS",
    "TIMEOUT",
    "PROTOCOL",
    "COMPRESSION",
    "CERTIFICATE",
    "CLIENT_CERTIFICATE",
    "CLIENT_KEY",
    "INSECURE",
];

/// Variables of which these values say what is so anyway.
const AS_IT_IS: [(&str, &str); 4] = [
    ("OTEL_PROPAGATORS", "tracecontext"),
    ("OTEL_METRICS_EXPORTER", "none"),
    ("OTEL_METRICS_EXEMPLAR_FILTER", "always_off"),
    ("OTEL_LOGS_EXPORTER", "none"),
];

/// Adds one warning that names all of those that are set.
pub(super) fn warn(source: &mut Source<'_>) {
    let of_signals = ["METRICS", "LOGS"].into_iter().flat_map(|signal| {
        OF_A_SIGNAL.into_iter().map(move |option| format!("OTEL_EXPORTER_OTLP_{signal}_{option}"))
    });
    let others = AS_IT_IS
        .into_iter()
        .filter(|(name, value)| source.get(name).is_some_and(|set| !set.eq_ignore_ascii_case(value)))
        .map(|(name, _)| name.to_owned());
    let set: Vec<String> = NAMES
        .map(str::to_owned)
        .into_iter()
        .chain(of_signals)
        .filter(|name| source.get(name).is_some())
        .chain(others)
        .collect();
    if !set.is_empty() {
        source.warn(&set.join(", "), "not supported, and ignored");
    }
}
