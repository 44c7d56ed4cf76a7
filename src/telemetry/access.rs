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
//! | `error.type` | `ERROR_TYPE` | `cut` (the answer did not reach its end), the status if 5xx, else `slow` (`log.slow` and longer) |
//! | `fanout.outcomes` | `FANOUT_OUTCOMES` | fan-outs only: outcome and peer of each question, like `ok http://b:8080, timeout http://c:8080` |
//!
//! What a client sent is cut at [`MAX_VALUE_BYTES`] and has its control characters made visible. Other headers, queries and bodies are
//! never logged. A 5xx is an error, `cut` and `slow` are warnings, everything else is information.

use std::borrow::Cow;

use http::StatusCode;

use super::{
    log::escape,
    record::{Finding, Record},
};
use crate::{
    config::settings::Access,
    peers::reply::{Replies, millis},
};

/// Most bytes of a value that a client chose.
pub const MAX_VALUE_BYTES: usize = 1024;

/// Whether a request with this finding leaves an event.
#[must_use]
pub fn wanted(access: Access, finding: Option<Finding>) -> bool {
    match access {
        Access::All => true,
        Access::Errors => finding.is_some(),
        Access::Off => false,
    }
}

macro_rules! event {
    ($level:ident, $record:ident, $values:ident) => {
        tracing::event!(
            target: "uecho::access",
            tracing::Level::$level,
            trace_id = &*$record.trace.trace_id.to_string(),
            span_id = &*$record.trace.span_id.to_string(),
            http.request.method = $record.method,
            http.route = $record.route.pattern(),
            http.response.status_code = $record.status.map(|status| status.as_u16()),
            http.response.body.size = $record.bytes,
            duration_ms = millis($record.duration),
            url.path = $values.path.as_deref(),
            client.address = $values.client.as_deref(),
            user_agent.original = $values.user_agent.as_deref(),
            error.type = $record.finding.as_ref().map(Finding::error_type),
            fanout.outcomes = $values.outcomes.as_deref(),
            "{} {} {}",
            $record.method,
            $record.route.pattern(),
            $record.status.as_ref().map_or("cut", StatusCode::as_str),
        )
    };
}

struct Values<'a> {
    path: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
    client: Option<String>,
    outcomes: Option<String>,
}

/// Makes the event. Called on the log thread.
pub(super) fn emit(record: &Record) {
    let values = Values {
        path: record.details.target.as_ref().map(|target| clean(target.path().as_bytes())),
        user_agent: record.details.user_agent.as_ref().map(|value| clean(value.as_bytes())),
        client: record.details.client.map(|client| client.to_canonical().to_string()),
        outcomes: record.details.replies.as_ref().map(outcomes),
    };
    match record.finding {
        Some(Finding::Failed(_)) => event!(ERROR, record, values),
        Some(Finding::Cut | Finding::Slow) => event!(WARN, record, values),
        None => event!(INFO, record, values),
    }
}

fn outcomes(replies: &Replies) -> String {
    replies
        .0
        .iter()
        .map(|reply| format!("{} {}", reply.outcome, reply.peer.name))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A client's bytes as loggable text.
pub(super) fn clean(bytes: &[u8]) -> Cow<'_, str> {
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
    fn what_is_logged_follows_the_key() {
        assert!(wanted(Access::All, None) && !wanted(Access::Errors, None));
        assert!(wanted(Access::Errors, Some(Finding::Slow)));
        assert!(!wanted(Access::Off, Some(Finding::Cut)));
    }

    #[test]
    fn what_a_client_sent_is_capped_and_visible() {
        assert_eq!(clean(&vec![b'a'; 1 << 20]).len(), MAX_VALUE_BYTES);
        assert_eq!(clean(b"a\x1b[2J\x9b\t\xff"), "a\\u001b[2J\u{fffd}\\t\u{fffd}");
    }
}
