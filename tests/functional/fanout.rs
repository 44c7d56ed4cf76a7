//! `GET /api/v1/fanout/{text}`: the shape of the answer, its order, policies and statuses.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Uecho,
    peer::{Dead, Peer},
};

/// The section `[fanout]` with these peers and other keys.
fn config(peers: &[String], more: &str) -> String {
    format!("[fanout]\npeers = {peers:?}\n{more}\n")
}

#[test]
fn without_peers_the_answer_is_complete_and_empty() {
    let uecho = Uecho::with("instance = \"a\"\n");
    let answer = uecho.get("/api/v1/fanout/a%20%3Cb%3E?query=no");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let json = answer.json();
    let keys: Vec<_> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["text", "message", "policy", "status", "elapsed_ms", "receipt", "replies"]);
    assert_eq!((&json["text"], &json["message"]), (&json!("a <b>"), &json!("a <b> right back at ya!")));
    assert_eq!((&json["policy"], &json["status"]), (&json!("best_effort"), &json!("complete")));
    assert_eq!((&json["replies"], &json["receipt"]["instance"]), (&json!([]), &json!("a")));
    assert!(json["elapsed_ms"].is_number());
}

#[test]
fn a_peer_gets_exactly_the_text() {
    let peer = Peer::saying("heard");
    let uecho = Uecho::with(&config(&[format!("{}/prefix/", peer.url())], ""));
    for (path, text, target) in [
        ("a%2Fb", "a/b", "/prefix/a%2Fb"),
        ("/x", "/x", "/prefix/%2Fx"),
        ("a/b/", "a/b/", "/prefix/a%2Fb%2F"),
        ("%2541", "%41", "/prefix/%2541"),
        ("%ff%00", "\u{FFFD}\u{FFFD}", "/prefix/%EF%BF%BD%EF%BF%BD"),
        ("%E2%82%AC%3Fq%23f", "€?q#f", "/prefix/%E2%82%AC%3Fq%23f"),
        ("healthz", "healthz", "/prefix/%68ealthz"),
        ("%2e%2e", "..", "/prefix/%2E."),
    ] {
        let answer = uecho.get(&format!("/api/v1/fanout/{path}"));
        assert_eq!((answer.status, &answer.json()["text"]), (200, &json!(text)), "{path}");
        assert_eq!(peer.requests().last().unwrap().line, format!("GET {target} HTTP/1.1"));
    }
    for path in ["%", "a%zz", "%4"] {
        let answer = uecho.get(&format!("/api/v1/fanout/{path}"));
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
    }
    assert_eq!(uecho.get("/api/v1/fanout/").status, 404);
    assert_eq!(uecho.get("/api/v1/fanout").status, 404);
}

#[test]
fn replies_are_in_the_order_of_the_configuration() {
    let peers = [Peer::slow(Duration::from_millis(300)), Peer::saying("b"), Peer::saying("c")];
    let dead = Dead::new();
    let urls: Vec<String> = peers.iter().map(Peer::url).chain([dead.url()]).collect();
    let uecho = Uecho::with(&config(&urls, ""));
    let json = uecho.get("/api/v1/fanout/x").json();
    let column = |key: &str| -> Vec<Value> {
        json["replies"].as_array().unwrap().iter().map(|reply| reply[key].clone()).collect()
    };
    assert_eq!(column("peer"), urls.iter().map(|url| json!(url)).collect::<Vec<_>>());
    assert_eq!(column("outcome"), ["ok", "ok", "ok", "refused"]);
    assert_eq!(column("status"), [json!(200), json!(200), json!(200), Value::Null]);
    assert_eq!(column("message"), [json!("slow"), json!("b"), json!("c"), Value::Null]);
    assert_eq!((&json["status"], json["message"].as_str()), (&json!("partial"), Some("x right back at ya!")));
    let elapsed: Vec<f64> = column("elapsed_ms").iter().map(|ms| ms.as_f64().unwrap()).collect();
    assert!(elapsed[0] >= 300.0 && elapsed[1] < elapsed[0] && elapsed[2] < elapsed[0], "{elapsed:?}");
    assert!(json["elapsed_ms"].as_f64().unwrap() >= elapsed[0]);
}

#[test]
fn policies_decide_the_status() {
    let (good, dead, silent) = (Peer::saying("a"), Dead::new(), Peer::silent());
    let (good, dead, silent) = (good.url(), dead.url(), silent.url());
    for (policy, peers, http, status) in [
        ("\"best_effort\"", vec![&dead], 200, "failed"),
        ("\"any\"", vec![&good, &dead], 200, "partial"),
        ("\"any\"", vec![&dead], 502, "failed"),
        ("\"any\"", vec![&dead, &silent], 504, "failed"),
        ("\"all\"", vec![&good], 200, "complete"),
        ("\"all\"", vec![&good, &dead], 502, "partial"),
        ("\"all\"", vec![&good, &silent], 504, "partial"),
        ("{ quorum = 1 }", vec![&good, &silent], 200, "partial"),
        ("{ quorum = 2 }", vec![&good, &dead], 502, "partial"),
    ] {
        let peers: Vec<String> = peers.into_iter().cloned().collect();
        let uecho = Uecho::with(&config(&peers, &format!("policy = {policy}\ntimeout = \"300ms\"")));
        let answer = uecho.get("/api/v1/fanout/x");
        let json = answer.json();
        assert_eq!((answer.status, &json["status"]), (http, &json!(status)), "{policy} {peers:?}");
        let shown = if policy.starts_with('{') {
            json["policy"]["quorum"].is_u64()
        } else {
            json["policy"].is_string()
        };
        assert!(shown, "{}", json["policy"]);
    }
}

#[test]
fn head_works_and_other_methods_are_refused() {
    let uecho = Uecho::with(&config(&[Dead::new().url()], "policy = \"all\""));
    let head = uecho.request("HEAD", "/api/v1/fanout/x", &[]);
    assert_eq!((head.status, head.body.len()), (502, 0));
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let answer = uecho.request(method, "/api/v1/fanout/x", &[]);
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow").map(|allow| allow.replace(' ', "")), Some("GET,HEAD".into()));
    }
}

#[test]
fn every_outcome_is_counted_from_the_start() {
    let good = Peer::saying("a");
    let uecho = Uecho::with(&config(&[good.url(), Dead::new().url()], ""));
    let text = uecho.get_ops("/metrics").text();
    for outcome in [
        "ok",
        "timeout",
        "refused",
        "reset",
        "dns",
        "bad_status",
        "bad_body",
        "too_large",
        "loop",
        "over_budget",
    ] {
        assert!(
            text.contains(&format!("uecho_fanout_replies_total{{outcome=\"{outcome}\"}} 0")),
            "{outcome}"
        );
    }
    uecho.get("/api/v1/fanout/x");
    uecho.get("/api/v1/fanout/y");
    assert!((uecho.metric("uecho_fanout_replies_total{outcome=\"ok\"}") - 2.0).abs() < 0.1);
    assert!((uecho.metric("uecho_fanout_replies_total{outcome=\"refused\"}") - 2.0).abs() < 0.1);
    assert!((uecho.metric("uecho_fanout_duration_seconds_count") - 2.0).abs() < 0.1);
}
