//! A finished request: the data of its access event and its spans. It is built only when one of them is
//! needed.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderValue, StatusCode, Version};
use smallvec::SmallVec;
use uecho_probe::url::BaseUrl;

use crate::{
    route::Route,
    telemetry::trace_context::{SpanId, TraceContext},
};

/// A finished request.
pub(crate) struct Record {
    /// Trace of the request.
    pub trace: TraceContext,
    /// Route label.
    pub route: Route,
    /// Method label.
    pub method: &'static str,
    /// Status; none when the request was cut before its answer began.
    pub status: Option<StatusCode>,
    /// Body bytes handed to the connection.
    pub bytes: u64,
    /// When the head of the request was complete.
    pub start: Instant,
    /// When the answer ended.
    pub end: SystemTime,
    /// The time from the complete head to the end of the answer.
    pub duration: Duration,
    /// What is wrong with the request, if anything is.
    pub finding: Option<Finding>,
    /// What else is known about the request.
    pub details: Details,
}

/// What the head of a request says beyond method and route, and what became of a fan-out. It is empty for an
/// echo that needed neither log nor trace when it began, and then was cut or refused for load.
#[derive(Default)]
pub struct Details {
    /// The caller's `tracestate`; read for sampled requests only.
    pub tracestate: Option<HeaderValue>,
    /// HTTP version of the request.
    pub version: Option<Version>,
    /// The path as received, but cut; never the query.
    pub path: Option<Text>,
    /// The user agent as received, but cut.
    pub user_agent: Option<Text>,
    /// The address of the other end of a TCP connection.
    pub client: Option<IpAddr>,
    /// What became of a fan-out.
    pub client_requests: Option<ClientRequests>,
}

/// The requests of a fan-out, in the order of the configuration. They travel as an extension of the response.
#[derive(Clone, Debug)]
pub struct ClientRequests {
    /// The text that was appended to each peer's base URL.
    pub segment: Arc<str>,
    /// One request for each peer.
    pub list: Arc<[ClientRequest]>,
}

/// One request to a peer.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// The peer as the settings name it.
    pub peer: Arc<str>,
    /// The same, parsed.
    pub url: Arc<BaseUrl>,
    /// What became of the request, as answers and metrics name it.
    pub outcome: &'static str,
    /// Whether this outcome is an error.
    pub failed: bool,
    /// The peer's HTTP status, if it sent one.
    pub status: Option<StatusCode>,
    /// When the request began.
    pub start: Instant,
    /// The time from then until the outcome was known.
    pub duration: Duration,
    /// The span that the peer was given as its parent.
    pub span_id: SpanId,
}

/// Milliseconds with three decimals: kept-alive neighbours answer in less than one.
#[must_use]
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// What a client sent, cut at [`MAX_VALUE_BYTES`]. It is a copy, so that a record that waits does not keep
/// the buffer that the value was read into; most values need no allocation.
pub(crate) type Text = SmallVec<[u8; 64]>;

/// The most bytes of a value that a client chose.
pub(crate) const MAX_VALUE_BYTES: usize = 1024;

/// The part of a value that is recorded.
#[must_use]
pub(crate) fn text(sent: &[u8]) -> Text {
    Text::from_slice(&sent[..sent.len().min(MAX_VALUE_BYTES)])
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The answer did not reach its end: the client went away, or the drain deadline passed.
    Cut,
    /// The answer was 5xx.
    Failed(StatusCode),
    /// The request took `log.slow` or longer.
    Slow,
}

impl Finding {
    /// The worst finding, if anything is wrong.
    #[must_use]
    pub(crate) fn of(
        complete: bool,
        status: Option<StatusCode>,
        duration: Duration,
        slow: Duration,
    ) -> Option<Self> {
        match status {
            _ if !complete => Some(Self::Cut),
            Some(status) if status.is_server_error() => Some(Self::Failed(status)),
            _ if duration >= slow => Some(Self::Slow),
            _ => None,
        }
    }

    /// The value of `error.type`.
    #[must_use]
    pub(crate) fn error_type(&self) -> &str {
        match self {
            Self::Cut => "cut",
            Self::Failed(status) => status.as_str(),
            Self::Slow => "slow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_wins() {
        let ok = Some(StatusCode::OK);
        let bad = Some(StatusCode::BAD_GATEWAY);
        let [slow, quick] = [Duration::from_secs(1), Duration::from_millis(999)];
        assert_eq!(Finding::of(false, bad, slow, slow), Some(Finding::Cut));
        assert_eq!(Finding::of(true, bad, slow, slow), Some(Finding::Failed(StatusCode::BAD_GATEWAY)));
        assert_eq!(Finding::of(true, ok, slow, slow), Some(Finding::Slow));
        assert_eq!(Finding::of(true, ok, quick, slow), None);
    }
}
