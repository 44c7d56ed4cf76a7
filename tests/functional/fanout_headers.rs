//! What a node passes on: the headers on the list and no others, a budget that shrinks, hops that grow, its
//! own token.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{
    Builder, Uecho,
    peer::{Dead, Peer},
};

const FANOUT: &str = "/api/v1/fanout/x";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn to(peer: &Peer) -> String {
    format!("[fanout]\npeers = [\"{}\"]\n", peer.url())
}

#[test]
fn only_headers_on_the_list_are_forwarded() {
    let peer = Peer::saying("m");
    let uecho = Uecho::with(&to(&peer));
    let sent = [
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=1"),
        ("tracestate", "b=2"),
        ("user-agent", "caller/1"),
        ("accept", "text/html"),
        ("authorization", "Bearer secret"),
        ("cookie", "session=secret"),
        ("proxy-authorization", "Basic secret"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-custom", "secret"),
        ("x-uecho-hops", "2"),
    ];
    assert_eq!(uecho.request("GET", FANOUT, &sent).status, 200);
    let got = peer.requests().pop().unwrap();
    let names =
        ["accept", "host", "traceparent", "tracestate", "user-agent", "x-uecho-deadline-ms", "x-uecho-hops"];
    assert_eq!(got.names(), names);
    assert_eq!(got.header("host"), Some(peer.address.to_string().as_str()));
    assert_eq!((got.header("user-agent"), got.header("x-uecho-hops")), (Some("caller/1"), Some("3")));
    assert_eq!((got.header("accept"), got.header("tracestate")), (Some("application/json"), Some("a=1,b=2")));
    let parent = got.header("traceparent").unwrap();
    assert!(
        parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && parent.ends_with("-01"),
        "{parent}"
    );
    assert!(!parent.contains("00f067aa0ba902b7"), "a span of our own");
}

#[test]
fn a_caller_without_headers_is_the_root() {
    let peer = Peer::saying("m");
    let uecho = Uecho::with(&to(&peer));
    let answer = uecho.get(FANOUT);
    let got = peer.requests().pop().unwrap();
    assert_eq!(got.header("x-uecho-hops"), Some("1"));
    assert!(got.header("user-agent").unwrap().starts_with("uecho/"));
    assert_eq!(got.header("tracestate"), None);
    let trace_id = answer.header("x-trace-id").unwrap();
    assert!(got.header("traceparent").unwrap().contains(trace_id));
}

#[test]
fn the_token_of_the_fan_out_is_ours_alone() {
    let peer = Peer::saying("m");
    let uecho = Builder::new().config(&to(&peer)).credential("fanout.token", "t0ken\n").start();
    assert_eq!(uecho.request("GET", FANOUT, &[("authorization", "Bearer callers")]).status, 200);
    assert_eq!(peer.requests().pop().unwrap().header("authorization"), Some("Bearer t0ken"));
    assert!(!uecho.stderr().contains("t0ken"));
}

#[test]
fn a_peer_with_a_token_is_reached_with_the_same_token() {
    let guarded = Builder::new().credential("api.token", "t0ken").start();
    let peers = format!("[fanout]\npeers = [\"http://{}/api/v1/fanout\"]\n", guarded.public);
    let outcome = |uecho: &Uecho| uecho.get(FANOUT).json()["replies"][0]["outcome"].clone();
    assert_eq!(outcome(&Builder::new().config(&peers).credential("fanout.token", "t0ken").start()), "ok");
    assert_eq!(
        outcome(&Builder::new().config(&peers).credential("fanout.token", "other").start()),
        "bad_status"
    );
    assert_eq!(outcome(&Uecho::with(&peers)), "bad_status");
    assert_eq!(guarded.get(FANOUT).status, 401);
}

#[test]
fn the_budget_is_the_smallest_limit_and_shrinks() {
    let peer = Peer::saying("m");
    let left = |uecho: &Uecho, deadline: Option<&str>| -> u64 {
        let headers: Vec<_> = deadline.iter().map(|ms| ("x-uecho-deadline-ms", *ms)).collect();
        assert_eq!(uecho.request("GET", FANOUT, &headers).status, 200);
        peer.requests().pop().unwrap().header("x-uecho-deadline-ms").unwrap().parse().unwrap()
    };
    let uecho = Uecho::with(&to(&peer));
    for (deadline, most) in [(None, 1900), (Some("1000"), 950), (Some("60000"), 1900), (Some("200"), 190)] {
        let left = left(&uecho, deadline);
        assert!(left <= most && left > most / 2, "{deadline:?}: {left}");
    }
    let short = Uecho::with(&(to(&peer) + "timeout = \"20s\"\n[limits]\nhandler = \"1s\""));
    assert!(left(&short, None) <= 950);
}

#[test]
fn an_answer_never_comes_later_than_the_budget() {
    let (silent, good) = (Peer::silent(), Peer::saying("m"));
    let peers = format!("[fanout]\npeers = [\"{}\", \"{}\"]\ntimeout = \"20s\"\n", silent.url(), good.url());
    let uecho = Uecho::with(&peers);
    let ask = || {
        let begin = Instant::now();
        (uecho.request("GET", FANOUT, &[("X-Uecho-Deadline-Ms", "1000")]), begin.elapsed())
    };
    // on a busy machine, an answer may be late; so many in a row may not
    let (answer, elapsed) = (0..20).map(|_| ask()).find(|(_, elapsed)| elapsed.as_millis() < 1000).unwrap();
    assert!(elapsed > Duration::from_millis(900), "the service waits for all peers: {elapsed:?}");
    let json = answer.json();
    assert_eq!((answer.status, &json["status"]), (200, &json!("partial")));
    assert_eq!(
        (&json["replies"][0]["outcome"], &json["replies"][1]["outcome"]),
        (&json!("timeout"), &json!("ok"))
    );
}

#[test]
fn without_a_budget_nobody_is_asked() {
    let peer = Peer::saying("m");
    let uecho = Uecho::with(&(to(&peer) + "policy = \"all\""));
    for deadline in ["0", "1", "3"] {
        let answer = uecho.request("GET", FANOUT, &[("x-uecho-deadline-ms", deadline)]);
        assert_eq!((answer.status, &answer.json()["replies"][0]["outcome"]), (504, &json!("over_budget")));
    }
    assert_eq!(peer.connections(), 0);
}

#[test]
fn malformed_headers_are_named() {
    let uecho = Uecho::with(&format!("[fanout]\npeers = [\"{}\"]", Dead::new().url()));
    for (name, value) in [
        ("X-Uecho-Hops", "many"),
        ("X-Uecho-Hops", "-1"),
        ("X-Uecho-Hops", ""),
        ("X-Uecho-Deadline-Ms", "2s"),
        ("X-Uecho-Deadline-Ms", "1.5"),
        ("X-Uecho-Deadline-Ms", "99999999999999999999999"),
    ] {
        let answer = uecho.request("GET", FANOUT, &[(name, value)]);
        let detail = answer.json()["detail"].to_string();
        assert_eq!(answer.status, 400, "{name}: {value}");
        assert!(detail.contains(&name.to_ascii_lowercase()) && detail.contains("whole number"), "{detail}");
    }
    let twice = [("X-Uecho-Hops", "1"), ("X-Uecho-Hops", "1")];
    assert_eq!(uecho.request("GET", FANOUT, &twice).status, 400);
}
