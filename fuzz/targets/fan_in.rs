//! Fan-in: a peer's answer is a message or an outcome, and outcomes add up to the verdict that the policy's
//! words say.

#![no_main]

use arbitrary::Arbitrary;
use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use uecho::{
    config::settings::Policy,
    fanout::{
        merge::{Completeness, merge},
        outcome::{Outcome, read_body},
        tree::FanOut,
    },
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    policy: u8,
    quorum: u8,
    outcomes: Vec<u8>,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let mut outcomes = input
        .outcomes
        .iter()
        .map(|byte| Outcome::ALL[usize::from(*byte) % Outcome::ALL.len()])
        .collect::<Vec<_>>();
    outcomes.push(judge(input.body));
    let below = FanOut::read(input.body).map_or(Completeness::Complete, |fan_out| fan_out.completeness);
    let quorum = usize::from(input.quorum) + 1;
    let policy =
        [Policy::BestEffort, Policy::All, Policy::Any, Policy::Quorum(quorum)][usize::from(input.policy % 4)];

    let ok = outcomes.iter().filter(|outcome| **outcome == Outcome::Ok).count();
    let late =
        outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Timeout | Outcome::OverBudget)).count();
    let met = |ok: usize| match policy {
        Policy::BestEffort => true,
        Policy::All => ok == outcomes.len(),
        Policy::Any => ok > 0,
        Policy::Quorum(quorum) => ok >= quorum,
    };
    let http = match () {
        () if met(ok) => StatusCode::OK,
        () if met(ok + late) => StatusCode::GATEWAY_TIMEOUT,
        () => StatusCode::BAD_GATEWAY,
    };
    let completeness = match ok {
        _ if ok == outcomes.len() && below == Completeness::Complete => Completeness::Complete,
        0 => Completeness::Failed,
        _ => Completeness::Partial,
    };
    let verdict = merge(policy, outcomes.iter().map(|outcome| (*outcome, below)));
    assert_eq!((verdict.http, verdict.completeness), (http, completeness), "{policy:?} {outcomes:?}");
});

/// What a body amounts to, by serde_json's own reading of it.
fn judge(body: &[u8]) -> Outcome {
    let read = read_body(body);
    // a `Value` does not take what is only skipped otherwise: numbers out of range, arrays in arrays in
    // arrays
    let value = serde_json::from_slice::<serde_json::Value>(body).ok();
    // a key given twice is refused, where a `Value` takes the last
    match (&read, value) {
        (Ok(text), Some(value)) => assert_eq!(value["message"].as_str(), Some(text.as_str())),
        (Ok(_), None) => assert!(std::str::from_utf8(body).is_ok()),
        (Err(outcome), _) => assert_eq!(*outcome, Outcome::BadBody, "a fuzzer's bodies are small"),
    }
    read.map_or_else(|outcome| outcome, |_| Outcome::Ok)
}
