//! The OpenTelemetry environment variable specification, row by row: what is taken, and what is ignored with
//! a warning.

use crate::telemetry::traces::options::tests::*;

/// As Kubernetes sets it for a Service called `otel-collector`.
const SERVICE: (&str, &str) = ("OTEL_COLLECTOR_PORT_4318_TCP_ADDR", "10.0.0.1");
const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318");

/// What of the options can be seen.
#[derive(Debug, PartialEq)]
struct Seen {
    sampler: String,
    export: bool,
    timeout: u128,
    batch: (usize, usize, u128),
    attributes: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

fn seen(variables: &[(&str, &str)]) -> (Seen, Vec<String>) {
    let Options { sampler, export, warnings } = resolve(&Otlp::default(), variables);
    let there = export.is_some();
    let export = export.unwrap_or_else(|| resolve(&Otlp::default(), &[ENDPOINT]).export.unwrap());
    let seen = Seen {
        sampler: format!("{sampler:?}"),
        export: there,
        timeout: export.timeout.as_millis(),
        batch: (export.batch.queue, export.batch.size, export.batch.delay.as_millis()),
        attributes: export
            .attributes
            .iter()
            .map(|attribute| (attribute.key.to_string(), attribute.value.to_string()))
            .collect(),
        headers: export
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
    };
    (seen, warnings)
}

fn plain() -> Seen {
    Seen {
        sampler: "ParentBased(TraceIdRatioBased(1.0))".into(),
        export: true,
        timeout: 10_000,
        batch: (2048, 256, 5000),
        attributes: Vec::new(),
        headers: Vec::new(),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_is_right_is_taken_without_a_word() {
    const RATIO: (&str, &str) = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
    let attributes = |list: &[(&str, &str)]| Seen { attributes: pairs(list), ..plain() };
    let sampler = |sampler: &str| Seen { sampler: sampler.into(), ..plain() };
    let batch = |queue, size, delay| Seen { batch: (queue, size, delay), ..plain() };
    let timeout = |timeout| Seen { timeout, ..plain() };
    let off = || Seen { export: false, ..plain() };
    for (variables, expected) in [
        (&[][..], plain()),
        (&[("OTEL_SDK_DISABLED", "false")], plain()),
        (&[("OTEL_SDK_DISABLED", "FALSE")], plain()),
        (&[("OTEL_SDK_DISABLED", "")], plain()),
        (
            &[("OTEL_SDK_DISABLED", "True")],
            Seen { sampler: "ParentBased(TraceIdRatioBased(0.0))".into(), ..off() },
        ),
        (&[("OTEL_TRACES_EXPORTER", "OTLP")], plain()),
        (&[("OTEL_TRACES_EXPORTER", "none")], off()),
        (&[("OTEL_SERVICE_NAME", "a")], attributes(&[("service.name", "a")])),
        (&[("OTEL_SERVICE_NAME", "")], plain()),
        (
            &[("OTEL_RESOURCE_ATTRIBUTES", "a=b, c%3D = %2Cd,, e=,")],
            attributes(&[("a", "b"), ("c=", ",d"), ("e", "")]),
        ),
        (&[("OTEL_RESOURCE_ATTRIBUTES", "")], plain()),
        (&[("OTEL_TRACES_SAMPLER", "always_on")], sampler("TraceIdRatioBased(1.0)")),
        (&[("OTEL_TRACES_SAMPLER", "ALWAYS_OFF")], sampler("TraceIdRatioBased(0.0)")),
        (&[("OTEL_TRACES_SAMPLER", "traceidratio"), RATIO], sampler("TraceIdRatioBased(0.25)")),
        (&[("OTEL_TRACES_SAMPLER", "traceidratio")], sampler("TraceIdRatioBased(1.0)")),
        (&[("OTEL_TRACES_SAMPLER", "parentbased_always_on")], plain()),
        (
            &[("OTEL_TRACES_SAMPLER", "parentbased_always_off")],
            sampler("ParentBased(TraceIdRatioBased(0.0))"),
        ),
        (
            &[("OTEL_TRACES_SAMPLER", "ParentBased_TraceIdRatio"), RATIO],
            sampler("ParentBased(TraceIdRatioBased(0.25))"),
        ),
        (&[("OTEL_BSP_SCHEDULE_DELAY", "12000")], batch(2048, 256, 12_000)),
        (&[("OTEL_BSP_SCHEDULE_DELAY", "0")], batch(2048, 256, 1)),
        (&[("OTEL_BSP_MAX_QUEUE_SIZE", "1")], batch(1, 1, 5000)),
        (&[("OTEL_BSP_MAX_QUEUE_SIZE", "65536")], batch(65_536, 256, 5000)),
        (&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512")], batch(2048, 512, 5000)),
        (&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2048")], batch(2048, 2048, 5000)),
        (&[("OTEL_EXPORTER_OTLP_TIMEOUT", "12000")], timeout(12_000)),
        (&[("OTEL_EXPORTER_OTLP_TIMEOUT", "0")], timeout(2_147_483_647)),
        (
            &[("OTEL_EXPORTER_OTLP_TIMEOUT", "1"), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2147483647")],
            timeout(2_147_483_647),
        ),
        (&[("OTEL_EXPORTER_OTLP_PROTOCOL", "HTTP/protobuf")], plain()),
        (
            &[
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
                ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ],
            plain(),
        ),
        (&[("OTEL_EXPORTER_OTLP_COMPRESSION", "NONE")], plain()),
        (
            &[("OTEL_EXPORTER_OTLP_HEADERS", "A=b%3D, c=d=e,")],
            Seen { headers: pairs(&[("a", "b="), ("c", "d=e")]), ..plain() },
        ),
        (&[("OTEL_PROPAGATORS", "TraceContext")], plain()),
        (&[("OTEL_METRICS_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")], plain()),
    ] {
        let (seen, warnings) = seen(&[&[ENDPOINT], variables].concat());
        assert_eq!((seen, warnings), (expected, Vec::new()), "{variables:?}");
    }
}

#[test]
fn what_cannot_be_used_is_named_and_ignored() {
    for (name, value) in [
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_SDK_DISABLED", "yes"),
        ("OTEL_RESOURCE_ATTRIBUTES", "bad=%zz,junk,=x"),
        ("OTEL_RESOURCE_ATTRIBUTES", "good=1,bad=%zz"),
        ("OTEL_RESOURCE_ATTRIBUTES", "good=1,bad=%"),
        ("OTEL_RESOURCE_ATTRIBUTES", "good=1,bad=%ff"),
        ("OTEL_RESOURCE_ATTRIBUTES", "good=1,junk"),
        ("OTEL_RESOURCE_ATTRIBUTES", "good=1,=x"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_EXPORTER", "otlp,console"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "65537"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2049"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2147483648"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "novalue"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent/ca.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/dev/null"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/nonexistent/certificate.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/nonexistent/key.pem"),
        ("OTEL_PROPAGATORS", "tracecontext,baggage"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "console"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based"),
    ] {
        let (seen, warnings) = seen(&[ENDPOINT, (name, value)]);
        assert_eq!(seen, plain(), "{name}={value}");
        assert_eq!(warnings.len(), 1, "{name}={value}: {warnings:?}");
        assert!(warnings[0].starts_with(name), "{warnings:?}");
    }
}

#[test]
fn an_argument_that_cannot_be_used_counts_as_not_set() {
    for (sampler, argument, used) in [
        ("traceidratio", "2", "TraceIdRatioBased(1.0)"),
        ("traceidratio", "NaN", "TraceIdRatioBased(1.0)"),
        ("traceidratio", "-0.1", "TraceIdRatioBased(1.0)"),
        ("always_on", "0.5", "TraceIdRatioBased(1.0)"),
    ] {
        let set = [ENDPOINT, ("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)];
        let (seen, warnings) = seen(&set);
        assert_eq!(seen.sampler, used, "{argument}");
        assert!(warnings.len() == 1 && warnings[0].starts_with("OTEL_TRACES_SAMPLER_ARG"), "{warnings:?}");
    }
}

#[test]
fn a_value_for_the_signal_that_cannot_be_used_leaves_the_general_one() {
    let set = [ENDPOINT, ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "soon"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "7")];
    let (seen, warnings) = seen(&set);
    assert_eq!((seen.timeout, warnings.len()), (7, 1));
}

#[test]
fn an_exporter_that_is_asked_for_has_the_default_endpoint() {
    let export = resolve(&Otlp::default(), &[("OTEL_TRACES_EXPORTER", "otlp")]).export.unwrap();
    assert_eq!(export.endpoint.to_string(), "http://localhost:4318/v1/traces");
}

#[test]
fn all_that_is_not_supported_is_named_in_one_warning() {
    let names = [
        "OTEL_LOG_LEVEL",
        "OTEL_BSP_EXPORT_TIMEOUT",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_EXPORTER_OTLP_INSECURE",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_EXPORTER_JAEGER_ENDPOINT",
    ];
    let set: Vec<_> = names.into_iter().map(|name| (name, "1")).chain([ENDPOINT, SERVICE]).collect();
    let (seen, warnings) = seen(&set);
    assert_eq!(seen, plain());
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(
        names.iter().all(|name| warning.contains(name))
            && warning.contains("not supported")
            && !warning.contains(SERVICE.0),
        "{warning}"
    );
}

#[test]
fn files_of_a_connection_without_tls_are_named() {
    let set = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"), ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/dev/null")];
    let (_, warnings) = seen(&set);
    assert!(warnings[0].starts_with("OTEL_EXPORTER_OTLP_CERTIFICATE") && warnings.len() == 1, "{warnings:?}");
}
