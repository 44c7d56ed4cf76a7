//! Logs to the journal: when, with which fields, and what happens without a journal.

use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use super::{INJECTIONS, PARENT, TRACE, fail, failing, logged, send_raw};
use crate::support::{
    Builder, Uecho, eventually, http::ClientConnection, journal::Journal, mounts::namespaces, peer::Dead,
};

const ALL: &str = "log.access = \"all\"";

fn started(journal: &Journal, config: &str) -> Uecho {
    Builder::new().config(config).journal(journal.directory.path()).start()
}

#[test]
fn standard_error_that_is_not_the_journal_gets_text() {
    for stream in ["", "1:2", "nonsense"] {
        let uecho = Builder::new().config(ALL).env("JOURNAL_STREAM", stream).start();
        uecho.get("/here");
        logged(&uecho, "url.path=\"/here\"");
    }
}

#[test]
fn without_a_reachable_journal_every_event_is_one_line_of_text() {
    if !namespaces() {
        return;
    }
    let nobody = tempfile::TempDir::new().unwrap();
    let uecho = Builder::new().config(ALL).journal(nobody.path()).start();
    uecho.request("GET", "/here", &[("traceparent", PARENT)]);
    uecho.get("/last");
    let log = logged(&uecho, "\"/last\"");
    assert_eq!(log.matches(TRACE).count(), 1, "{log}");
}

#[test]
fn an_event_is_one_entry_with_the_documented_fields() {
    if !namespaces() {
        return;
    }
    let mut journal = Journal::new();
    let uecho = started(&journal, ALL);
    uecho.request("GET", "/a%20b?secret=1", &[("traceparent", PARENT), ("User-Agent", "test/1")]);
    let entry = journal.wait_for("the request", |entry| entry.get("TRACE_ID") == Some(TRACE));
    for (name, value) in [
        ("MESSAGE", "GET /{text} 200"),
        ("PRIORITY", "6"),
        ("SYSLOG_IDENTIFIER", "uecho"),
        ("TARGET", "uecho::access"),
        ("HTTP_REQUEST_METHOD", "GET"),
        ("HTTP_ROUTE", "/{text}"),
        ("HTTP_RESPONSE_STATUS_CODE", "200"),
        ("URL_PATH", "/a%20b"),
        ("USER_AGENT_ORIGINAL", "test/1"),
        ("CLIENT_ADDRESS", "127.0.0.1"),
        ("ERROR_TYPE", ""),
    ] {
        assert_eq!(entry.get(name).unwrap_or_default(), value, "{name} of {entry:?}");
    }
    assert!(entry.get("DURATION_MS").unwrap().parse::<f64>().unwrap() > 0.0);
    assert_eq!(uecho.stderr(), "", "never twice");
}

#[test]
fn an_entry_has_the_time_at_which_it_happened() {
    if !namespaces() {
        return;
    }
    let mut journal = Journal::new();
    let mut uecho = started(&journal, ALL);
    let begin = SystemTime::now();
    uecho.get("/timed");
    uecho.notify.clear();
    uecho.signal(Signal::HUP);
    assert!(uecho.notify.wait_for("READY=1"));
    let end = SystemTime::now() + Duration::from_secs(1);
    let request = journal.wait_for("the request", |entry| entry.get("URL_PATH") == Some("/timed"));
    let reload = journal.wait_for("the reload", |entry| entry.get("MESSAGE") == Some("settings reloaded"));
    for entry in [request, reload] {
        let time = humantime::parse_rfc3339(entry.get("TIMESTAMP").unwrap()).unwrap();
        assert!(begin <= time && time <= end, "{entry:?}");
    }
}

#[test]
fn entries_that_the_journal_does_not_take_are_counted_once() {
    if !namespaces() {
        return;
    }
    let mut journal = Journal::new();
    let dead = Dead::new();
    let uecho = started(&journal, &failing(&dead));
    fail(&uecho);
    journal.wait_for("the first request", |entry| entry.get("TARGET") == Some("uecho::access"));
    // the socket accepts connections, and refuses every datagram
    journal.deafen();
    for _ in 0..10 {
        fail(&uecho);
    }
    let dropped = || uecho.count("uecho_log_dropped_total");
    eventually("the losses are counted", || dropped() >= 10);
    // one event that is not about a request
    uecho.signal(Signal::HUP);
    eventually("so is the reload", || dropped() >= 11);
    assert_eq!(dropped(), 11);
}

