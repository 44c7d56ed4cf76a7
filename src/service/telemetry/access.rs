//! Access events: what the log says about a request (target [`TARGET`]).
//!
//! # Fields (an interface)
//! | text and JSON | journal | value |
//! |---|---|---|
//! | `trace_id`, `span_id` | `TRACE_ID`, `SPAN_ID` | lower-case hexadecimal |
//! | `http.request.method` | `HTTP_REQUEST_METHOD` | `GET`, ..., or `_OTHER` |
//! | `http.route` | `HTTP_ROUTE` | the route pattern, as in the metrics |
//! | `http.response.status_code` | `HTTP_RESPONSE_STATUS_CODE` | absent when cut before its answer began |
//! | `http.response.body.size` | `HTTP_RESPONSE_BODY_SIZE` | bytes handed to the connection |
//! | `duration_ms` | `DURATION_MS` | milliseconds, with decimals |
//! | `url.path` | `URL_PATH` | percent-encoded as received, never the query |
//! | `client.address` | `CLIENT_ADDRESS` | IP address; absent on Unix sockets |
//! | `user_agent.original` | `USER_AGENT_ORIGINAL` | as received |
//! | `error.type` | `ERROR_TYPE` | `cut` (the answer has no end), the status if 5xx, or `slow` (`log.slow`) |
//! | `fanout.outcomes` | `FANOUT_OUTCOMES` | of a fan-out: `ok http://b:8080, timeout http://c:8080` |
//!
//! Values that a client sent are cut at [`MAX_VALUE_BYTES`](super::record::MAX_VALUE_BYTES), and their
//! control characters are made visible. Other headers, queries and bodies are never logged. A 5xx is an
//! error, `cut` and `slow` are warnings, everything else is information.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
};

use http::StatusCode;
use uecho_probe::escape;

use crate::{
    config::settings::Access,
    telemetry::record::{ClientRequests, Finding, Record, Text, millis},
};

/// Target of the events.
pub(crate) const TARGET: &str = "uecho::access";

/// Whether a request with this finding is logged.
#[must_use]
pub(crate) fn wanted(access: Access, finding: Option<Finding>) -> bool {
    match access {
        Access::All => true,
        Access::Errors => finding.is_some(),
        Access::Off => false,
    }
}

macro_rules! event {
    ($level:ident, $record:ident, $values:ident) => {
        tracing::event!(
            target: TARGET,
            tracing::Level::$level,
            timestamp = $values.timestamp,
            trace_id = std::str::from_utf8(&$record.trace.trace_id.hex()).ok(),
            span_id = std::str::from_utf8(&$record.trace.span_id.hex()).ok(),
            http.request.method = $record.method,
            http.route = $record.route.pattern(),
            http.response.status_code = $record.status.map(|status| status.as_u16()),
            http.response.body.size = $record.bytes,
            duration_ms = millis($record.duration),
            url.path = $values.path.as_deref(),
            client.address = $values.client,
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
    timestamp: Option<&'a str>,
    path: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
    client: Option<&'a str>,
    outcomes: Option<String>,
}

/// The address of the last client, as text.
pub(super) struct ClientText {
    address: IpAddr,
    text: String,
}

impl Default for ClientText {
    fn default() -> Self {
        let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self { address, text: address.to_string() }
    }
}

impl ClientText {
    fn text(&mut self, address: IpAddr) -> &str {
        if self.address != address {
            *self = Self { address, text: address.to_canonical().to_string() };
        }
        &self.text
    }
}

/// Makes the event, on the log thread. `client` is kept from one record to the next, because the same clients
/// come again and again. `timestamp` is for an output that takes the time only as a field.
pub(super) fn emit(record: &Record, client: &mut ClientText, timestamp: Option<&str>) {
    let values = Values {
        timestamp,
        path: record.details.path.as_ref().map(clean),
        user_agent: record.details.user_agent.as_ref().map(clean),
        client: record.details.client.map(|address| client.text(address)),
        outcomes: record.details.client_requests.as_ref().map(outcomes),
    };
    match record.finding {
        Some(Finding::Failed(_)) => event!(ERROR, record, values),
        Some(Finding::Cut | Finding::Slow) => event!(WARN, record, values),
        None => event!(INFO, record, values),
    }
}

fn outcomes(requests: &ClientRequests) -> String {
    requests
        .list
        .iter()
        .map(|request| format!("{} {}", request.outcome, request.peer))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Makes loggable text of what a client sent; it was cut when it was recorded.
pub(super) fn clean(sent: &Text) -> Cow<'_, str> {
    match String::from_utf8_lossy(sent) {
        Cow::Borrowed(text) => escape::controls(text),
        Cow::Owned(text) => escape::controls(&text).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::record::{MAX_VALUE_BYTES, text};

    #[test]
    fn the_key_decides_what_is_logged() {
        assert!(wanted(Access::All, None) && !wanted(Access::Errors, None));
        assert!(wanted(Access::Errors, Some(Finding::Slow)));
        assert!(!wanted(Access::Off, Some(Finding::Cut)));
    }

    #[test]
    fn values_of_a_client_are_cut_and_visible() {
        assert_eq!(clean(&text(&vec![b'a'; 1 << 20])).len(), MAX_VALUE_BYTES);
        assert_eq!(clean(&text(b"a\x1b[2J\x9b\t\xff")), "a\\u001b[2J\u{fffd}\\t\u{fffd}");
    }
}
