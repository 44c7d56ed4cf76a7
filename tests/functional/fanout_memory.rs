//! `limits.memory` and the replies of peers: a reply is held while the service waits for others, and there is
//! room for a limited number of them.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::support::{
    Uecho, eventually,
    http::ClientConnection,
    peer::{Peer, sleep},
};

const FANOUT: &str = "/api/v1/fanout/x";
const HELD: &str = "uecho_memory_held_bytes";
/// Bytes of the large peer's message.
const LARGE: usize = 200 * 1024;
/// Bytes that a reply may hold beside it, once it is whole: while it is read it holds spare room too.
const BESIDE: usize = 1024;

/// A peer that answers when it is released.
fn waiting() -> (Peer, Arc<AtomicBool>) {
    let released = Arc::new(AtomicBool::new(false));
    let state = released.clone();
    let peer = Peer::new(move |_, stream| {
        while !state.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(5));
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"message\":\"m\"}").is_ok()
    });
    (peer, released)
}

fn uecho(peers: &[&Peer], memory: &str) -> Uecho {
    let urls: Vec<String> = peers.iter().map(|peer| peer.url()).collect();
    let limits = format!("[limits]\nhandler = \"30s\"\nbody_bytes = \"1KiB\"\nmemory = {memory:?}");
    Uecho::with(&format!("[fanout]\ntimeout = \"30s\"\npeers = {urls:?}\n{limits}\n"))
}

#[test]
fn replies_that_wait_for_others_take_room() {
    let (large, (late, released)) = (Peer::saying(&"x".repeat(LARGE)), waiting());
    let uecho = uecho(&[&large, &late], "1MiB");
    let mut waiting: Vec<ClientConnection> = Vec::new();
    for count in 1..=5 {
        let mut connection = ClientConnection::open(uecho.public);
        connection.send(format!("GET {FANOUT} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        waiting.push(connection);
        let whole = count * LARGE..=count * (LARGE + BESIDE);
        eventually("its whole reply is held", || whole.contains(&uecho.count(HELD)));
    }
    assert!(uecho.count(HELD) <= 1024 * 1024, "{}", uecho.count(HELD));
    let refused = uecho.get(FANOUT);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("limits.memory"), "{detail}");
    assert_eq!(uecho.get("/x").status, 200, "an echo needs no room");
    released.store(true, Ordering::Relaxed);
    for mut connection in waiting {
        assert_eq!(connection.answer().unwrap().status, 200, "an answer takes the room of its replies");
    }
    eventually("everything is given back", || uecho.count(HELD) == 0);
    let answer = uecho.get(FANOUT);
    assert_eq!((answer.status, &answer.json()["status"]), (200, &"complete".into()));
    eventually("everything is given back", || uecho.count(HELD) == 0);
}

#[test]
fn the_tree_below_a_peer_takes_room_too() {
    let leaf = serde_json::json!({"peer": "http://leaf", "outcome": "ok", "message": "y".repeat(1000)});
    let tree =
        serde_json::json!({"message": "m", "status": "complete", "replies": vec![leaf; 200]}).to_string();
    let (large, (late, released)) = (Peer::answering("200 OK", "", &tree), waiting());
    let uecho = uecho(&[&large, &late], "1MiB");
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| uecho.get(FANOUT));
        eventually("it is held", || uecho.count(HELD) >= 200_000);
        released.store(true, Ordering::Relaxed);
        assert_eq!(asking.join().unwrap().status, 200);
    });
    eventually("everything is given back", || uecho.count(HELD) == 0);
}

#[test]
fn a_storm_of_large_replies_stays_within_the_budget() {
    const RESIDENT: &str = "process_resident_memory_bytes";
    let (large, (late, released)) = (Peer::saying(&"x".repeat(LARGE)), waiting());
    let uecho = uecho(&[&large, &late], "8MiB");
    let before = uecho.count(RESIDENT);
    // 40 MiB of replies, were they all held
    let mut storm: Vec<ClientConnection> = (0..200).map(|_| ClientConnection::open(uecho.public)).collect();
    for connection in &mut storm {
        connection.send(format!("GET {FANOUT} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    }
    eventually("all are asked", || large.requests().len() == 200);
    eventually("most are refused", || uecho.count("uecho_memory_refused_total") > 100);
    let grown = uecho.count(RESIDENT).saturating_sub(before);
    released.store(true, Ordering::Relaxed);
    let statuses: Vec<u16> = storm.iter_mut().map(|connection| connection.answer().unwrap().status).collect();
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)) && statuses.contains(&200),
        "{statuses:?}"
    );
    // 400 connections and their buffers among it; 70 MB were it not for the budget
    assert!(grown < 40 << 20, "{grown}");
}
