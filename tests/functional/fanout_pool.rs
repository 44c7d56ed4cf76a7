//! Connections to peers: they are kept, bounded, closed when idle, and replaced when they turn out to be
//! dead.

use std::{
    io::Write,
    net::Shutdown,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::support::{
    Uecho, eventually,
    peer::{Peer, reset, sleep},
};

const FANOUT: &str = "/api/v1/fanout/x";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"message\":\"m\"}";

fn uecho(peers: &[&Peer], more: &str) -> Uecho {
    let urls: Vec<String> = peers.iter().map(|peer| peer.url()).collect();
    Uecho::with(&format!("[fanout]\npeers = {urls:?}\n{more}\n"))
}

#[track_caller]
fn is_complete(uecho: &Uecho) {
    let json = uecho.get(FANOUT).json();
    assert_eq!(json["status"], "complete", "{json}");
}

#[test]
fn one_connection_serves_many_requests() {
    let (right, wrong) = (Peer::saying("m"), Peer::answering("503 Service Unavailable", "", "busy"));
    let uecho = uecho(&[&right, &wrong], "");
    for _ in 0..20 {
        uecho.get(FANOUT);
    }
    assert_eq!((right.requests().len(), right.connections()), (20, 1));
    assert_eq!(
        (wrong.requests().len(), wrong.connections()),
        (20, 1),
        "an error answer does not break the connection"
    );
}

#[test]
fn a_connection_that_the_peer_closed_is_replaced() {
    let closing = Peer::new(|_, stream| {
        let _ = stream.write_all(ANSWER);
        false
    });
    let announced = Peer::answering("200 OK", "Connection: close\r\n", "{\"message\":\"m\"}");
    let uecho = uecho(&[&closing, &announced], "");
    for _ in 0..10 {
        is_complete(&uecho);
    }
    assert_eq!((closing.connections(), announced.connections()), (10, 10));
}

#[test]
fn a_request_lost_on_a_kept_connection_is_sent_again() {
    // every second request of a connection gets a close or a reset instead of an answer
    let turn = AtomicUsize::new(0);
    let peer = Peer::new(move |_, stream| match turn.fetch_add(1, Ordering::Relaxed) % 4 {
        0 | 2 => stream.write_all(ANSWER).is_ok(),
        1 => {
            reset(stream);
            false
        }
        _ => {
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
    });
    let uecho = uecho(&[&peer], "");
    for _ in 0..6 {
        is_complete(&uecho);
    }
    assert!(peer.connections() > 2, "{}", peer.connections());
}

#[test]
fn a_request_lost_on_a_new_connection_is_not_sent_again() {
    let peer = Peer::new(|_, _| false);
    let uecho = uecho(&[&peer], "");
    assert_eq!(uecho.get(FANOUT).json()["replies"][0]["outcome"], "reset");
    assert_eq!(peer.requests().len(), 1);
}

#[test]
fn an_answer_that_is_not_http_is_bad_body_on_a_kept_connection_too() {
    let turn = AtomicUsize::new(0);
    let peer = Peer::new(move |_, stream| match turn.fetch_add(1, Ordering::Relaxed) {
        0 => stream.write_all(ANSWER).is_ok(),
        _ => stream.write_all(b"220 mail.example ESMTP\r\n\r\n").is_ok(),
    });
    let uecho = uecho(&[&peer], "");
    is_complete(&uecho);
    assert_eq!(uecho.get(FANOUT).json()["replies"][0]["outcome"], "bad_body");
    assert_eq!((peer.requests().len(), peer.connections()), (2, 1), "asked once, over the kept connection");
}

#[test]
fn bytes_that_a_peer_sends_unasked_do_not_become_an_answer() {
    let smuggled: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"message\":\"smuggled\"}";
    let peer = Peer::new(move |_, stream| {
        stream.write_all(ANSWER).is_ok() && {
            sleep(Duration::from_millis(30));
            stream.write_all(smuggled).is_ok()
        }
    });
    let uecho = uecho(&[&peer], "");
    for _ in 0..5 {
        let json = uecho.get(FANOUT).json();
        assert_eq!(json["replies"][0]["message"], "m", "{json}");
        sleep(Duration::from_millis(60));
    }
}

#[test]
fn a_hundred_requests_at_once_are_answered_and_leave_few_connections() {
    let (quick, slow) = (Peer::saying("m"), Peer::slow(Duration::from_millis(200)));
    let uecho = uecho(&[&quick, &slow], "timeout = \"20s\"\n[limits]\nhandler = \"20s\"");
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| is_complete(&uecho));
        }
    });
    assert_eq!((quick.requests().len(), slow.requests().len()), (100, 100));
    assert!(slow.connections() <= 100);
    // at most 64 idle connections to a peer are kept
    eventually("spare connections are closed", || uecho.metric("process_open_fds") < 2.0 * 64.0 + 30.0);
}

#[test]
fn late_exchanges_leave_no_connections() {
    let peer = Peer::silent();
    let uecho = uecho(&[&peer], "timeout = \"200ms\"");
    let before = uecho.metric("process_open_fds");
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(uecho.get(FANOUT).json()["replies"][0]["outcome"], "timeout"));
        }
    });
    assert!(peer.connections() >= 20, "an exchange that was cut does not give its connection to another");
    eventually("connections are closed", || uecho.metric("process_open_fds") <= before + 3.0);
}
