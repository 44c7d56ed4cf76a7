//! What peers say about their own peers: it is shown as a tree, counted as missing when it is incomplete,
//! bounded, and never makes an answer invalid.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{
    Builder, Uecho, listener,
    peer::{Dead, Peer},
};

pub const FANOUT: &str = "/api/v1/fanout/x";

/// A node with these peers and further keys of `[fanout]`.
pub fn node(listener: TcpListener, peers: &[String], more: &str) -> Uecho {
    Builder::new().public(listener).config(&format!("[fanout]\npeers = {peers:?}\n{more}\n")).start()
}

/// The URL of a node as a peer whose own fan-out is asked.
pub fn as_fanout(listener: &TcpListener) -> String {
    format!("http://{}/api/v1/fanout", listener.local_addr().unwrap())
}

/// The answer of a node with this one peer.
fn above(peer: &Peer, more: &str) -> Value {
    node(listener(), &[peer.url()], more).get(FANOUT).json()
}

fn of_older_version(status: &str) -> Value {
    let leaf =
        json!({"peer": "http://leaf", "outcome": "ok", "status": 200, "elapsed_ms": 1.5, "message": "m"});
    json!({"text": "x", "message": "m", "policy": "best_effort", "status": status, "elapsed_ms": 2.5,
        "replies": [leaf]})
}

#[test]
fn a_ring_is_not_complete() {
    let (a, b) = (listener(), listener());
    let peers = [as_fanout(&b), as_fanout(&a)];
    let nodes = [node(a, &peers[..1], ""), node(b, &peers[1..], "")];
    let answer = nodes[0].get(FANOUT);
    let json = answer.json();
    assert_eq!((answer.status, &json["status"]), (200, &json!("partial")), "{json}");
    let mut level = &json;
    for (peer, outcome, completeness) in [
        (&peers[0], "ok", json!("partial")),
        (&peers[1], "ok", json!("partial")),
        (&peers[0], "ok", json!("failed")),
        (&peers[1], "loop", Value::Null),
    ] {
        level = &level["replies"][0];
        assert_eq!((&level["peer"], &level["outcome"]), (&json!(peer), &json!(outcome)), "{json}");
        assert_eq!(level["completeness"], completeness, "{json}");
    }
    assert_eq!(level["replies"], Value::Null, "four hops are allowed");
}

#[test]
fn a_tree_tells_each_peer_with_its_start_and_duration() {
    let leaf = Uecho::with("");
    let (middle, slow) = (listener(), Peer::slow(std::time::Duration::from_millis(100)));
    let url = as_fanout(&middle);
    let _middle = node(middle, &[format!("http://{}", leaf.public), slow.url()], "");
    let json = node(listener(), &[url], "policy = \"all\"").get(FANOUT).json();
    assert_eq!(json["status"], "complete", "{json}");
    let middle = &json["replies"][0];
    let milliseconds = |reply: &Value, key: &str| reply[key].as_f64().unwrap();
    assert_eq!((&middle["status"], &middle["completeness"]), (&json!(200), &json!("complete")));
    let [own, elapsed] = ["own_elapsed_ms", "elapsed_ms"].map(|key| milliseconds(middle, key));
    assert!(own >= 100.0 && elapsed >= own && milliseconds(&json, "elapsed_ms") >= elapsed, "{json}");
    let leaves = middle["replies"].as_array().unwrap();
    assert_eq!(
        (&leaves[0]["message"], &leaves[1]["message"]),
        (&json!("x right back at ya!"), &json!("slow"))
    );
    for leaf in leaves {
        let [start, elapsed] = ["start_ms", "elapsed_ms"].map(|key| milliseconds(leaf, key));
        assert!(start >= 0.0 && start + elapsed <= own, "{json}");
        assert_eq!(
            (&leaf["completeness"], &leaf["replies"]),
            (&Value::Null, &Value::Null),
            "an echo has none"
        );
    }
}

#[test]
fn a_node_whose_policy_is_not_met_still_tells_the_outcomes_of_its_peers() {
    let (dead, middle) = (Dead::new(), listener());
    let url = as_fanout(&middle);
    let _middle = node(middle, &[dead.url()], "policy = \"all\"");
    let root = node(listener(), &[url], "");
    for _ in 0..2 {
        let json = root.get(FANOUT).json();
        let middle = &json["replies"][0];
        assert_eq!((&middle["outcome"], &middle["status"]), (&json!("bad_status"), &json!(502)), "{json}");
        assert_eq!((&middle["completeness"], &middle["message"]), (&json!("failed"), &Value::Null), "{json}");
        assert_eq!(middle["replies"][0]["outcome"], "refused", "{json}");
        assert_eq!(json["status"], "failed");
    }
}

