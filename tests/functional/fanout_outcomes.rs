//! Every outcome that a peer can have, each from a peer that does one thing wrong.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    SOON, Uecho,
    peer::{Dead, Peer, reset, sleep},
};

/// The only reply of a fan-out to this URL.
#[track_caller]
fn reply(url: &str, more: &str) -> Value {
    let uecho = Uecho::with(&format!("[fanout]\npeers = [\"{url}\"]\n{more}\n"));
    let begin = Instant::now();
    let answer = uecho.get("/api/v1/fanout/x");
    assert_eq!(answer.status, 200, "best effort");
    assert!(begin.elapsed() < SOON);
    answer.json()["replies"][0].clone()
}

#[track_caller]
fn outcome(peer: &Peer, expected: &str, status: impl Into<Value>) {
    let reply = reply(&peer.url(), "timeout = \"20s\"\n[limits]\nhandler = \"30s\"");
    assert_eq!((&reply["outcome"], &reply["status"]), (&json!(expected), &status.into()), "{reply}");
    assert_eq!(reply["message"].is_string(), expected == "ok", "{reply}");
}

fn ok(body: &str) -> Peer {
    Peer::answering("200 OK", "", body)
}

#[test]
fn correct_answers() {
    outcome(&Peer::saying("m"), "ok", 200);
    outcome(&ok(r#" {"text": "x", "message": "", "more": {}} "#), "ok", 200);
    outcome(&Peer::raw("HTTP/1.0 200 OK\r\n\r\n{\"message\":\"until close\"}"), "ok", 200);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: \
        chunked\r\n\r\n8\r\n{\"messag\r\n8\r\ne\":\"in\"}\r\n0\r\n\r\n";
    outcome(&Peer::raw(chunked), "ok", 200);
    outcome(&Peer::raw(format!("HTTP/1.1 103 Early Hints\r\n\r\n{chunked}")), "ok", 200);
}

#[test]
fn wrong_statuses_and_loops() {
    for status in ["201 Created", "404 Not Found", "500 Internal Server Error", "503 Service Unavailable"] {
        let number: u16 = status[..3].parse().unwrap();
        outcome(&Peer::answering(status, "", "{\"message\":\"m\"}"), "bad_status", number);
    }
    outcome(&Peer::raw("HTTP/1.1 204 No Content\r\n\r\n"), "bad_status", 204);
    outcome(&Peer::answering("508 Loop Detected", "", "{}"), "loop", 508);
}

#[test]
fn redirects_are_not_followed() {
    let target = Peer::saying("elsewhere");
    let location = format!("Location: {}/\r\n", target.url());
    outcome(&Peer::answering("302 Found", &location, ""), "bad_status", 302);
    assert_eq!((target.connections(), target.requests().len()), (0, 0));
}

#[test]
fn wrong_bodies() {
    for body in [
        "",
        "<html>",
        "{}",
        "[]",
        "null",
        "\"m\"",
        "{\"message\":5}",
        "{\"message\":\"m\"",
        "{\"message\":\"m\"}}",
    ] {
        outcome(&ok(body), "bad_body", 200);
    }
    outcome(&Peer::raw("220 mail.example ESMTP\r\n"), "bad_body", Value::Null);
    outcome(&Peer::raw("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), "bad_body", Value::Null);
    outcome(
        &Peer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n"),
        "bad_body",
        200,
    );
    let endless = Peer::new(|_, stream| {
        let line = format!("X-Filler: {}\r\n", "x".repeat(1000));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(line.as_bytes()).is_ok() {}
        false
    });
    outcome(&endless, "bad_body", Value::Null);
}

#[test]
fn bodies_are_read_up_to_256_kib() {
    let of_size = |size: usize| format!("{{\"message\":\"{}\"}}", "x".repeat(size - 14));
    outcome(&ok(&of_size(256 * 1024)), "ok", 200);
    outcome(&ok(&of_size(256 * 1024 + 1)), "too_large", 200);
    // the size is only announced: no byte of the body need be read
    outcome(&Peer::raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), "too_large", 200);
    let endless = Peer::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b' '; 16384]).is_ok() {}
        false
    });
    outcome(&endless, "too_large", 200);
}

#[test]
fn broken_connections() {
    let at_once = Peer::new(|_, stream| {
        reset(stream);
        false
    });
    outcome(&at_once, "reset", Value::Null);
    outcome(&Peer::raw(""), "reset", Value::Null);
    outcome(&Peer::raw("HTTP/1.1 200 OK\r\nContent-Le"), "reset", Value::Null);
    outcome(&Peer::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"mess"), "reset", 200);
    outcome(&Peer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"m"), "reset", 200);
}

#[test]
fn peers_that_do_not_exist() {
    assert_eq!(reply(&Dead::new().url(), "")["outcome"], "refused");
    assert_eq!(reply("http://peer.invalid", "timeout = \"10s\"")["outcome"], "dns");
}

#[test]
fn late_answers_do_not_delay_ours() {
    let drip = Peer::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            sleep(Duration::from_millis(20));
        }
        false
    });
    for (peer, status) in [(Peer::silent(), Value::Null), (drip, json!(200)), (Peer::slow(SOON), Value::Null)]
    {
        let reply = reply(&peer.url(), "timeout = \"400ms\"");
        assert_eq!((&reply["outcome"], &reply["status"]), (&json!("timeout"), &status));
        let elapsed = reply["elapsed_ms"].as_f64().unwrap();
        assert!((350.0..2000.0).contains(&elapsed), "{elapsed}");
    }
}

#[test]
fn a_listener_that_never_accepts_is_a_timeout() {
    // the kernel takes the connection into the queue, and nobody reads from it
    let listener = crate::support::listener();
    let reply = reply(&format!("http://{}", listener.local_addr().unwrap()), "timeout = \"300ms\"");
    assert_eq!(reply["outcome"], "timeout");
}
