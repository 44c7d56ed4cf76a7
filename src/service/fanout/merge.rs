//! Fan-in: makes one verdict of many outcomes. It is pure, so that tests and a fuzzer can try everything.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::{config::settings::Policy, fanout::outcome::Outcome};

/// How complete an answer is, whatever the policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// Every peer answered `ok`, and every answer that is a fan-out is complete itself. An answer without
    /// peers is complete, too.
    Complete,
    /// Some peers answered `ok`, or all did and something is missing further down.
    Partial,
    /// There are peers, and none answered `ok`.
    Failed,
}

impl Completeness {
    /// The word used everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// The verdict on all outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `status` in the answer.
    pub completeness: Completeness,
    /// The status of the answer: 200 when the policy is met; 504 when it would have been met if the late
    /// replies (`timeout`, `over_budget`) had been `ok`; else 502.
    pub http: StatusCode,
}

impl Policy {
    /// How many of `peers` must be ok. Without peers, no policy asks for any.
    #[must_use]
    pub fn needed(self, peers: usize) -> usize {
        match self {
            _ if peers == 0 => 0,
            Self::BestEffort => 0,
            Self::All => peers,
            Self::Any => 1,
            Self::Quorum(quorum) => quorum,
        }
    }
}

/// Judges the outcomes of all peers, each with how complete the peer's own answer is (an echo is complete).
/// The policy counts outcomes alone: a peer that answered `ok` counts, whatever became of its own peers.
#[must_use]
pub fn merge(policy: Policy, replies: impl IntoIterator<Item = (Outcome, Completeness)>) -> Verdict {
    let (mut peers, mut ok, mut late, mut whole) = (0, 0, 0, true);
    for (outcome, below) in replies {
        peers += 1;
        ok += usize::from(outcome == Outcome::Ok);
        late += usize::from(outcome.is_late());
        whole &= below == Completeness::Complete;
    }
    let completeness = match ok {
        _ if ok == peers && whole => Completeness::Complete,
        0 => Completeness::Failed,
        _ => Completeness::Partial,
    };
    let needed = policy.needed(peers);
    let http = match () {
        () if ok >= needed => StatusCode::OK,
        () if ok + late >= needed => StatusCode::GATEWAY_TIMEOUT,
        () => StatusCode::BAD_GATEWAY,
    };
    Verdict { completeness, http }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OK: Outcome = Outcome::Ok;
    const LATE: Outcome = Outcome::Timeout;
    const DOWN: Outcome = Outcome::Refused;

    /// The verdict on answers that are echoes.
    fn judge(policy: Policy, outcomes: &[Outcome]) -> Verdict {
        merge(policy, outcomes.iter().map(|outcome| (*outcome, Completeness::Complete)))
    }

    #[test]
    fn every_policy_against_every_mix() {
        use Policy::{All, Any, BestEffort, Quorum};
        for (policy, outcomes, http) in [
            (BestEffort, &[][..], 200),
            (All, &[], 200),
            (Any, &[], 200),
            (BestEffort, &[DOWN, DOWN], 200),
            (All, &[OK, OK], 200),
            (All, &[OK, DOWN], 502),
            (All, &[OK, LATE], 504),
            (All, &[DOWN, LATE], 502),
            (Any, &[DOWN, OK], 200),
            (Any, &[DOWN, DOWN], 502),
            (Any, &[DOWN, LATE], 504),
            (Any, &[Outcome::OverBudget, Outcome::OverBudget], 504),
            (Quorum(2), &[OK, OK, DOWN], 200),
            (Quorum(2), &[OK, DOWN, DOWN], 502),
            (Quorum(2), &[OK, LATE, DOWN], 504),
            (Quorum(2), &[LATE, DOWN, DOWN], 502),
        ] {
            assert_eq!(judge(policy, outcomes).http, http, "{policy:?} {outcomes:?}");
        }
    }

    #[test]
    fn completeness_is_independent_of_the_policy() {
        for (outcomes, expected) in [
            (&[][..], Completeness::Complete),
            (&[OK, OK], Completeness::Complete),
            (&[OK, DOWN], Completeness::Partial),
            (&[LATE, DOWN], Completeness::Failed),
        ] {
            for policy in [Policy::BestEffort, Policy::All, Policy::Any, Policy::Quorum(1)] {
                assert_eq!(judge(policy, outcomes).completeness, expected);
            }
        }
    }

    #[test]
    fn what_is_missing_further_down_is_missing_here() {
        use Completeness::{Complete, Failed, Partial};
        for (replies, expected) in [
            (&[(OK, Complete), (OK, Complete)][..], Complete),
            (&[(OK, Complete), (OK, Partial)], Partial),
            (&[(OK, Failed), (OK, Complete)], Partial),
            (&[(OK, Failed)], Partial),
            (&[(DOWN, Partial), (OK, Complete)], Partial),
            (&[(DOWN, Partial)], Failed),
        ] {
            let verdict = merge(Policy::All, replies.iter().copied());
            assert_eq!(verdict.completeness, expected, "{replies:?}");
            let met = replies.iter().all(|(outcome, _)| *outcome == OK);
            assert_eq!(verdict.http == StatusCode::OK, met, "the policy counts outcomes alone");
        }
    }

    fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
        proptest::collection::vec(proptest::sample::select(Outcome::ALL.to_vec()), 0..12)
    }

    fn policies() -> impl Strategy<Value = Policy> {
        prop_oneof![
            Just(Policy::BestEffort),
            Just(Policy::All),
            Just(Policy::Any),
            (1usize..12).prop_map(Policy::Quorum)
        ]
    }

    proptest! {
        #[test]
        fn order_does_not_matter(policy in policies(), mut list in outcomes()) {
            let verdict = judge(policy, &list);
            list.reverse();
            prop_assert_eq!(judge(policy, &list), verdict);
        }

        #[test]
        fn one_more_ok_never_makes_it_worse(
            policy in policies(),
            list in outcomes(),
            at: prop::sample::Index,
        ) {
            prop_assume!(!list.is_empty());
            let before = judge(policy, &list).http;
            let mut better = list.clone();
            better[at.index(list.len())] = OK;
            let after = judge(policy, &better).http;
            prop_assert!(after == StatusCode::OK || before != StatusCode::OK);
        }

        #[test]
        fn a_met_policy_is_200_and_only_that(policy in policies(), list in outcomes()) {
            let ok = list.iter().filter(|outcome| **outcome == OK).count();
            let verdict = judge(policy, &list);
            prop_assert_eq!(verdict.http == StatusCode::OK, ok >= policy.needed(list.len()));
            prop_assert_eq!(verdict.completeness == Completeness::Complete, ok == list.len());
            if verdict.http == StatusCode::GATEWAY_TIMEOUT {
                prop_assert!(list.iter().any(|outcome| outcome.is_late()));
            }
        }
    }
}
