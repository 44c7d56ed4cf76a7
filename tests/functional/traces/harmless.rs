//! A bad collector has no effect on requests.

use std::time::{Duration, Instant};

use super::exporting;
use crate::support::{
    Builder, SOON, Uecho,
    collector::{Behaviour, Collector},
    eventually,
    http::ClientConnection,
    logged,
    peer::Dead,
};

/// Sends many sampled requests over one connection; all of them are answered.
fn flood(uecho: &Uecho) {
    let mut connection = ClientConnection::open(uecho.public);
    for _ in 0..100 {
        connection.send(&b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50));
        for _ in 0..50 {
            assert_eq!(connection.answer().unwrap().status, 200);
        }
    }
}

/// Every span is accounted for, and the failure is logged once.
#[track_caller]
fn loses_spans_and_nothing_else(mut uecho: Uecho, what: &str) {
    flood(&uecho);
    eventually(what, || uecho.count("uecho_otlp_spans_total{outcome=\"failed\"}") > 500);
    assert_eq!(uecho.get("/after").status, 200);
    uecho.comes_to("uecho_otlp_spans_total{outcome=\"exported\"}", 0);
    let log = logged(&uecho, "could not be exported");
    assert_eq!(log.matches("could not be exported").count(), 1, "{log}");
    let begin = Instant::now();
    uecho.signal(rustix::process::Signal::TERM);
    assert!(uecho.wait_exit().success());
    assert!(!uecho.stderr().contains("panic"), "{}", uecho.stderr());
    assert!(begin.elapsed() < SOON, "the flush has an end");
}

#[test]
fn an_absent_collector_costs_only_spans() {
    let dead = Dead::new();
    let config = format!("otlp.endpoint = \"{}\"", dead.url());
    let uecho = Builder::new().config(&config).env("OTEL_BSP_SCHEDULE_DELAY", "50").start();
    loses_spans_and_nothing_else(uecho, "exports fail");
}

#[test]
fn a_collector_that_refuses_costs_only_spans() {
    let collector = Collector::new(Behaviour::Status(500));
    let uecho = exporting(&collector, "").start();
    loses_spans_and_nothing_else(uecho, "exports fail");
    assert!(!collector.exports().is_empty());
}

#[test]
fn a_collector_that_never_answers_costs_only_spans() {
    let collector = Collector::new(Behaviour::Silent);
    let uecho = exporting(&collector, "otlp.timeout = \"500ms\"").start();
    loses_spans_and_nothing_else(uecho, "the queue is bounded");
}

#[test]
fn a_hanging_collector_does_not_slow_a_request() {
    let collector = Collector::new(Behaviour::Silent);
    let uecho = exporting(&collector, "otlp.timeout = \"60s\"").start();
    uecho.get("/first");
    eventually("an export hangs", || !collector.exports().is_empty());
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(uecho.get("/x").status, 200);
    }
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn an_invalid_endpoint_is_a_configuration_error() {
    let mut uecho = Builder::new().config("otlp.endpoint = \"collector:4317\"").no_wait().start();
    assert_eq!(uecho.wait_exit().code(), Some(78));
    assert!(uecho.stderr().contains("otlp.endpoint"), "{}", uecho.stderr());
}
