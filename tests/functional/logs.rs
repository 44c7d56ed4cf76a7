//! Logs on standard error: text and JSON, access events and their modes, and what a client cannot do to them.

mod journal;
mod losses;

use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Builder, SOON, Uecho, eventually,
    http::ClientConnection,
    logged,
    peer::{Dead, Peer},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// Requests that forge log lines in other programs: raw bytes of a path and a `User-Agent`.
pub const INJECTIONS: [(&str, &[u8]); 7] = [
    ("/a%0d%0amessage=forged%0aPRIORITY=0%0a", b"a"),
    ("/a%00b%1b[31mred", b"a\tPRIORITY=0\tmessage=forged"),
    ("/%c2%9b2J%e2%80%a8forged", "a\u{9b}2J\u{85}message=forged\u{2028}x\u{202e}y".as_bytes()),
    ("/q\"%20http.route=\"forged", b"a\" status=200 message=\"forged"),
    ("/latin1", b"\xff\xfe\x9b\x80"),
    ("/json", br#"a","level":"ERROR","message":"forged"#),
    ("/escapes\\n\\u000a", b"\\n\\u001b[31m\\"),
];

/// Sends a request with these bytes; gives the status of the answer.
pub fn send_raw(uecho: &Uecho, path: &str, user_agent: &[u8]) -> u16 {
    let mut connection = ClientConnection::open(uecho.public);
    connection
        .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: ").as_bytes());
    connection.send(user_agent);
    connection.send(b"\r\n\r\n");
    connection.answer().unwrap().status
}

/// A configuration with which [`fail`] is logged, and reading the metrics is not.
pub fn failing(dead: &Dead) -> String {
    format!("fanout = {{ peers = [\"{}\"], policy = \"all\" }}\n", dead.url())
}

pub fn fail(uecho: &Uecho) {
    assert_eq!(uecho.get("/api/v1/fanout/x").status, 502);
}

fn access_lines(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("uecho::access")).collect()
}

#[test]
fn text_has_the_documented_fields() {
    let uecho = Uecho::with("log.access = \"all\"");
    uecho.request("GET", "/a%20b?secret=1", &[("traceparent", PARENT), ("User-Agent", "test/1")]);
    let log = logged(&uecho, "\"test/1\"");
    let [line] = access_lines(&log)[..] else { panic!("{log}") };
    for part in [
        " INFO uecho::access: GET /{text} 200 ",
        &format!("trace_id=\"{TRACE}\""),
        "http.request.method=\"GET\"",
        "http.route=\"/{text}\"",
        "http.response.status_code=200",
        "http.response.body.size=",
        "duration_ms=",
        "url.path=\"/a%20b\"",
        "client.address=\"127.0.0.1\"",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!line.contains("secret") && !line.contains("error.type"), "{line}");
}

