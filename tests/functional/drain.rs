//! The way down: not ready at once, still accepting for a while, nothing in flight cut before the deadline, and a report at the end.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Builder, Uecho, eventually, http, http::Connection, pause, peer::sleep};

const UPLOAD: &[u8] = b"POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha";

fn service(config: &str) -> Uecho {
    let limits = "log.format = 'json'\nlimits.body = '60s'\nlimits.handler = '60s'\n";
    Builder::new().config(limits).config(config).start()
}

/// A request whose head is in and whose body is not.
#[track_caller]
fn upload(uecho: &Uecho) -> Connection {
    let mut connection = Connection::open(uecho.public);
    connection.send(UPLOAD);
    eventually("the request is in flight", || uecho.metric("http_server_active_requests") >= 1.0);
    connection
}

/// The one event of target `uecho::drain`.
#[track_caller]
fn report(uecho: &Uecho) -> Value {
    let stderr = uecho.stderr();
    let reports: Vec<Value> = stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["target"] == "uecho::drain")
        .collect();
    assert_eq!(reports.len(), 1, "{stderr}");
    reports[0].clone()
}

#[track_caller]
fn stop(uecho: &mut Uecho) {
    uecho.signal(Signal::TERM);
    assert!(uecho.notify.wait_for("STOPPING=1"));
}

#[test]
fn first_unready_then_closed_and_what_is_in_flight_is_answered_whole() {
    let mut uecho = service("drain.delay = '3s'");
    let mut upload = upload(&uecho);
    let begin = Instant::now();
    stop(&mut uecho);

    for address in [uecho.public, uecho.ops] {
        let readyz = http::request(address, "GET", "/readyz", &[], b"");
        assert_eq!(readyz.status, 503);
        assert_eq!(readyz.json(), serde_json::json!({"ready": false, "reasons": ["draining"]}));
    }
    let healthz = http::request(uecho.ops, "GET", "/healthz", &[], b"");
    assert_eq!(healthz.status, 200, "not ready, but alive");
    let late = uecho.get("/late");
    assert_eq!(late.status, 200, "the listener is still open");
    assert_eq!(late.header("connection"), Some("close"));
    assert!(begin.elapsed() < Duration::from_secs(3), "too slow a machine to see the delay");

    eventually("the listener closes", || TcpStream::connect(uecho.public).is_err());
    assert!(begin.elapsed() >= Duration::from_secs(3), "not before drain.delay");
    assert_eq!(http::request(uecho.ops, "GET", "/readyz", &[], b"").status, 503, "the drain can be watched");
    upload.send(b"ha");
    let answer = upload.answer().expect("an answer");
    assert_eq!((answer.status, &answer.json()["body"]["text"]), (200, &"haha".into()));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(upload.closed());

    assert_eq!(uecho.wait_exit().code(), Some(0));
    let report = report(&uecho);
    assert_eq!(report["drain.reason"], "SIGTERM");
    assert_eq!(report["drain.in_flight"], 1);
    assert_eq!(
        report["drain.finished"], 3,
        "the upload, a readyz and the late one; those of the ops side do not count"
    );
    assert_eq!(report["drain.cut"], 0);
    assert!(report["drain.seconds"].as_f64().unwrap() >= 3.0);
    let lines = uecho.notify.texts();
    assert!(lines.iter().any(|line| line == "EXTEND_TIMEOUT_USEC=5000000"), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("STATUS=draining: 1 requests in flight")), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| *line == "READY=1").count(), 1, "{lines:?}");
}

#[test]
fn what_takes_longer_than_the_deadline_is_cut_and_counted() {
    let mut uecho = service("drain.deadline = '500ms'");
    let mut upload = upload(&uecho);
    stop(&mut uecho);
    assert_eq!(upload.answer().map(|answer| answer.status), None, "no answer");
    assert_eq!(uecho.wait_exit().code(), Some(0), "cutting is part of a clean end");
    let report = report(&uecho);
    assert_eq!(
        [&report["drain.in_flight"], &report["drain.finished"], &report["drain.cut"]],
        [&Value::from(1), &0.into(), &1.into()]
    );
    assert!(report["drain.seconds"].as_f64().unwrap() >= 0.5);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for config in ["drain.deadline = '1h'", "drain.delay = '1h'"] {
        let mut uecho = service(config);
        let upload = upload(&uecho);
        stop(&mut uecho);
        uecho.signal(Signal::INT);
        assert_eq!(uecho.wait_exit().code(), Some(0), "{config}");
        let report = report(&uecho);
        assert_eq!((&report["drain.cut"], &report["drain.finished"]), (&1.into(), &0.into()), "{config}");
        drop(upload);
    }
}

#[test]
fn idle_connections_do_not_hold_the_end_up() {
    let mut uecho = service("drain.deadline = '1h'");
    let idle = || {
        let mut idle = Connection::open(uecho.public);
        idle.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(idle.answer().unwrap().status, 200);
        idle
    };
    let mut resting = idle();
    sleep(Duration::from_millis(700));
    let mut fresh = idle();
    let silent = Connection::open(uecho.public);
    uecho.signal(Signal::INT);
    assert_eq!(uecho.wait_exit().code(), Some(0));
    assert!(resting.closed() && fresh.closed());
    drop(silent);
    let report = report(&uecho);
    assert_eq!((&report["drain.reason"], &report["drain.in_flight"]), (&"SIGINT".into(), &0.into()));
}

#[test]
fn a_hangup_on_the_way_down_changes_nothing() {
    let mut uecho = service("drain.delay = '1h'");
    stop(&mut uecho);
    uecho.notify.clear();
    uecho.signal(Signal::HUP);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(300) {
        pause();
    }
    uecho.signal(Signal::TERM);
    assert_eq!(uecho.wait_exit().code(), Some(0));
    assert_eq!(uecho.notify.count("RELOADING=1") + uecho.notify.count("READY=1"), 0);
}
