//! Traces: the service continues them whether or not it exports any, and exports them to a collector that may
//! be good, bad or absent.

mod accounted;
mod export;
mod harmless;
mod variables;

use crate::support::{Builder, Uecho, collector::Collector};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// Exports to this collector, without the default five seconds between exports.
fn exporting(collector: &Collector, config: &str) -> Builder {
    Builder::new()
        .config(&format!("otlp.endpoint = \"{}\"\n{config}", collector.url()))
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
}

#[test]
fn a_trace_is_continued_without_any_export() {
    let uecho = Uecho::with("");
    assert_eq!(uecho.request("GET", "/x", &[("traceparent", SAMPLED)]).header("x-trace-id"), Some(TRACE));
    for malformed in ["", "00-0-0-00", &SAMPLED.to_uppercase(), &SAMPLED.replacen("00", "ff", 1)] {
        let answer = uecho.request("GET", "/x", &[("traceparent", malformed)]);
        assert_eq!(answer.status, 200);
        let id = answer.header("x-trace-id").unwrap();
        assert!(id.len() == 32 && id != TRACE && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    assert_eq!(uecho.stderr().matches("traceparent").count(), 0, "without a log line");
}

#[test]
fn every_new_trace_has_its_own_id() {
    let uecho = Uecho::with("");
    let ids: std::collections::BTreeSet<_> =
        (0..50).map(|_| uecho.get("/x").header("x-trace-id").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 50);
}