#[test]
fn json_has_the_documented_fields() {
    let uecho = Uecho::with("log = { access = \"all\", format = \"json\" }");
    uecho.request("GET", "/a", &[("traceparent", PARENT), ("User-Agent", "test/1")]);
    let log = logged(&uecho, "test/1");
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access: Vec<_> = events.iter().filter(|event| event["target"] == "uecho::access").collect();
    let [event] = access[..] else { panic!("{log}") };
    assert_eq!(event["level"], "INFO");
    assert_eq!(event["trace_id"], TRACE);
    assert_eq!(event["span_id"].as_str().map(str::len), Some(16));
    assert_eq!(event["http.route"], "/{text}");
    assert_eq!(event["http.response.status_code"], 200);
    assert!(event["http.response.body.size"].as_u64().unwrap() > 50);
    assert!(event["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(event["user_agent.original"], "test/1");
    assert_eq!(event["message"], "GET /{text} 200");
}

#[test]
fn by_default_only_requests_that_went_wrong_are_logged() {
    let dead = Dead::new();
    let slow = Peer::slow(Duration::from_millis(300));
    let uecho = Uecho::with(&format!(
        "log = {{ format = \"json\", slow = \"150ms\" }}\nfanout = {{ peers = [\"{}\", \"{}\"], policy = \
            \"any\" }}",
        dead.url(),
        slow.url()
    ));
    assert_eq!(uecho.get("/fine").status, 200);
    assert_eq!(uecho.get("/%zz").status, 400);
    assert_eq!(uecho.get("/api/v1/fanout/slow").status, 200);
    let log = logged(&uecho, "\"slow\"");
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access: Vec<_> = events.iter().filter(|event| event["target"] == "uecho::access").collect();
    let [event] = access[..] else { panic!("{log}") };
    assert_eq!((&event["level"], &event["error.type"]), (&"WARN".into(), &"slow".into()));
    assert_eq!(event["fanout.outcomes"], format!("refused {}, ok {}", dead.url(), slow.url()));
    assert!(event["duration_ms"].as_f64().unwrap() >= 150.0);
}

#[test]
fn requests_that_the_drain_cuts_are_logged_before_the_end() {
    let silent = Peer::silent();
    let mut uecho = Uecho::with(&format!(
        "log.format = \"json\"\ndrain.deadline = \"100ms\"\nfanout = {{ peers = [\"{}\"], timeout = \"20s\" \
            }}",
        silent.url()
    ));
    let mut cut = ClientConnection::open(uecho.public);
    cut.send(b"GET /api/v1/fanout/cut HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the peer is asked", || silent.requests().iter().any(|head| head.line.contains("/cut ")));
    uecho.signal(rustix::process::Signal::TERM);
    uecho.wait_exit();
    let log = uecho.stderr();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access: Vec<_> = events.iter().filter(|event| event["target"] == "uecho::access").collect();
    let [event] = access[..] else { panic!("{log}") };
    assert_eq!((&event["level"], &event["error.type"]), (&"WARN".into(), &"cut".into()));
    assert_eq!(event["http.response.status_code"], Value::Null);
}

#[test]
fn a_5xx_is_an_error_and_off_is_off() {
    let dead = Dead::new();
    let fanout = failing(&dead);
    let mut uecho = Uecho::with(&fanout);
    fail(&uecho);
    let log = logged(&uecho, "uecho::access");
    assert!(access_lines(&log)[0].contains("ERROR") && log.contains("error.type=\"502\""), "{log}");

    uecho = Uecho::with(&(fanout + "log.access = \"off\""));
    fail(&uecho);
    drop_and_read(uecho, |log| assert_eq!(access_lines(log), [""; 0]));
}

/// Stops the service, so that everything is written, and passes on the log.
fn drop_and_read(mut uecho: Uecho, check: impl FnOnce(&str)) {
    uecho.signal(rustix::process::Signal::TERM);
    uecho.wait_exit();
    check(&uecho.stderr());
}

#[test]
fn no_client_can_forge_a_line_or_a_field_of_text() {
    let uecho = Uecho::with("log.access = \"all\"");
    for (path, user_agent) in INJECTIONS {
        assert_eq!(send_raw(&uecho, path, user_agent), 200, "{path}");
    }
    uecho.get("/last");
    let log = logged(&uecho, "\"/last\"");
    assert_eq!(access_lines(&log).len(), INJECTIONS.len() + 1, "{log}");
    for line in log.lines() {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{202e}'), "{line:?}");
        assert!(line.starts_with("20") && !line.contains(" http.route=\"forged"), "{line}");
    }
    // the result of an injected quotation mark
    assert!(log.contains(r#"user_agent.original="a\" status=200 message=\"forged""#), "{log}");
}

#[test]
fn no_client_can_forge_a_line_or_a_field_of_json() {
    let uecho = Uecho::with("log = { access = \"all\", format = \"json\" }");
    for (path, user_agent) in INJECTIONS {
        assert_eq!(send_raw(&uecho, path, user_agent), 200, "{path}");
    }
    uecho.get("/last");
    let log = logged(&uecho, "\"/last\"");
    assert!(!log.contains(|c: char| c.is_control() && c != '\n'), "{log:?}");
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access: Vec<_> = events.iter().filter(|event| event["target"] == "uecho::access").collect();
    assert_eq!(access.len(), INJECTIONS.len() + 1);
    for (event, (path, _)) in access.iter().zip(INJECTIONS) {
        assert_eq!((&event["level"], &event["message"]), (&"INFO".into(), &"GET /{text} 200".into()));
        assert_eq!(event["url.path"], path);
    }
    assert_eq!(access[5]["user_agent.original"], r#"a","level":"ERROR","message":"forged"#);
}

#[test]
fn values_are_cut_and_secrets_are_not_logged() {
    let uecho =
        Uecho::with("log.access = \"all\"\nlimits = { header_bytes = \"2MiB\", uri_bytes = \"60KiB\" }");
    let filler = "u".repeat(50_000);
    let secrets = [
        ("Authorization", "Bearer canary-authorization"),
        ("Cookie", "id=canary-cookie"),
        ("Proxy-Authorization", "Basic canary-proxy"),
        ("User-Agent", &filler),
    ];
    uecho.request("POST", &format!("/api/v1/echo?canary-query={filler}"), &secrets);
    uecho.request("GET", &format!("/{filler}"), &secrets);
    uecho.get("/last");
    let log = logged(&uecho, "\"/last\"");
    assert!(!log.contains("canary"), "{log}");
    assert!(access_lines(&log).iter().all(|line| line.len() < 3000), "{log}");
    assert!(
        log.contains(&format!("user_agent.original=\"{}\"", &filler[..1024])),
        "cut at the limit, not left out"
    );
}

#[test]
fn a_bad_filter_is_a_configuration_error() {
    let mut uecho = Builder::new().config("log.filter = \"uecho=loud\"").no_wait().start();
    assert_eq!(uecho.wait_exit().code(), Some(78));
    assert!(uecho.stderr().contains("log.filter"), "{}", uecho.stderr());
}

#[test]
fn the_filter_applies_to_access_events_too() {
    let uecho = Uecho::with("log = { access = \"all\", filter = \"info,uecho::access=off\" }");
    uecho.get("/silent");
    drop_and_read(uecho, |log| assert_eq!(access_lines(log), [""; 0]));
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_service() {
    // standard error is a pipe that is full at once
    let (reader, writer) = std::io::pipe().unwrap();
    let uecho = Builder::new().config("log.access = \"all\"").stderr(writer).start();
    let mut connection = ClientConnection::open(uecho.public);
    for _ in 0..200 {
        connection.send(&b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50));
        for _ in 0..50 {
            assert_eq!(connection.answer().unwrap().status, 200);
        }
    }
    let dropped = uecho.count("uecho_log_dropped_total");
    assert!(dropped >= 1000, "10,000 events, room for 4096 and a pipe: {dropped}");
    drop(reader);
    let begin = std::time::Instant::now();
    drop(uecho);
    assert!(begin.elapsed() < SOON);
}
