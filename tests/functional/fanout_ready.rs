//! `fanout.ready_policy`: `/readyz` follows the peers, and the service asks no peer when readiness does not
//! depend on it.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::support::{
    Uecho, eventually,
    http::ClientConnection,
    peer::{Dead, Peer, sleep},
};

fn uecho(peers: &[String], policy: &str) -> Uecho {
    Uecho::with(&format!("[fanout]\npeers = {peers:?}\nready_policy = {policy}\n"))
}

#[test]
fn with_enough_peers_up_the_service_is_ready() {
    let (up, dead) = (Peer::answering("200 OK", "", "{\"ok\":true}"), Dead::new());
    for policy in ["\"any\"", "{ quorum = 1 }"] {
        let uecho = uecho(&[format!("{}/prefix", up.url()), dead.url()], policy);
        eventually("ready", || uecho.get("/readyz").status == 200);
    }
    assert!(up.requests().iter().all(|head| head.line == "GET /healthz HTTP/1.1"));
    let uecho = uecho(&[up.url(), dead.url()], "\"all\"");
    eventually("not ready", || {
        let answer = uecho.get("/readyz");
        answer.status == 503 && answer.json() == json!({"ready": false, "reasons": ["peers down"]})
    });
    assert_eq!(uecho.get("/healthz").status, 200);
    assert!(uecho.metric("uecho_ready") < 0.5);
}

#[test]
fn readiness_follows_a_peer() {
    let healthy = Arc::new(AtomicBool::new(false));
    let state = healthy.clone();
    let peer = Peer::new(move |_, stream| {
        let status = if state.load(Ordering::Relaxed) { "200 OK" } else { "503 Service Unavailable" };
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).is_ok()
    });
    let uecho = uecho(&[peer.url()], "\"all\"");
    for up in [false, true, false] {
        healthy.store(up, Ordering::Relaxed);
        eventually("readiness follows", || uecho.get("/readyz").status == if up { 200 } else { 503 });
    }
    assert_eq!(peer.connections(), 1, "checks use the kept connection");
}

#[test]
fn a_peer_that_hangs_is_down() {
    let uecho = uecho(&[Peer::silent().url()], "\"any\"");
    eventually("not ready", || uecho.get("/readyz").status == 503);
    sleep(Duration::from_millis(1200));
    assert_eq!(uecho.get("/readyz").status, 503);
}

#[test]
fn no_peer_is_asked_when_readiness_does_not_depend_on_it() {
    let peer = Peer::saying("m");
    let uecho = uecho(&[peer.url()], "\"best_effort\"");
    sleep(Duration::from_millis(300));
    assert_eq!((uecho.get("/readyz").status, peer.connections()), (200, 0));
}

#[test]
fn a_storm_of_fan_outs_does_not_delay_health_checks() {
    // answers health checks at once, and other requests never
    let peer = Peer::new(|head, stream| {
        head.line != "GET /healthz HTTP/1.1"
            || stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_ok()
    });
    let config = format!("peers = [\"{}\"]\nready_policy = \"all\"\ntimeout = \"20s\"", peer.url());
    let uecho = Uecho::with(&format!("[fanout]\n{config}\n[limits]\nhandler = \"20s\"\n"));
    eventually("ready", || uecho.get("/readyz").status == 200);
    let mut storm: Vec<ClientConnection> = (0..300).map(|_| ClientConnection::open(uecho.public)).collect();
    for connection in &mut storm {
        connection.send(b"GET /api/v1/fanout/x HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let asked = |line: &str| peer.requests().iter().filter(|head| head.line == line).count();
    eventually("all slots are in use", || asked("GET /x HTTP/1.1") == 256);
    // a peer is down after two failed checks in a row
    let before = asked("GET /healthz HTTP/1.1");
    eventually("checks go on", || asked("GET /healthz HTTP/1.1") >= before + 3);
    assert_eq!(uecho.get("/readyz").status, 200);
    assert!(!uecho.stderr().contains("peers down"));
}
