//! What one peer replied, as the answer shows it and as telemetry records it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::StatusCode;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Peer, outcome::Outcome};
use crate::telemetry::trace_context::SpanId;

/// One peer's part of an answer. Serializes as `{"peer", "outcome", "status", "elapsed_ms", "message"}`.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Who was asked; shown as it was configured.
    pub peer: Arc<Peer>,
    /// What became of it.
    pub outcome: Outcome,
    /// The peer's HTTP status, if it sent one.
    pub status: Option<StatusCode>,
    /// When the peer's turn began.
    pub start: Instant,
    /// From then until the outcome was known.
    pub elapsed: Duration,
    /// The peer's `message`, when the outcome is `ok`.
    pub message: Option<String>,
    /// The span the peer was given as its parent: that of a client span, if the trace is recorded.
    pub span_id: SpanId,
}

/// All replies to one request, in the order of the configuration. Travels as an extension of the response, for the access log and
/// the spans.
#[derive(Clone, Debug)]
pub struct Replies(pub Arc<[Reply]>);

impl Reply {
    /// About how many bytes it serializes to.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        128 + self.peer.name.len() + self.message.as_ref().map_or(0, String::len)
    }
}

/// Milliseconds with three decimals: kept-alive neighbours answer in less than one.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut reply = serializer.serialize_struct("Reply", 5)?;
        reply.serialize_field("peer", &self.peer.name)?;
        reply.serialize_field("outcome", &self.outcome)?;
        reply.serialize_field("status", &self.status.map(|status| status.as_u16()))?;
        reply.serialize_field("elapsed_ms", &millis(self.elapsed))?;
        reply.serialize_field("message", &self.message)?;
        reply.end()
    }
}
