//! Every span of a sampled request is counted once in `uecho_otlp_spans_total`, whatever its outcome.

use super::{SAMPLED, exporting};
use crate::support::{
    Builder, Uecho,
    collector::{Behaviour, Collector},
    eventually,
    http::ClientConnection,
    logged,
    peer::Dead,
};

const REQUESTS: usize = 3000;

/// Requests beside the flood cause no span.
const OURS_ONLY: &str = "otlp.sample_ratio = 0.0\n";

fn flood(uecho: &Uecho) {
    let mut connection = ClientConnection::open(uecho.public);
    let request = format!("GET /flood HTTP/1.1\r\nHost: a\r\ntraceparent: {SAMPLED}\r\n\r\n");
    for _ in 0..REQUESTS / 50 {
        connection.send(request.repeat(50).as_bytes());
        for _ in 0..50 {
            assert_eq!(connection.answer().unwrap().status, 200);
        }
    }
}

/// The spans exported, failed and dropped, when every span is one of these.
#[track_caller]
fn outcomes(uecho: &Uecho) -> [usize; 3] {
    let count = |outcome: &str| uecho.count(&format!("uecho_otlp_spans_total{{outcome=\"{outcome}\"}}"));
    let counts = || ["exported", "failed", "dropped"].map(count);
    let mut last = counts();
    let begin = std::time::Instant::now();
    while last.iter().sum::<usize>() != REQUESTS {
        assert!(begin.elapsed() < crate::support::SOON, "{REQUESTS} spans, counted as {last:?}");
        last = counts();
    }
    last
}

fn sized(builder: Builder, queue: &str, batch: &str) -> Builder {
    builder.env("OTEL_BSP_MAX_QUEUE_SIZE", queue).env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", batch)
}

#[test]
fn spans_are_accounted_for_at_any_queue_and_batch_size() {
    for (queue, batch) in [("64", "64"), ("1", "1"), ("7", "512"), ("4096", "512")] {
        let collector = Collector::new(Behaviour::Good);
        let uecho = sized(exporting(&collector, OURS_ONLY), queue, batch).start();
        flood(&uecho);
        let [exported, failed, dropped] = outcomes(&uecho);
        assert_eq!((exported, failed), (collector.spans().len(), 0), "{queue}, {batch}");
        assert!(queue != "1" || dropped > 0, "one place and {REQUESTS} spans");
        assert_eq!(queue == "4096", dropped == 0, "{queue}, {batch}: {dropped} dropped");
    }
}

#[test]
fn spans_are_accounted_for_without_a_collector_and_with_a_silent_one() {
    let dead = Dead::new();
    let config =
        format!("otlp = {{ endpoint = \"{}\", timeout = \"300ms\", sample_ratio = 0.0 }}", dead.url());
    let uecho =
        sized(Builder::new().config(&config).env("OTEL_BSP_SCHEDULE_DELAY", "50"), "64", "16").start();
    flood(&uecho);
    let [exported, failed, _] = outcomes(&uecho);
    assert!(exported == 0 && failed > 0);

    let collector = Collector::new(Behaviour::Silent);
    let uecho =
        sized(exporting(&collector, &format!("{OURS_ONLY}otlp.timeout = \"300ms\"")), "64", "16").start();
    flood(&uecho);
    let [exported, failed, dropped] = outcomes(&uecho);
    assert!(exported == 0 && failed > 0 && dropped > 0);
}

#[test]
fn spans_that_the_collector_rejects_have_failed() {
    let collector = Collector::new(Behaviour::Rejecting(2));
    let uecho = sized(exporting(&collector, OURS_ONLY), "4096", "16").start();
    flood(&uecho);
    let [exported, failed, dropped] = outcomes(&uecho);
    let rejected: usize = collector
        .exports()
        .into_iter()
        .map(|export| export.request.resource_spans[0].scope_spans[0].spans.len().min(2))
        .sum();
    assert_eq!([exported, failed, dropped], [REQUESTS - rejected, rejected, 0]);
    logged(&uecho, "spans rejected: not today");
}

#[test]
fn spans_are_not_sent_again_after_an_answer_that_is_too_long() {
    let collector = Collector::new(Behaviour::Talkative(5 << 20));
    let uecho = exporting(&collector, OURS_ONLY).start();
    uecho.request("GET", "/x", &[("traceparent", SAMPLED)]);
    eventually("it has failed", || uecho.count("uecho_otlp_spans_total{outcome=\"failed\"}") == 1);
    assert_eq!(collector.exports().len(), 1);
}