#[test]
fn policies_count_peers_and_not_the_peers_below_them() {
    let partial = Peer::answering("200 OK", "", &of_older_version("partial").to_string());
    for policy in ["\"all\"", "\"any\"", "{ quorum = 1 }"] {
        let answer = node(listener(), &[partial.url()], &format!("policy = {policy}")).get(FANOUT);
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("partial")), "{policy}");
    }
}

#[test]
fn answers_of_other_versions_and_programs_are_accepted() {
    let older = above(&Peer::answering("200 OK", "", &of_older_version("complete").to_string()), "");
    assert_eq!(
        (&older["status"], &older["replies"][0]["completeness"]),
        (&json!("complete"), &json!("complete"))
    );
    assert_eq!(older["replies"][0]["replies"][0]["peer"], "http://leaf");
    let newer = json!({"message": "m", "status": "partial", "replies":
        [{"peer": "p", "outcome": "unheard_of", "wholly": ["new"], "elapsed_ms": 3}], "more": 1});
    let newer = above(&Peer::answering("200 OK", "", &newer.to_string()), "");
    assert_eq!((&newer["status"], &newer["replies"][0]["outcome"]), (&json!("partial"), &json!("ok")));
    assert_eq!(newer["replies"][0]["replies"][0]["outcome"], "unheard_of");
    for foreign in [
        json!({"message": "m", "status": "up", "replies": []}),
        json!({"message": "m", "status": "partial", "replies": 7}),
        json!({"message": "m", "replies": [{"peer": 1}]}),
    ] {
        let json = above(&Peer::answering("200 OK", "", &foreign.to_string()), "");
        let reply = &json["replies"][0];
        assert_eq!((&json["status"], &reply["outcome"]), (&json!("complete"), &json!("ok")), "{foreign}");
        let keys: Vec<_> = reply.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["peer", "outcome", "status", "elapsed_ms", "message", "start_ms"], "{foreign}");
    }
}

#[test]
fn a_tree_never_makes_an_answer_too_large_for_the_node_above() {
    // five peers, each with a tree that almost fills an answer
    let leaf = |index: usize| {
        let peer = format!("http://leaf-{index}.example/{}", "x".repeat(100));
        json!({"peer": peer, "outcome": "ok", "status": 200, "elapsed_ms": 1.5, "message": "m",
            "start_ms": 0.5})
    };
    let leaves: Vec<Value> = (0..800).map(leaf).collect();
    let body =
        json!({"message": "m", "status": "complete", "elapsed_ms": 2.5, "replies": leaves}).to_string();
    assert!((150_000..256 * 1024).contains(&body.len()), "{}", body.len());
    let peers: Vec<Peer> = (0..5).map(|_| Peer::answering("200 OK", "", &body)).collect();
    let one = above(&peers[0], "");
    assert_eq!(one["replies"][0]["replies"].as_array().unwrap().len(), 800, "everything that fits is shown");
    let middle = listener();
    let url = as_fanout(&middle);
    let urls: Vec<String> = peers.iter().map(Peer::url).collect();
    let middle = node(middle, &urls, "");
    assert!(middle.get(FANOUT).body.len() < 256 * 1024);
    let json = node(listener(), &[url], "").get(FANOUT).json();
    assert_eq!((&json["status"], &json["replies"][0]["outcome"]), (&json!("complete"), &json!("ok")));
    for reply in json["replies"][0]["replies"].as_array().unwrap() {
        assert_eq!((&reply["omitted"], &reply["replies"]), (&json!(800), &json!([])));
    }
}

#[test]
fn a_tree_is_no_deeper_than_hops_can_lead() {
    let mut deep = of_older_version("complete");
    for _ in 0..40 {
        deep["replies"][0] = json!({"peer": "p", "outcome": "ok", "replies": [deep["replies"][0]]});
    }
    let peer = Peer::answering("200 OK", "", &deep.to_string());
    let json = above(&peer, "max_hops = 3");
    let last = &json["replies"][0]["replies"][0]["replies"][0];
    assert_eq!(
        (&last["peer"], &last["replies"], &last["omitted"]),
        (&json!("p"), &json!([]), &json!(39)),
        "{json}"
    );
}
