//! Access events: what a request leaves in the log (target `uecho::access`).
//!
//! # Fields (an interface)
//! | text and JSON | journal | value |
//! |---|---|---|
//! | `trace_id`, `span_id` | `TRACE_ID`, `SPAN_ID` | lower-case hexadecimal |
//! | `http.request.method` | `HTTP_REQUEST_METHOD` | `GET`, ..., or `_OTHER` |
//! | `http.route` | `HTTP_ROUTE` | the route pattern, as in the metrics |
//! | `http.response.status_code` | `HTTP_RESPONSE_STATUS_CODE` | integer; absent when the request was cut before its answer began |
//! | `http.response.body.size` | `HTTP_RESPONSE_BODY_SIZE` | bytes handed to the connection |
//! | `duration_ms` | `DURATION_MS` | milliseconds, with decimals |
//! | `url.path` | `URL_PATH` | percent-encoded as received, never the query |
//! | `client.address` | `CLIENT_ADDRESS` | IP address; absent on Unix sockets |
//! | `user_agent.original` | `USER_AGENT_ORIGINAL` | as received |
//! | `error.type` | `ERROR_TYPE` | `cut` (the answer did not reach its end), `slow` (`log.slow` and longer), else the status if 5xx |
//!
//! What a client sent is cut at [`MAX_VALUE_BYTES`] and has its control characters made visible. Other headers, queries and bodies are
//! never logged. A 5xx is an error, `cut` and `slow` are warnings, everything else is information.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use http::{HeaderValue, StatusCode, uri::PathAndQuery};

use super::{log::escape, trace_context::TraceContext};
use crate::{config::settings::Access, web::route::Route};

/// Most bytes of a value that a client chose.
pub const MAX_VALUE_BYTES: usize = 1024;

/// A finished request, as far as the log is concerned.
pub struct Record {
    /// Trace of the request.
    pub trace: TraceContext,
    /// Route label.
    pub route: Route,
    /// Method label.
    pub method: &'static str,
    /// Status; none when the request was cut before.
    pub status: Option<StatusCode>,
    /// Body bytes handed to the connection.
    pub bytes: u64,
    /// From the complete head to the end of the answer.
    pub duration: Duration,
    /// See [`Finding`].
    pub finding: Option<Finding>,
    /// As received.
    pub target: Option<PathAndQuery>,
    /// As received.
    pub user_agent: Option<HeaderValue>,
    /// The other end of a TCP connection.
    pub client: Option<IpAddr>,
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The answer did not reach its end: the client went away, or the drain deadline passed.
    Cut,
    /// The answer was 5xx.
    Failed(StatusCode),
    /// It took `log.slow` or longer.
    Slow,
}

impl Finding {
    /// The worst of what is wrong, if anything is.
    #[must_use]
    pub fn of(
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

    /// Whether such a request is to be logged.
    #[must_use]
    pub fn logged(finding: Option<Self>, access: Access) -> bool {
        match access {
            Access::All => true,
            Access::Errors => finding.is_some(),
            Access::Off => false,
        }
    }

    /// The value of `error.type`.
    #[must_use]
    pub fn error_type(&self) -> &str {
        match self {
            Self::Cut => "cut",
            Self::Failed(status) => status.as_str(),
            Self::Slow => "slow",
        }
    }
}

macro_rules! emit {
    ($level:ident, $record:ident, $path:expr, $user_agent:expr, $client:expr) => {
        tracing::event!(
            target: "uecho::access",
            tracing::Level::$level,
            trace_id = &*$record.trace.trace_id.to_string(),
            span_id = &*$record.trace.span_id.to_string(),
            http.request.method = $record.method,
            http.route = $record.route.pattern(),
            http.response.status_code = $record.status.map(|status| status.as_u16()),
            http.response.body.size = $record.bytes,
            duration_ms = $record.duration.as_secs_f64() * 1e3,
            url.path = $path,
            client.address = $client,
            user_agent.original = $user_agent,
            error.type = $record.finding.as_ref().map(Finding::error_type),
            "{} {} {}",
            $record.method,
            $record.route.pattern(),
            $record.status.as_ref().map_or("cut", StatusCode::as_str),
        )
    };
}

impl Record {
    /// Makes the event. Called on the log thread.
    pub(super) fn emit(&self) {
        let path = self.target.as_ref().map(|target| clean(target.path().as_bytes()));
        let user_agent = self.user_agent.as_ref().map(|value| clean(value.as_bytes()));
        let client = self.client.map(|client| client.to_canonical().to_string());
        let (path, user_agent, client) = (path.as_deref(), user_agent.as_deref(), client.as_deref());
        match self.finding {
            Some(Finding::Failed(_)) => emit!(ERROR, self, path, user_agent, client),
            Some(Finding::Cut | Finding::Slow) => emit!(WARN, self, path, user_agent, client),
            None => emit!(INFO, self, path, user_agent, client),
        }
    }
}

/// A client's bytes as loggable text.
fn clean(bytes: &[u8]) -> Cow<'_, str> {
    let capped = &bytes[..bytes.len().min(MAX_VALUE_BYTES)];
    match String::from_utf8_lossy(capped) {
        Cow::Borrowed(text) => escape::controls(text),
        Cow::Owned(text) => escape::controls(&text).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_wins_and_decides_what_is_logged() {
        let ok = Some(StatusCode::OK);
        let bad = Some(StatusCode::BAD_GATEWAY);
        let [slow, quick] = [Duration::from_secs(1), Duration::from_millis(999)];
        assert_eq!(Finding::of(false, bad, slow, slow), Some(Finding::Cut));
        assert_eq!(Finding::of(true, bad, slow, slow), Some(Finding::Failed(StatusCode::BAD_GATEWAY)));
        assert_eq!(Finding::of(true, ok, slow, slow), Some(Finding::Slow));
        assert_eq!(Finding::of(true, ok, quick, slow), None);
        assert!(Finding::logged(None, Access::All) && !Finding::logged(None, Access::Errors));
        assert!(Finding::logged(Some(Finding::Slow), Access::Errors));
        assert!(!Finding::logged(Some(Finding::Cut), Access::Off));
    }

    #[test]
    fn what_a_client_sent_is_capped_and_visible() {
        assert_eq!(clean(&vec![b'a'; 1 << 20]).len(), MAX_VALUE_BYTES);
        assert_eq!(clean(b"a\x1b[2J\x9b\t\xff"), "a\\u001b[2J\u{fffd}\\t\u{fffd}");
    }
}
