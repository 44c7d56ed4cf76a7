//! SIGHUP replaces peers: requests in flight finish with the old ones, connections to those that stay are
//! kept.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Uecho, eventually, logged,
    peer::{Dead, Peer},
};

const FANOUT: &str = "/api/v1/fanout/x";

fn config(peers: &[String], more: &str) -> String {
    format!("[fanout]\npeers = {peers:?}\ntimeout = \"10s\"\n{more}\n")
}

fn reload(uecho: &mut Uecho, config: &str) {
    std::fs::write(uecho.config_file(), config).unwrap();
    uecho.notify.clear();
    uecho.signal(Signal::HUP);
    assert!(uecho.notify.wait_for("READY=1"), "{}", uecho.stderr());
}

fn outcomes(json: &Value) -> Vec<&str> {
    json["replies"].as_array().unwrap().iter().map(|reply| reply["outcome"].as_str().unwrap()).collect()
}

#[test]
fn requests_in_flight_finish_with_the_old_peers() {
    let (old, new) = (Peer::slow(Duration::from_secs(1)), Peer::saying("new"));
    let mut uecho = Uecho::with(&config(&[old.url()], ""));
    let public = uecho.public;
    let before =
        std::thread::spawn(move || crate::support::http::request(public, "GET", FANOUT, &[], b"").json());
    eventually("the old peer is asked", || !old.requests().is_empty());
    reload(&mut uecho, &config(&[new.url(), Dead::new().url()], "policy = \"any\""));
    let after = uecho.get(FANOUT).json();
    assert_eq!((outcomes(&after), &after["policy"]), (vec!["ok", "refused"], &"any".into()));
    let before = before.join().unwrap();
    assert_eq!((outcomes(&before), &before["policy"]), (vec!["ok"], &"best_effort".into()));
    assert_eq!(before["replies"][0]["message"], "slow");
    assert_eq!(old.requests().len(), 1);
}

#[test]
fn connections_to_peers_that_stay_are_kept() {
    let (stays, goes) = (Peer::saying("stays"), Peer::saying("goes"));
    let mut uecho = Uecho::with(&config(&[goes.url(), stays.url()], ""));
    assert_eq!(outcomes(&uecho.get(FANOUT).json()), ["ok", "ok"]);
    reload(&mut uecho, &config(&[stays.url()], "max_hops = 3"));
    for _ in 0..3 {
        assert_eq!(outcomes(&uecho.get(FANOUT).json()), ["ok"]);
    }
    assert_eq!((stays.requests().len(), stays.connections(), goes.requests().len()), (4, 1, 1));
    assert_eq!(uecho.request("GET", FANOUT, &[("x-uecho-hops", "3")]).status, 508);
}

#[test]
fn bad_peers_change_nothing() {
    let peer = Peer::saying("m");
    let mut uecho = Uecho::with(&config(&[peer.url()], ""));
    reload(&mut uecho, &config(&["ftp://b".into()], ""));
    logged(&uecho, "fanout.peers[0]");
    assert_eq!(outcomes(&uecho.get(FANOUT).json()), ["ok"]);
}

#[test]
fn readiness_follows_the_policy_at_once() {
    let dead = Dead::new();
    let mut uecho = Uecho::with(&config(&[dead.url()], ""));
    assert_eq!(uecho.get("/readyz").status, 200);
    reload(&mut uecho, &config(&[dead.url()], "ready_policy = \"any\""));
    eventually("not ready", || uecho.get("/readyz").status == 503);
    reload(&mut uecho, &config(&[dead.url()], "ready_policy = \"best_effort\""));
    eventually("ready", || uecho.get("/readyz").status == 200);
}
