//! The tree of an answer, flat: one row a hop, each with its place in time.
//!
//! Every node measures with its own clock, so a hop's time is placed within that of the hop above: what a peer did lies in the middle of
//! the time that its answer took, as half of the rest is taken for the way there and half for the way back. No bar leaves the one above.

use std::{borrow::Cow, fmt::Write as _};

use super::FanIn;
use crate::peers::{merge::Completeness, outcome::Outcome, tree::Hop};

/// One row.
pub(super) struct Row<'a> {
    /// 0 for this node.
    pub(super) depth: usize,
    /// Index of the row above in the tree.
    pub(super) parent: Option<usize>,
    /// Who was asked.
    pub(super) name: Cow<'a, str>,
    /// Its outcome in words.
    pub(super) outcome: String,
    /// Milliseconds, as they were said.
    pub(super) elapsed: f64,
    /// What it said; empty when nothing.
    pub(super) message: &'a str,
    /// None for what was left out.
    pub(super) bar: Option<Bar>,
}

/// When, in milliseconds since this node was asked, and how it ended.
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

/// This node first, then each hop before what is below it.
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

/// Adds what is below a row; `within` is when it can have happened.
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

/// Like `ok`, `ok, partial`, `bad_status 502`.
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
