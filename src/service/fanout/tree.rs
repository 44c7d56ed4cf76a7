//! The tree below an answer: what a peer that fanned out says about its own peers.
//!
//! The service copies what a peer says field by field, as far down as hops can lead and as far as it fits
//! into an answer.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::fanout::{merge::Completeness, outcome::MAX_BODY};

/// One reply as an answer shows it. It contains what is below it when the peer answered with a fan-out of its
/// own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop<'a> {
    /// The peer that was asked, as the settings of the asking node name it.
    pub peer: Cow<'a, str>,
    /// What became of it: the name of a [`super::outcome::Outcome`]. Nodes of another version may use other
    /// words.
    pub outcome: Cow<'a, str>,
    /// The peer's HTTP status, if it sent one.
    #[serde(default)]
    pub status: Option<u16>,
    /// The time from `start_ms` until the outcome was known, by the clock of the node that asked.
    #[serde(default)]
    pub elapsed_ms: f64,
    /// The peer's `message`, when the outcome is `ok`.
    #[serde(default)]
    pub message: Option<String>,
    /// When its turn began: milliseconds since the asking node got its own request, by the clock of that
    /// node.
    #[serde(default)]
    pub start_ms: f64,
    /// The `status` of the peer's own answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completeness: Option<Completeness>,
    /// The `elapsed_ms` of the peer's own answer, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_elapsed_ms: Option<f64>,
    /// The `replies` of the peer's own answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies: Option<Vec<Hop<'static>>>,
    /// How many replies further down were left out, because the answer would have become too large or too
    /// deep.
    #[serde(default, skip_serializing_if = "is_none")]
    pub omitted: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_none(omitted: &usize) -> bool {
    *omitted == 0
}

/// The part of a peer's answer that makes it a fan-out.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FanOut {
    /// Its `status`.
    #[serde(rename = "status")]
    pub completeness: Completeness,
    /// Milliseconds by the peer's clock.
    #[serde(default)]
    pub elapsed_ms: f64,
    /// In the order of the peer's configuration.
    pub replies: Vec<Hop<'static>>,
}

impl FanOut {
    /// Finds it in the body of an answer. Neither an echo nor an answer that uses these words for something
    /// else has one.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Box<Self>> {
        // most answers are echoes, and this saves parsing them a second time
        memchr::memmem::find(body, b"\"replies\"")?;
        let mut found: Box<Self> = serde_json::from_slice(body).ok()?;
        // a short text can contain many small replies
        prune(&mut found.replies, usize::MAX, MAX_BODY);
        Some(found)
    }

    /// About how many bytes it takes, in memory and as JSON.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let mut levels = Vec::new();
        measure(&self.replies, 0, &mut levels);
        levels.iter().sum()
    }
}

