//! Standard variables of OpenTelemetry, from the environment to the export.

use std::{fs::write, path::Path};

use rustls::version::TLS13;

use super::SAMPLED;
use crate::{
    fanout_tls::Authority,
    support::{
        Builder, Uecho,
        collector::{Behaviour, Collector},
        eventually, logged,
    },
};

fn sampled(uecho: &Uecho) {
    assert_eq!(uecho.request("GET", "/x", &[("traceparent", SAMPLED)]).status, 200);
}

fn exporting(endpoint: impl Into<String>) -> Builder {
    let builder = Builder::new().config("otlp.sample_ratio = 0.0").env("OTEL_BSP_SCHEDULE_DELAY", "50");
    builder.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint)
}

#[test]
fn the_endpoint_of_the_signal_is_used_unchanged() {
    for target in ["/custom/", "/v1/traces?key=a/b", "/"] {
        let collector = Collector::new(Behaviour::Good);
        let uecho = exporting(collector.url() + target).start();
        sampled(&uecho);
        collector.wait_for(1);
        assert_eq!(collector.exports()[0].line, format!("POST {target} HTTP/1.1"));
        assert!(!uecho.stderr().contains("key="), "a query may contain a secret: {}", uecho.stderr());
    }
}

#[test]
fn unusable_variables_are_named_and_cost_no_span() {
    let collector = Collector::new(Behaviour::Good);
    let uecho = exporting(collector.url())
        .env("OTEL_BSP_MAX_QUEUE_SIZE", "0")
        .env("OTEL_RESOURCE_ATTRIBUTES", "good=1,bad=%zz,junk,=x")
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-good=1,x-bad=%zz")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "1000")
        .start();
    sampled(&uecho);
    collector.wait_for(1);
    eventually("it is counted", || uecho.count("uecho_otlp_spans_total{outcome=\"exported\"}") == 1);
    assert!(!collector.resource().contains_key("good") && !collector.resource().contains_key("bad"));
    let headers = &collector.exports()[0].headers;
    assert!(headers.contains_key("x-good") && !headers.contains_key("x-bad"), "{headers:?}");
    for name in [
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_METRIC_EXPORT_INTERVAL",
    ] {
        let log = logged(&uecho, name);
        assert_eq!(
            log.lines().filter(|line| line.contains("WARN") && line.contains(name)).count(),
            1,
            "{log}"
        );
    }
}

/// The files of a node that trusts one authority and has a certificate of another.
fn files(directory: &Path, trusted: &Authority, ours: &Authority) -> [String; 3] {
    let [certificate, key] = ours.pair("node");
    [("ca.pem", trusted.0.pem()), ("certificate.pem", certificate), ("key.pem", key)].map(|(name, pem)| {
        let path = directory.join(name);
        write(&path, pem).unwrap();
        path.display().to_string()
    })
}

#[test]
fn a_collector_that_demands_a_certificate_gets_it_and_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, other) = (Authority::new(), Authority::new());
    let url = |collector: &Collector| format!("https://localhost:{}/", collector.address.port());
    let [ca, certificate, key] = files(directory.path(), &authority, &authority);
    for prefix in ["OTEL_EXPORTER_OTLP", "OTEL_EXPORTER_OTLP_TRACES"] {
        let collector = Collector::secure(authority.demanding("localhost", &TLS13));
        let uecho = exporting(url(&collector))
            .env(&format!("{prefix}_CERTIFICATE"), &ca)
            .env(&format!("{prefix}_CLIENT_CERTIFICATE"), &certificate)
            .env(&format!("{prefix}_CLIENT_KEY"), &key)
            .start();
        sampled(&uecho);
        collector.wait_for(1);
        assert!(!uecho.stderr().contains("WARN"), "{}", uecho.stderr());
    }

    let [stranger, ..] = files(directory.path(), &other, &authority);
    let collector = Collector::secure(authority.config("localhost"));
    let uecho = exporting(url(&collector)).env("OTEL_EXPORTER_OTLP_CERTIFICATE", stranger).start();
    sampled(&uecho);
    logged(&uecho, "could not be exported");
    uecho.comes_to("uecho_otlp_spans_total{outcome=\"exported\"}", 0);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, other) = (Authority::new(), Authority::new());
    let collector = Collector::secure(authority.demanding("localhost", &TLS13));
    let url = format!("https://localhost:{}/", collector.address.port());
    let [ca, certificate, _] = files(directory.path(), &authority, &authority);
    let [_, foreign] = other.pair("node");
    let foreign_key = directory.path().join("foreign.pem");
    write(&foreign_key, foreign).unwrap();
    for (name, value, key) in [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent/ca.pem", None),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &*certificate, None),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &*certificate, Some("/nonexistent/key.pem")),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &*certificate, foreign_key.to_str()),
    ] {
        let mut builder = exporting(&url).env("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca).env(name, value);
        if let Some(key) = key {
            builder = builder.env("OTEL_EXPORTER_OTLP_CLIENT_KEY", key);
        }
        let uecho = builder.start();
        let file = key.unwrap_or(if value == certificate { name } else { value });
        eventually(name, || uecho.stderr().lines().any(|line| line.contains(name) && line.contains(file)));
    }
}
