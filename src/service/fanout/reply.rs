//! What became of one peer's request, as the answer shows it and as telemetry records it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::StatusCode;

use crate::{
    fanout::{
        merge::Completeness,
        outcome::Outcome,
        peers::Peer,
        tree::{FanOut, Hop},
    },
    telemetry::{
        record::{ClientRequest, millis},
        trace_context::SpanId,
    },
};

/// One peer's part of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The peer, shown as the settings name it.
    pub peer: Arc<Peer>,
    /// What became of the request.
    pub outcome: Outcome,
    /// The peer's HTTP status, if it sent one.
    pub status: Option<StatusCode>,
    /// When the peer's turn began.
    pub start: Instant,
    /// The time from then until the outcome was known.
    pub elapsed: Duration,
    /// The peer's `message`, when the outcome is `ok`.
    pub message: Option<String>,
    /// What the peer said of its own peers, if it asked any.
    pub fan_out: Option<Box<FanOut>>,
    /// The span that the peer got as its parent: that of a client span, if the trace is recorded.
    pub span_id: SpanId,
}

impl Reply {
    /// How complete the peer's own answer is; an echo is complete.
    #[must_use]
    pub(crate) fn completeness(&self) -> Completeness {
        self.fan_out.as_ref().map_or(Completeness::Complete, |fan_out| fan_out.completeness)
    }

    /// The reply as telemetry records it.
    #[must_use]
    pub(crate) fn client_request(&self) -> ClientRequest {
        ClientRequest {
            peer: self.peer.name.clone(),
            url: self.peer.url.clone(),
            outcome: self.outcome.as_str(),
            failed: self.outcome != Outcome::Ok,
            status: self.status,
            start: self.start,
            duration: self.elapsed,
            span_id: self.span_id,
        }
    }

    /// The reply as the answer to a request that came at `asked` shows it. This moves the peer's message and
    /// fan-out there.
    pub(crate) fn hop(&mut self, asked: Instant) -> Hop<'_> {
        let fan_out = self.fan_out.take();
        Hop {
            peer: self.peer.name.as_ref().into(),
            outcome: self.outcome.as_str().into(),
            status: self.status.map(|status| status.as_u16()),
            elapsed_ms: millis(self.elapsed),
            message: self.message.take(),
            start_ms: millis(self.start.saturating_duration_since(asked)),
            completeness: fan_out.as_ref().map(|fan_out| fan_out.completeness),
            own_elapsed_ms: fan_out.as_ref().map(|fan_out| fan_out.elapsed_ms),
            replies: fan_out.map(|fan_out| fan_out.replies),
            omitted: 0,
        }
    }
}