/// Leaves out whole levels from below until at most `levels` of them and about `bytes` of JSON are left. The
/// first level stays.
pub fn prune(hops: &mut [Hop<'_>], levels: usize, bytes: usize) {
    let mut sizes = Vec::new();
    measure(hops, 0, &mut sizes);
    let mut total = 0_usize;
    let fit = sizes.iter().take(levels).take_while(|size| {
        total = total.saturating_add(**size);
        total <= bytes
    });
    let kept = fit.count().max(1);
    if kept < sizes.len() {
        cut(hops, kept);
    }
}

/// Adds up the size of each level.
fn measure(hops: &[Hop<'_>], level: usize, sizes: &mut Vec<usize>) {
    for hop in hops {
        if sizes.len() <= level {
            sizes.push(0);
        }
        sizes[level] += hop.json_bytes();
        measure(hop.replies.as_deref().unwrap_or_default(), level + 1, sizes);
    }
}

fn cut(hops: &mut [Hop<'_>], kept: usize) {
    for hop in hops {
        let Some(replies) = &mut hop.replies else { continue };
        if kept > 1 {
            cut(replies, kept - 1);
        } else {
            hop.omitted = hop.omitted.saturating_add(count(replies));
            *replies = Vec::new();
        }
    }
}

/// How many hops there are, including those that were left out before.
fn count(hops: &[Hop<'_>]) -> usize {
    let below = |hop: &Hop<'_>| hop.omitted.saturating_add(count(hop.replies.as_deref().unwrap_or_default()));
    hops.iter().fold(hops.len(), |sum, hop| sum.saturating_add(below(hop)))
}

impl Hop<'_> {
    /// The most bytes that the hop has as JSON, without what is below it; it takes about as many in memory.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        let fixed = if self.replies.is_some() { 240 } else { 128 };
        fixed + escaped(&self.peer) + escaped(&self.outcome) + self.message.as_deref().map_or(0, escaped)
    }
}

/// The number of bytes that a text has in JSON.
#[must_use]
pub fn escaped(text: &str) -> usize {
    let of = |byte| match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 2,
        ..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hop(peer: &str, replies: Vec<Hop<'static>>) -> Hop<'static> {
        Hop {
            peer: peer.to_owned().into(),
            outcome: "ok".into(),
            status: Some(200),
            elapsed_ms: 1.5,
            message: Some("m".into()),
            start_ms: 0.25,
            completeness: (!replies.is_empty()).then_some(Completeness::Complete),
            own_elapsed_ms: (!replies.is_empty()).then_some(1.25),
            replies: (!replies.is_empty()).then_some(replies),
            omitted: 0,
        }
    }

    fn json(hops: &[Hop<'_>]) -> String {
        serde_json::to_string(hops).unwrap()
    }

    #[test]
    fn an_echo_keeps_its_five_fields_and_one_more() {
        assert_eq!(
            json(&[hop("a", Vec::new())]),
            r#"[{"peer":"a","outcome":"ok","status":200,"elapsed_ms":1.5,"message":"m","start_ms":0.25}]"#
        );
    }

    #[test]
    fn a_fan_out_of_this_and_of_an_older_version_is_found() {
        let new = r#"{"text":"x","message":"m","status":"partial","elapsed_ms":2.5,"replies":[{"peer":"a",
            "outcome":"later_word",
            "status":null,"elapsed_ms":1,"message":null,"start_ms":0.5,"completeness":"failed",
            "own_elapsed_ms":0.5,"replies":[],"omitted":3}]}"#;
        let found = FanOut::read(new.as_bytes()).unwrap();
        assert_eq!((found.completeness, found.elapsed_ms), (Completeness::Partial, 2.5));
        assert_eq!(
            (found.replies[0].completeness, found.replies[0].omitted),
            (Some(Completeness::Failed), 3)
        );
        let old = r#"{"message":"m","status":"complete","replies":[
            {"peer":"a","outcome":"ok","status":200,"elapsed_ms":1,"message":"m"}]}"#;
        assert_eq!(FanOut::read(old.as_bytes()).unwrap().replies[0].replies, None);
    }

    #[test]
    fn words_that_mean_something_else_make_no_fan_out() {
        for body in [
            r#"{"message":"m"}"#,
            r#"{"message":"replies","status":"complete"}"#,
            r#"{"message":"m","status":"up","replies":[]}"#,
            r#"{"message":"m","status":"complete","replies":3}"#,
            r#"{"message":"m","status":"complete","replies":["a"]}"#,
            r#"{"message":"m","status":"complete",
                "replies":[{"peer":"a","outcome":"ok","elapsed_ms":1e999}]}"#,
        ] {
            assert_eq!(FanOut::read(body.as_bytes()), None, "{body}");
        }
        let deep = format!("{}{}", "[{\"replies\":".repeat(100_000), "}]".repeat(100_000));
        assert_eq!(FanOut::read(format!("{{\"status\":\"complete\",\"replies\":{deep}}}").as_bytes()), None);
    }

    #[test]
    fn levels_are_left_out_from_below_and_counted() {
        let tree = || vec![hop("a", vec![hop("b", vec![hop("c", Vec::new()), hop("d", Vec::new())])])];
        let mut whole = tree();
        prune(&mut whole, 3, usize::MAX);
        assert_eq!(whole, tree());
        let mut two = tree();
        prune(&mut two, 2, usize::MAX);
        let b = &two[0].replies.as_ref().unwrap()[0];
        assert_eq!((b.replies.as_deref(), b.omitted, two[0].omitted), (Some(&[][..]), 2, 0));
        prune(&mut two, 1, usize::MAX);
        assert_eq!((two[0].replies.as_deref(), two[0].omitted), (Some(&[][..]), 3));
        let mut small = tree();
        prune(&mut small, 3, 0);
        assert_eq!(small[0].omitted, 3, "the first level stays");
    }

    fn trees() -> impl Strategy<Value = Hop<'static>> {
        let text = "\\PC{0,9}|[\"\\\\\n\u{1}]{0,9}";
        text.prop_map(|peer| hop(&peer, Vec::new())).prop_recursive(4, 64, 8, move |below| {
            (text, proptest::collection::vec(below, 0..8)).prop_map(|(peer, below)| hop(&peer, below))
        })
    }

    proptest! {
        #[test]
        fn a_hop_is_not_thought_too_small(texts in prop::array::uniform3("[\\x00-\\x7fé€😀]{0,300}")) {
            let [peer, outcome, message] = texts;
            prop_assert_eq!(escaped(&peer) + 2, serde_json::to_string(&peer).unwrap().len());
            let hop = Hop {
                peer: peer.into(),
                outcome: outcome.into(),
                message: Some(message),
                ..hop("", Vec::new())
            };
            let (estimate, size) = (hop.json_bytes(), json(&[hop]).len());
            prop_assert!(size <= estimate && estimate < size + 100, "{size} {estimate}");
        }

        #[test]
        fn what_is_left_fits(trees in proptest::collection::vec(trees(), 1..8), bytes in 0usize..20_000) {
            let mut pruned = trees.clone();
            prune(&mut pruned, 9, bytes);
            let first: usize = pruned.iter().map(Hop::json_bytes).sum();
            prop_assert!(json(&pruned).len() <= bytes.max(first) + 2);
            prop_assert_eq!(count(&pruned), count(&trees));
            prop_assert_eq!(pruned.len(), trees.len());
            let again: Vec<Hop<'_>> = serde_json::from_str(&json(&pruned)).unwrap();
            prop_assert_eq!(again, pruned);
        }
    }
}
