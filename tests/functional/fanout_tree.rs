//! Several real nodes: a tree, rings, a partition.

use std::{net::TcpListener, time::Instant};

use serde_json::{Value, json};

use crate::{
    fanout_below::{FANOUT, as_fanout, node},
    support::{
        Uecho, eventually, listener,
        peer::{Dead, Peer},
    },
};

fn outcomes(json: &Value) -> Vec<&str> {
    json["replies"].as_array().unwrap().iter().map(|reply| reply["outcome"].as_str().unwrap()).collect()
}

#[test]
fn a_tree_of_three_levels() {
    let leaves = [Uecho::with(""), Uecho::with("")];
    let middle = listener();
    let root_peers = [as_fanout(&middle), format!("http://{}", leaves[0].public)];
    let urls: Vec<String> = leaves.iter().map(|leaf| format!("http://{}", leaf.public)).collect();
    let middle = node(middle, &urls, "policy = \"all\"");
    let root = node(listener(), &root_peers, "policy = \"all\"");
    let answer = root.get("/api/v1/fanout/%3Ca%2F%E2%82%AC%3E");
    let json = answer.json();
    assert_eq!((answer.status, &json["status"]), (200, &json!("complete")));
    for reply in json["replies"].as_array().unwrap() {
        assert_eq!(reply["message"], "<a/€> right back at ya!");
    }
    // without a leaf, the policy of the middle is not met, and that shows at the root
    drop(leaves);
    let gone = root.get("/api/v1/fanout/x");
    assert_eq!((gone.status, outcomes(&gone.json())), (502, vec!["bad_status", "refused"]));
    assert_eq!(middle.get(FANOUT).status, 502);
}

#[test]
fn a_ring_of_two_ends_in_508() {
    let (a, b) = (listener(), listener());
    let peers = [as_fanout(&b), as_fanout(&a)];
    let nodes = [node(a, &peers[..1], "policy = \"all\""), node(b, &peers[1..], "policy = \"all\"")];
    let begin = Instant::now();
    for _ in 0..20 {
        let answer = nodes[0].get(FANOUT);
        assert_eq!((answer.status, outcomes(&answer.json())), (502, vec!["bad_status"]));
    }
    assert!(begin.elapsed() < crate::support::SOON);
    let looped = "http_server_request_duration_seconds_count{\
        http_request_method=\"GET\",\
        http_response_status_code=\"508\",http_route=\"/api/v1/fanout/{*text}\"}";
    // requests with hops 0, 2 and 4 come to the first node, those with 1 and 3 to the second
    assert!((nodes[0].metric(looped) - 20.0).abs() < 0.1);
    assert!((nodes[1].metric("uecho_fanout_replies_total{outcome=\"loop\"}") - 20.0).abs() < 0.1);
    assert!((nodes[1].metric(looped)).abs() < 0.1);
    let files = |uecho: &Uecho| uecho.metric("process_open_fds");
    assert!(files(&nodes[0]) < 64.0 && files(&nodes[1]) < 64.0, "{} {}", files(&nodes[0]), files(&nodes[1]));
}

#[test]
fn a_node_that_is_its_own_peer_ends_in_508() {
    let own = listener();
    let peers = [as_fanout(&own)];
    let uecho = node(own, &peers, "policy = \"all\"\nmax_hops = 1");
    let json = uecho.get(FANOUT).json();
    assert_eq!((outcomes(&json), &json["replies"][0]["status"]), (vec!["loop"], &json!(508)));
    let refused = uecho.request("GET", FANOUT, &[("x-uecho-hops", "1")]);
    assert_eq!((refused.status, refused.header("content-type")), (508, Some("application/problem+json")));
    assert!(refused.json()["detail"].as_str().unwrap().contains("fanout.max_hops is 1"));
}

#[test]
fn a_trace_goes_around_a_ring() {
    let (a, b) = (listener(), listener());
    let recorder = Peer::saying("seen");
    let (to_b, to_a) = (as_fanout(&b), as_fanout(&a));
    let first = node(a, &[to_b, recorder.url()], "");
    let _second = node(b, &[to_a], "");
    let answer = first.get(FANOUT);
    let trace_id = answer.header("x-trace-id").unwrap();
    // both requests are in flight at once: either may be read first
    let mut seen: Vec<(String, String)> = recorder
        .requests()
        .iter()
        .map(|head| ["x-uecho-hops", "traceparent"].map(|name| head.header(name).unwrap().to_owned()).into())
        .collect();
    seen.sort();
    let [(first_hops, first_parent), (second_hops, second_parent)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((first_hops.as_str(), second_hops.as_str()), ("1", "3"), "twice before the guard closed");
    assert_eq!([&first_parent[3..35], &second_parent[3..35]], [trace_id; 2]);
    assert_ne!(first_parent, second_parent, "each hop has spans of its own");
}

#[test]
fn the_budget_shrinks_along_a_chain() {
    let recorder = Peer::saying("seen");
    let last = node(listener(), &[recorder.url()], "");
    let middle = node(listener(), &[format!("http://{}/api/v1/fanout", last.public)], "");
    let first = node(listener(), &[format!("http://{}/api/v1/fanout", middle.public)], "timeout = \"1s\"");
    assert_eq!(outcomes(&first.get(FANOUT).json()), ["ok"]);
    let head = recorder.requests().pop().unwrap();
    let left: u64 = head.header("x-uecho-deadline-ms").unwrap().parse().unwrap();
    assert!(left < 1000 * 95 / 100 * 95 / 100 * 95 / 100 + 1, "{left}");
    assert_eq!(head.header("x-uecho-hops"), Some("3"));
}

#[test]
fn a_slow_leaf_shows_as_504_of_the_middle() {
    let slow = Peer::silent();
    let middle = node(listener(), &[slow.url()], "policy = \"all\"");
    let root = node(
        listener(),
        &[format!("http://{}/api/v1/fanout", middle.public)],
        "policy = \"all\"\ntimeout = \"2s\"",
    );
    let answer = root.get(FANOUT);
    // the middle gives up first, so that its own verdict arrives in time
    assert_eq!((answer.status, &answer.json()["replies"][0]["status"]), (502, &json!(504)));
}

#[test]
fn a_node_that_returns_is_asked_again() {
    let dead = Dead::new();
    let address = dead.url();
    let root = node(listener(), std::slice::from_ref(&address), "");
    assert_eq!(outcomes(&root.get(FANOUT).json()), ["refused"]);
    drop(dead);
    let again = TcpListener::bind(address.trim_start_matches("http://")).unwrap();
    let _back = node(again, &[], "");
    eventually("the peer is back", || outcomes(&root.get(FANOUT).json()) == ["ok"]);
}
