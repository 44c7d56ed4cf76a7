//! What `[fanout]` refuses, and that it names all errors at once.

use super::*;

fn with(peers: &[&str]) -> Fanout {
    Fanout { peers: peers.iter().map(ToString::to_string).collect(), ..Fanout::default() }
}

fn refusals(fanout: &Fanout) -> Vec<Invalid> {
    let mut checker = Checker::default();
    fanout.check(&mut checker);
    checker.invalid
}

#[track_caller]
fn refused(fanout: &Fanout, parts: &[&str]) {
    let wrong = refusals(fanout);
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    let error = wrong[0].to_string();
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

#[test]
fn valid_settings_pass() {
    let three = with(&["http://a", "https://a", "http://a/b"]);
    for fanout in [Fanout::default(), Fanout { policy: Policy::Quorum(2), ..three }] {
        assert_eq!(refusals(&fanout), []);
    }
}

#[test]
fn errors_name_the_key_and_what_would_be_right() {
    refused(&with(&["http://a", "b:8080"]), &["fanout.peers[1]", "http://10.0.0.2:8080"]);
    refused(&with(&["http://a", "http://A:80/"]), &["fanout.peers[1]", "`http://A:80` is listed already"]);
    refused(&Fanout { policy: Policy::Quorum(2), ..with(&["http://a"]) }, &["fanout.policy", "has 1"]);
    refused(&Fanout { ready_policy: Policy::Quorum(1), ..with(&[]) }, &["fanout.ready_policy", "has 0"]);
    refused(&Fanout { policy: Policy::Quorum(0), ..with(&["http://a"]) }, &["fanout.policy", "best_effort"]);
    refused(&Fanout { max_hops: 0, ..with(&[]) }, &["fanout.max_hops", "from 1 to 32"]);
    refused(&Fanout { timeout: DurationValue::secs(0), ..with(&[]) }, &["fanout.timeout", "2s"]);
    refused(&Fanout { token: Some("a\nb".into()), ..with(&[]) }, &["fanout.token", "visible ASCII"]);
    let many: Vec<String> = (0..65).map(|port| format!("http://a:{}", port + 1)).collect();
    refused(&Fanout { peers: many, ..Fanout::default() }, &["fanout.peers", "at most 64"]);
}

#[test]
fn all_errors_are_named_at_once() {
    let fanout = Fanout { max_hops: 0, policy: Policy::Quorum(9), ..with(&["a", "http://b", "c"]) };
    let keys: Vec<String> = refusals(&fanout).into_iter().map(|invalid| invalid.key).collect();
    assert_eq!(keys, ["fanout.peers[0]", "fanout.peers[2]", "fanout.policy", "fanout.max_hops"]);
}