#[test]
fn json_goes_to_standard_error_even_if_that_is_the_journal() {
    if !namespaces() {
        return;
    }
    let mut journal = Journal::new();
    let uecho = started(&journal, "log = { access = \"all\", format = \"json\" }");
    uecho.get("/here");
    logged(&uecho, "\"url.path\":\"/here\"");
    assert!(journal.entries().is_empty(), "never twice: {:?}", journal.entries());
}

#[test]
fn no_client_can_forge_an_entry_or_a_field() {
    if !namespaces() {
        return;
    }
    let mut journal = Journal::new();
    let uecho = started(&journal, ALL);
    for (path, user_agent) in INJECTIONS {
        assert_eq!(send_raw(&uecho, path, user_agent), 200, "{path}");
    }
    uecho.get("/last");
    journal.wait_for("the last request", |entry| entry.get("URL_PATH") == Some("/last"));
    let requests: Vec<_> =
        journal.entries().iter().filter(|entry| entry.get("TARGET") == Some("uecho::access")).collect();
    assert_eq!(requests.len(), INJECTIONS.len() + 1);
    for (entry, (path, _)) in requests.iter().zip(INJECTIONS) {
        assert_eq!(entry.get("PRIORITY"), Some("6"));
        assert_eq!(entry.get("MESSAGE"), Some("GET /{text} 200"));
        assert_eq!(entry.get("URL_PATH"), Some(path));
        for (name, value) in &entry.fields {
            assert!(!value.contains(|c: char| c.is_control() || c == '\u{2028}'), "{name}={value:?}");
        }
    }
}

#[test]
fn an_entry_too_large_for_a_datagram_arrives_as_a_file() {
    if !namespaces() {
        return;
    }
    let mut journal = Journal::new();
    // the warning quotes this value, with each of its quotation marks escaped
    let sampler = "\"".repeat(125_000);
    let uecho = Builder::new().env("OTEL_TRACES_SAMPLER", &sampler).journal(journal.directory.path()).start();
    let entry = journal.wait_for("the warning", |entry| {
        entry.get("MESSAGE").is_some_and(|message| message.starts_with("OTEL_TRACES_SAMPLER"))
    });
    assert!(
        entry.file && entry.get("MESSAGE").unwrap().len() > 250_000,
        "{}",
        entry.get("MESSAGE").unwrap().len()
    );
    assert_eq!(entry.get("PRIORITY"), Some("4"));
    drop(uecho);
}

/// Sends many requests over one connection.
fn flood(uecho: &Uecho) {
    let mut connection = ClientConnection::open(uecho.public);
    for _ in 0..120 {
        connection.send(&b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50));
        for _ in 0..50 {
            assert_eq!(connection.answer().unwrap().status, 200);
        }
    }
}

#[test]
fn a_journal_that_does_not_read_costs_only_entries() {
    if !namespaces() {
        return;
    }
    let mut journal = Journal::new();
    let uecho = started(&journal, ALL);
    flood(&uecho);
    let dropped = uecho.count("uecho_log_dropped_total");
    assert!(dropped > 0, "6000 entries, room for 4096 and a socket's queue");
    journal.entries();
    let mut asked = 0;
    while !journal.entries().iter().any(|entry| entry.get("URL_PATH") == Some("/after")) {
        uecho.get("/after");
        asked += 1;
        assert!(asked < 1000, "entries arrive again");
    }
}

#[test]
fn entries_without_a_journal_are_counted_until_it_returns() {
    if !namespaces() {
        return;
    }
    let mut journal = Journal::new();
    let uecho = started(&journal, ALL);
    uecho.get("/before");
    journal.wait_for("the first request", |entry| entry.get("URL_PATH") == Some("/before"));
    journal.remove();
    uecho.get("/lost");
    eventually("the loss is counted", || uecho.count("uecho_log_dropped_total") > 0);
    journal.restore();
    uecho.get("/back");
    journal.wait_for("the last request", |entry| entry.get("URL_PATH") == Some("/back"));
    assert_eq!(uecho.stderr(), "");
}
