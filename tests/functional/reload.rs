//! SIGHUP: good settings take effect, bad ones change nothing, and the service manager is told the result.

use rustix::process::Signal;

use crate::support::{Builder, Uecho, eventually, logged, peer::Peer};

/// Rewrites the file, sends SIGHUP and waits until the reload is over; gives the messages that the service
/// manager got.
#[track_caller]
fn reload(uecho: &mut Uecho, config: &str) -> Vec<String> {
    std::fs::write(uecho.config_file(), config).unwrap();
    uecho.notify.clear();
    uecho.signal(Signal::HUP);
    assert!(uecho.notify.wait_for("READY=1"), "{}", uecho.stderr());
    // the status is in the same datagram
    uecho.notify.texts()
}

fn message(uecho: &Uecho) -> String {
    uecho.get("/").json()["message"].as_str().unwrap().to_owned()
}

#[test]
fn good_settings_take_effect_and_are_announced_in_order() {
    let mut uecho = Uecho::with("message = 'first'");
    let pid = uecho.child.id();
    let told = reload(&mut uecho, "message = 'second'");
    assert_eq!(message(&uecho), "second");
    assert_eq!((told[0].as_str(), told[2].as_str()), ("RELOADING=1", "STATUS=reloading"), "{told:?}");
    let monotonic: u64 = told[1].strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
    assert!(monotonic > 0);
    assert_eq!(told[3], "READY=1");
    assert_eq!(told[4], format!("STATUS=serving {}, ops on {}", uecho.public, uecho.ops));
    assert_eq!(uecho.child.id(), pid);
    logged(&uecho, "settings reloaded");
}

#[test]
fn bad_settings_change_nothing_and_say_so() {
    let mut uecho = Uecho::with("message = 'first'");
    for bad in [
        "message = 'second'\nmesage = 'third'",
        "message = 'second'\n[",
        "message = 'second'\nlog.filter = 'loud=='",
    ] {
        let told = reload(&mut uecho, bad);
        assert_eq!(message(&uecho), "first", "{bad}");
        let status = told.iter().rfind(|line| line.starts_with("STATUS=")).unwrap();
        assert!(
            status.starts_with("STATUS=reload failed, the old settings stay: configuration: "),
            "{status}"
        );
        assert!(status.ends_with(&format!("ops on {}", uecho.ops)), "{status}");
        assert_eq!(told.iter().filter(|line| *line == "READY=1").count(), 1, "{told:?}");
    }
    let log = logged(&uecho, "mesage");
    assert!(log.contains("ERROR"), "{log}");
    std::fs::remove_file(uecho.config_file()).unwrap();
    uecho.notify.clear();
    uecho.signal(Signal::HUP);
    assert!(uecho.notify.wait_for("STATUS=reload failed"), "a file that is gone");
    let told = reload(&mut uecho, "message = 'fourth'");
    assert_eq!(message(&uecho), "fourth");
    assert!(!told.concat().contains("failed"), "{told:?}");
}

#[test]
fn keys_that_need_a_restart_are_named_and_not_applied() {
    let mut uecho = Builder::new().config("message = 'first'\n[limits]\nuri_bytes = 140").start();
    let told =
        reload(&mut uecho, "message = 'second'\n[limits]\nuri_bytes = 200\n[api]\ntoken = 'canary'").concat();
    assert!(told.contains("a restart is needed for limits.uri_bytes, api.token"), "{told}");
    assert_eq!(message(&uecho), "second", "the settings that can change do");
    assert_eq!(uecho.get(&format!("/{}", "a".repeat(150))).status, 414);
    assert_eq!(uecho.get("/api/v1/echo").status, 200, "no token is asked for");
    let log = logged(&uecho, "limits.uri_bytes");
    assert!(log.contains("WARN"), "{log}");
    assert!(!log.contains("canary") && !told.contains("canary"), "{log}");
    let told = reload(&mut uecho, "message = 'third'\n[limits]\nuri_bytes = 140").concat();
    assert!(!told.contains("restart"), "the value is that in force again: {told}");
}

#[test]
fn peers_and_the_log_filter_can_change() {
    let mut uecho = Uecho::with("log.filter = 'error'");
    assert_eq!(uecho.get("/api/v1/fanout/x").json()["replies"], serde_json::json!([]));
    assert!(!uecho.stderr().contains("INFO"));
    let peer =
        Peer::answering("200 OK", "Content-Type: application/json\r\n", "{\"text\":\"x\",\"message\":\"m\"}");
    reload(&mut uecho, &format!("log.filter = 'info'\nfanout.peers = ['http://{}']", peer.address));
    assert_eq!(uecho.get("/api/v1/fanout/x").json()["replies"][0]["outcome"], "ok");
    logged(&uecho, "INFO uecho::process::reload: settings reloaded");
}

#[test]
fn a_reload_that_ends_during_a_drain_does_not_say_ready() {
    let mut uecho = Uecho::with("drain.delay = '1h'");
    // the reload waits until somebody writes into this file
    std::fs::remove_file(uecho.config_file()).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, uecho.config_file(), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    uecho.notify.clear();
    uecho.signal(Signal::HUP);
    assert!(uecho.notify.wait_for("RELOADING=1"));
    uecho.signal(Signal::TERM);
    assert!(uecho.notify.wait_for("STOPPING=1"));
    std::fs::write(uecho.config_file(), "message = 'second'").unwrap();
    logged(&uecho, "settings reloaded");
    assert_eq!(message(&uecho), "second");
    // the message would have come before the answer, which the same thread sent later
    assert_eq!(uecho.notify.count("READY=1"), 0, "{:?}", uecho.notify.texts());
}

#[test]
fn reloads_run_one_after_the_other() {
    let mut uecho = Uecho::with("message = 'first'");
    uecho.notify.clear();
    std::fs::write(uecho.config_file(), "message = 'last'").unwrap();
    for _ in 0..50 {
        uecho.signal(Signal::HUP);
    }
    eventually("the last settings are in force", || message(&uecho) == "last");
    assert!(uecho.notify.wait_for("READY=1"));
    let mut states = Vec::new();
    eventually("every reload ends", || {
        states = uecho.notify.texts();
        states.retain(|line| line == "RELOADING=1" || line == "READY=1");
        states.len() % 2 == 0
    });
    for pair in states.chunks(2) {
        assert_eq!(pair, ["RELOADING=1", "READY=1"], "{states:?}");
    }
}
