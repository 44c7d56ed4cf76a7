//! The standard variables that have no meaning here, so that nobody relies on them.

use crate::telemetry::traces::options::variables::Variables;

/// What names of the standard begin with, after `OTEL_`. Others may be anything: Kubernetes sets
/// `OTEL_COLLECTOR_PORT` for a Service of that name.
const STANDARD: &str = "ATTRIBUTE_ BLRP_ BSP_ CONFIG_FILE EVENT_ EXPERIMENTAL_ EXPORTER_ LINK_ LOG METRIC \
    PROPAGATORS RESOURCE_ SPAN_ TRACES_";
const READ: &str = "BSP_MAX_EXPORT_BATCH_SIZE BSP_MAX_QUEUE_SIZE BSP_SCHEDULE_DELAY RESOURCE_ATTRIBUTES \
    TRACES_EXPORTER TRACES_SAMPLER TRACES_SAMPLER_ARG";
/// After `OTEL_EXPORTER_OTLP_` or `OTEL_EXPORTER_OTLP_TRACES_`.
const READ_OF_OTLP: &str =
    "CERTIFICATE CLIENT_CERTIFICATE CLIENT_KEY COMPRESSION ENDPOINT HEADERS PROTOCOL TIMEOUT";
/// Variables of which these values say what is so anyway.
const AS_IT_IS: [(&str, &str); 4] = [
    ("LOGS_EXPORTER", "none"),
    ("METRICS_EXEMPLAR_FILTER", "always_off"),
    ("METRICS_EXPORTER", "none"),
    ("PROPAGATORS", "tracecontext"),
];

/// Adds one warning that names all of those that are set.
pub(super) fn warn(variables: &mut Variables) {
    let listed = |list: &str, name: &str| list.split(' ').any(|listed| listed == name);
    let ignored = |(full, value): &(&str, &str)| {
        let Some(name) = full.strip_prefix("OTEL_") else { return false };
        let of_otlp = name.strip_prefix("EXPORTER_OTLP_").unwrap_or_default();
        STANDARD.split(' ').any(|beginning| name.starts_with(beginning))
            && !listed(READ, name)
            && !listed(READ_OF_OTLP, of_otlp.strip_prefix("TRACES_").unwrap_or(of_otlp))
            && !AS_IT_IS.iter().any(|(other, same)| *other == name && value.eq_ignore_ascii_case(same))
    };
    let names: Vec<_> = variables.iter().filter(ignored).map(|(name, _)| name).collect();
    if !names.is_empty() {
        let names = names.join(", ");
        variables.warn(&names, "not supported, and ignored");
    }
}
