//! What a good collector receives.

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};

use super::{NOT_SAMPLED, SAMPLED, TRACE, exporting};
use crate::support::{
    Builder, Uecho,
    collector::{Behaviour, Collector, attributes, hex},
    eventually,
    http::ClientConnection,
    logged,
    peer::{Dead, Peer},
};

#[test]
fn a_sampled_request_is_a_server_span() {
    let collector = Collector::new(Behaviour::Good);
    let uecho = exporting(&collector, "instance = \"node-a\"\nsystem = \"26.05\"").start();
    let headers = [("traceparent", SAMPLED), ("tracestate", "vendor=1"), ("User-Agent", "test/1")];
    uecho.request("GET", "/a%20b?secret=1", &headers);
    let spans = collector.wait_for(1);
    let [span] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(
        (hex(&span.trace_id).as_str(), hex(&span.parent_span_id).as_str()),
        (TRACE, "00f067aa0ba902b7")
    );
    assert_eq!((span.kind(), span.name.as_str()), (SpanKind::Server, "GET /{text}"));
    assert_eq!(span.trace_state, "vendor=1");
    assert!(span.start_time_unix_nano > 0 && span.start_time_unix_nano < span.end_time_unix_nano);
    let found = attributes(&span.attributes);
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/{text}"),
        ("http.response.status_code", "200"),
        ("url.path", "/a%20b"),
        ("url.scheme", "http"),
        ("network.protocol.version", "1.1"),
        ("client.address", "127.0.0.1"),
        ("user_agent.original", "test/1"),
    ] {
        assert_eq!(found.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(!format!("{span:?}").contains("secret") && !found.contains_key("error.type"));

    let export = &collector.exports()[0];
    assert_eq!(export.line, "POST /v1/traces HTTP/1.1");
    assert_eq!(export.headers["content-type"], "application/x-protobuf");
    assert_eq!(export.headers["host"], collector.address.to_string());
    let resource = collector.resource();
    for (key, value) in [
        ("service.name", "uecho"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", "node-a"),
        ("uecho.system", "26.05"),
        ("telemetry.sdk.language", "rust"),
    ] {
        assert_eq!(resource.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(!resource["host.name"].is_empty());
    eventually("the spans are counted", || uecho.count("uecho_otlp_spans_total{outcome=\"exported\"}") == 1);
}

#[test]
fn an_unknown_method_is_not_in_the_name_of_a_span() {
    let collector = Collector::new(Behaviour::Good);
    let uecho = exporting(&collector, "").start();
    assert_eq!(uecho.request("BREW", "/pot", &[]).status, 405);
    let span = collector.wait_for(1).remove(0);
    assert_eq!(
        (&*span.name, &*attributes(&span.attributes)["http.request.method"]),
        ("HTTP /{text}", "_OTHER")
    );
}

#[test]
fn a_span_has_the_http_version_of_its_request() {
    let collector = Collector::new(Behaviour::Good);
    let uecho = exporting(&collector, "").start();
    let mut connection = ClientConnection::open(uecho.public);
    connection.send(b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(connection.answer().unwrap().status, 200);
    uecho.get("/new");
    for (path, version) in [("/old", "1.0"), ("/new", "1.1")] {
        eventually(path, || {
            let spans: Vec<_> = collector.spans().iter().map(|span| attributes(&span.attributes)).collect();
            let span = spans.iter().find(|span| span.get("url.path").is_some_and(|found| found == path));
            span.is_some_and(|span| span["network.protocol.version"] == version)
        });
    }
}

#[test]
fn a_tracestate_that_is_too_long_is_shortened_to_whole_members() {
    let collector = Collector::new(Behaviour::Good);
    let peer = Peer::saying("hi");
    let uecho = exporting(&collector, &format!("fanout.peers = [\"{}\"]", peer.url())).start();
    let list = |count: usize| (0..count).map(|number| format!("k{number}=v")).collect::<Vec<_>>().join(",");
    let headers = [("traceparent", SAMPLED), ("tracestate", &list(33))];
    assert_eq!(uecho.request("GET", "/api/v1/fanout/x", &headers).status, 200);
    let asked = peer.requests();
    let asked = asked.iter().find(|head| head.line.contains("/x ")).unwrap();
    assert_eq!(asked.header("tracestate"), Some(list(32).as_str()));
    for span in collector.wait_for(2) {
        assert_eq!(span.trace_state, list(32));
    }
}

#[test]
fn the_span_of_a_peer_has_the_whole_url() {
    let collector = Collector::new(Behaviour::Good);
    let peer = Peer::saying("hi");
    let uecho = exporting(&collector, &format!("fanout.peers = [\"{}/up/\"]", peer.url())).start();
    let [long, longer] = ["%41".repeat(400), "%2F".repeat(400)];
    for (text, full) in [
        ("a%2Fb%20c", "/up/a%2Fb%20c"),
        (&long, &format!("/up/{}", "A".repeat(400))),
        (&longer, &format!("/up/{}", "%2F".repeat(341))),
    ] {
        assert_eq!(
            uecho.request("GET", &format!("/api/v1/fanout/{text}"), &[("traceparent", SAMPLED)]).status,
            200
        );
        let full = peer.url() + full;
        eventually(&full, || {
            collector.spans().iter().any(|span| attributes(&span.attributes).get("url.full") == Some(&full))
        });
    }
}

#[test]
fn the_decision_of_the_caller_precedes_the_ratio() {
    let collector = Collector::new(Behaviour::Good);
    let mut uecho = exporting(&collector, "otlp.sample_ratio = 0.0").start();
    for _ in 0..20 {
        uecho.get("/new");
    }
    uecho.request("GET", "/not", &[("traceparent", NOT_SAMPLED)]);
    uecho.request("GET", "/sampled", &[("traceparent", SAMPLED)]);
    let spans = collector.wait_for(1);
    assert_eq!(spans.len(), 1);
    assert_eq!(attributes(&spans[0].attributes)["url.path"], "/sampled");

    let collector = Collector::new(Behaviour::Good);
    uecho = exporting(&collector, "otlp.sample_ratio = 1.0").start();
    uecho.request("GET", "/not", &[("traceparent", NOT_SAMPLED)]);
    for _ in 0..20 {
        uecho.get("/new");
    }
    let spans = collector.wait_for(20);
    assert!(spans.iter().all(|span| attributes(&span.attributes)["url.path"] == "/new"));
    drop(uecho);
}

#[test]
fn every_request_to_a_peer_is_a_client_span_and_its_parent() {
    let collector = Collector::new(Behaviour::Good);
    let (good, dead) = (Peer::saying("hi"), Dead::new());
    let config = format!("fanout = {{ peers = [\"{}\", \"{}\"], policy = \"all\" }}", good.url(), dead.url());
    let uecho = exporting(&collector, &config).start();
    assert_eq!(uecho.request("GET", "/api/v1/fanout/x", &[("traceparent", SAMPLED)]).status, 502);
    let spans = collector.wait_for(3);
    let server = spans.iter().find(|span| span.kind() == SpanKind::Server).unwrap();
    let client = |url: &str| -> &Span {
        spans
            .iter()
            .find(|span| attributes(&span.attributes).get("url.full") == Some(&format!("{url}/x")))
            .unwrap()
    };
    let (good_span, dead_span) = (client(&good.url()), client(&dead.url()));
    for span in [good_span, dead_span] {
        assert_eq!(span.kind(), SpanKind::Client);
        assert_eq!((&span.parent_span_id, &span.trace_id), (&server.span_id, &server.trace_id));
        assert!(span.start_time_unix_nano >= server.start_time_unix_nano);
        assert!(span.end_time_unix_nano <= server.end_time_unix_nano);
    }
    let asked = good.requests();
    let asked = asked.iter().find(|head| head.line.contains("/x ")).unwrap();
    let parent = format!("00-{TRACE}-{}-01", hex(&good_span.span_id));
    assert_eq!(asked.header("traceparent"), Some(parent.as_str()));
    assert_eq!(attributes(&good_span.attributes)["uecho.fanout.outcome"], "ok");
    assert_eq!(attributes(&dead_span.attributes)["error.type"], "refused");
    assert_eq!(dead_span.status.as_ref().unwrap().code(), StatusCode::Error);
    assert_eq!(attributes(&server.attributes)["error.type"], "502");
    assert_eq!(server.status.as_ref().unwrap().code(), StatusCode::Error);
}

#[test]
fn standard_variables_are_honoured_and_keys_override_them() {
    let [collector, other] = [Collector::new(Behaviour::Good), Collector::new(Behaviour::Good)];
    let variables = |builder: Builder| {
        builder
            .env("OTEL_BSP_SCHEDULE_DELAY", "50")
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-general=1,X-Token=a%20b")
            .env("OTEL_SERVICE_NAME", "echo-eu")
            .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=loses")
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    };
    let by_variable = variables(Builder::new())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .env("OTEL_TRACES_SAMPLER", "always_on")
        .start();
    by_variable.request("GET", "/x", &[("traceparent", NOT_SAMPLED)]);
    collector.wait_for(1);
    assert_eq!(collector.exports()[0].headers["x-token"], "a b");
    assert_eq!(collector.resource()["service.name"], "echo-eu");
    assert_eq!(collector.resource()["deployment.environment.name"], "test");
    logged(&by_variable, "OTEL_EXPORTER_OTLP_PROTOCOL");

    let by_key = variables(Builder::new())
        .config(&format!("[otlp]\nendpoint = \"{}\"\nheaders = {{ x-token = \"key\" }}", other.url()))
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.url())
        .start();
    by_key.get("/x");
    other.wait_for(1);
    assert_eq!(other.exports()[0].line, "POST /v1/traces HTTP/1.1");
    assert_eq!(
        (&*other.exports()[0].headers["x-token"], &*other.exports()[0].headers["x-general"]),
        ("key", "1")
    );
    assert_eq!(collector.spans().len(), 1, "the key's endpoint gets everything");
    assert!(!by_key.stderr().contains("a b"), "headers are secrets");
}

#[test]
fn spans_of_drained_requests_are_exported() {
    let collector = Collector::new(Behaviour::Good);
    let slow = Peer::slow(std::time::Duration::from_millis(500));
    let config = format!("otlp.endpoint = \"{}\"\nfanout.peers = [\"{}\"]", collector.url(), slow.url());
    // five seconds pass between exports by default, so only the flush can send these
    let mut uecho = Uecho::with(&config);
    uecho.get("/before");
    let mut last = ClientConnection::open(uecho.public);
    last.send(b"GET /api/v1/fanout/last HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the peer is asked", || slow.requests().iter().any(|head| head.line.contains("/last ")));
    uecho.signal(rustix::process::Signal::TERM);
    assert_eq!(last.answer().unwrap().status, 200);
    assert!(uecho.wait_exit().success(), "{}", uecho.stderr());
    let mut names: Vec<_> = collector.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["GET", "GET /api/v1/fanout/{*text}", "GET /{text}"], "{}", uecho.stderr());
}
