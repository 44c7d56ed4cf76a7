//! The tree of an answer as a flat list: one row for each hop, each with its place in time.
//!
//! Every node measures with its own clock, so the time of a hop is placed within that of the hop above: what
//! a peer did lies in the middle of the time that its answer took, because half of the rest counts as the way
//! there and half as the way back. No bar extends beyond the one above.

use std::{borrow::Cow, fmt::Write as _};

use crate::{
    fanout::{merge::Completeness, outcome::Outcome, tree::Hop},
    http::routes::fanout::fan_in::FanIn,
};

/// One row.
pub(super) struct Row<'a> {
    /// 0 for this node.
    pub(super) depth: usize,
    /// Index of the row above in the tree.
    pub(super) parent: Option<usize>,
    /// The peer that was asked.
    pub(super) name: Cow<'a, str>,
    /// Its outcome in words.
    pub(super) outcome: String,
    /// Milliseconds, as the peer said them.
    pub(super) elapsed: f64,
    /// The message; empty when there is none.
    pub(super) message: &'a str,
    /// None for the row that counts replies that were left out.
    pub(super) bar: Option<Bar>,
}

/// When a hop began and ended, in milliseconds since this node was asked, and how it ended.
#[derive(Clone, Copy)]
pub(super) struct Bar {
    pub(super) begin: f64,
    pub(super) end: f64,
    pub(super) kind: Kind,
}

/// What a bar's colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// This node.
    Here,
    /// `ok`, and nothing is missing below.
    Whole,
    /// `ok`, and something is missing below.
    Missing,
    /// Any other outcome.
    Failed,
}

/// The rows: this node first, then each hop before the hops below it.
pub(super) fn rows<'a>(fan_in: &'a FanIn<'_>) -> Vec<Row<'a>> {
    let bar = Bar { begin: 0.0, end: fan_in.elapsed_ms, kind: Kind::Here };
    let mut rows = vec![Row {
        depth: 0,
        parent: None,
        name: "this node".into(),
        outcome: fan_in.status.as_str().into(),
        elapsed: fan_in.elapsed_ms,
        message: &fan_in.message,
        bar: Some(bar),
    }];
    below(&mut rows, 0, bar, fan_in.replies, 0);
    rows
}

/// Adds the hops below a row; they can have happened only during `within`.
fn below<'a>(rows: &mut Vec<Row<'a>>, parent: usize, within: Bar, hops: &'a [Hop<'_>], omitted: usize) {
    let depth = rows[parent].depth + 1;
    for hop in hops {
        let begin = (within.begin + hop.start_ms.max(0.0)).min(within.end);
        let bar = Bar { begin, end: (begin + hop.elapsed_ms.max(0.0)).min(within.end), kind: kind(hop) };
        let index = rows.len();
        rows.push(Row {
            depth,
            parent: Some(parent),
            name: Cow::Borrowed(&hop.peer),
            outcome: outcome(hop),
            elapsed: hop.elapsed_ms,
            message: hop.message.as_deref().unwrap_or_default(),
            bar: Some(bar),
        });
        let took = bar.end - bar.begin;
        let margin = (took - hop.own_elapsed_ms.unwrap_or(took).clamp(0.0, took)) / 2.0;
        let own = Bar { begin: bar.begin + margin, end: bar.end - margin, ..bar };
        below(rows, index, own, hop.replies.as_deref().unwrap_or_default(), hop.omitted);
    }
    if omitted > 0 {
        let name = format!("{omitted} more, left out for size").into();
        rows.push(Row {
            depth,
            parent: Some(parent),
            name,
            outcome: String::new(),
            elapsed: 0.0,
            message: "",
            bar: None,
        });
    }
}

fn kind(hop: &Hop<'_>) -> Kind {
    match hop.completeness {
        _ if hop.outcome != Outcome::Ok.as_str() => Kind::Failed,
        None | Some(Completeness::Complete) => Kind::Whole,
        Some(_) => Kind::Missing,
    }
}

/// The outcome in words, like `ok`, `ok, partial`, `bad_status 502`.
fn outcome(hop: &Hop<'_>) -> String {
    let mut outcome = hop.outcome.clone().into_owned();
    if let Some(status) = hop.status.filter(|_| hop.outcome == Outcome::BadStatus.as_str()) {
        let _ = write!(outcome, " {status}");
    }
    if let Some(completeness) = hop.completeness {
        let _ = write!(outcome, ", {}", completeness.as_str());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use uecho_probe::receipt::Receipt;

    use super::*;
    use crate::config::settings::Policy;

    fn hop(
        start_ms: f64,
        elapsed_ms: f64,
        own_elapsed_ms: Option<f64>,
        replies: Vec<Hop<'static>>,
    ) -> Hop<'static> {
        Hop {
            peer: "p".into(),
            outcome: "ok".into(),
            status: Some(200),
            elapsed_ms,
            message: None,
            start_ms,
            completeness: own_elapsed_ms.map(|_| Completeness::Partial),
            own_elapsed_ms,
            replies: Some(replies),
            omitted: 0,
        }
    }

    #[test]
    fn the_work_of_a_peer_lies_in_the_middle_of_its_time_and_never_outside() {
        let below = vec![
            hop(5.0, 20.0, None, Vec::new()),
            hop(30.0, 1e300, None, Vec::new()),
            hop(-1.0, -1.0, None, Vec::new()),
        ];
        let replies = [
            hop(10.0, 60.0, Some(40.0), below),
            hop(0.0, 90.0, Some(1e300), vec![hop(0.0, 90.0, None, Vec::new())]),
        ];
        let fan_in = FanIn {
            text: "x",
            message: "m".into(),
            policy: Policy::All,
            status: Completeness::Partial,
            elapsed_ms: 100.0,
            receipt: &Receipt::of("a", "b", None),
            replies: &replies,
        };
        let rows = rows(&fan_in);
        let places: Vec<_> =
            rows.iter().map(|row| (row.depth, row.parent, row.bar.map(|bar| (bar.begin, bar.end)))).collect();
        let expected = [
            (0, None, Some((0.0, 100.0))),
            (1, Some(0), Some((10.0, 70.0))),
            (2, Some(1), Some((25.0, 45.0))),
            (2, Some(1), Some((50.0, 60.0))),
            (2, Some(1), Some((20.0, 20.0))),
            (1, Some(0), Some((0.0, 90.0))),
            (2, Some(5), Some((0.0, 90.0))),
        ];
        assert_eq!(places, expected);
        let kinds: Vec<Kind> = rows.iter().filter_map(|row| Some(row.bar?.kind)).collect();
        assert_eq!(kinds[..3], [Kind::Here, Kind::Missing, Kind::Whole]);
        assert_eq!((rows[0].outcome.as_str(), rows[1].outcome.as_str()), ("partial", "ok, partial"));
    }
}
