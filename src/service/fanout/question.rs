//! The request that a peer gets: the text in the path, and of the caller's headers only those listed below.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT},
};
use http_body_util::Empty;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uecho_probe::url::BaseUrl;

use crate::{
    fanout::budget::{Budget, Claim, X_UECHO_DEADLINE_MS, X_UECHO_HOPS, deadline_header},
    telemetry::{
        record::MAX_VALUE_BYTES,
        trace_context::{SpanId, TRACEPARENT, TRACESTATE, TraceContext},
    },
};

/// Everything but RFC 3986's `pchar` is escaped, so that any text is one path segment and grows as little as
/// possible.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Texts that would mean something else as a path: dot segments, and the routes of a peer that have one
/// segment.
const AMBIGUOUS: [&str; 4] = [".", "..", "healthz", "readyz"];

/// The text as a path segment that decodes to exactly this text again.
#[must_use]
pub(crate) fn segment(text: &str) -> String {
    match text.as_bytes().first() {
        Some(first) if AMBIGUOUS.contains(&text) => format!("%{first:02X}{}", &text[1..]),
        _ => utf8_percent_encode(text, SEGMENT).to_string(),
    }
}

/// One question to all peers.
pub(crate) struct Question {
    segment: String,
    trace: TraceContext,
    /// The headers that all peers get; each peer has its own values of the first three. Cloning a map takes a
    /// third of the time of filling one.
    headers: HeaderMap,
    budget: Budget,
}

impl Question {
    /// Asks for `text` on behalf of a request with these headers, of which `tracestate` and `User-Agent` are
    /// passed on.
    #[must_use]
    pub(crate) fn new(
        text: &str,
        headers: &HeaderMap,
        trace: TraceContext,
        claim: Claim,
        budget: Budget,
    ) -> Self {
        let ours = || HeaderValue::from_static(concat!("uecho/", env!("CARGO_PKG_VERSION")));
        let to_come = HeaderValue::from_static("");
        let user_agent = headers.get(USER_AGENT).cloned().unwrap_or_else(ours);
        let mut sent = HeaderMap::with_capacity(8);
        sent.insert(HOST, to_come.clone());
        sent.insert(TRACEPARENT, to_come.clone());
        sent.insert(X_UECHO_DEADLINE_MS, to_come);
        sent.insert(USER_AGENT, user_agent);
        sent.insert(ACCEPT, HeaderValue::from_static("application/json"));
        sent.insert(X_UECHO_HOPS, HeaderValue::from(claim.hops.saturating_add(1)));
        if let Some(tracestate) = trace.tracestate(headers) {
            sent.insert(TRACESTATE, tracestate);
        }
        Self { segment: segment(text), trace, headers: sent, budget }
    }

    /// The text as a path segment, up to the length that telemetry records.
    #[must_use]
    pub(crate) fn recorded_segment(&self) -> Arc<str> {
        let most = self.segment.len().min(MAX_VALUE_BYTES);
        let cut = &self.segment[..most];
        // an escape that the limit cut apart is left out
        let whole = cut.rfind('%').filter(|escape| most < self.segment.len() && most - escape < 3);
        cut[..whole.unwrap_or(most)].into()
    }

    /// Sends this `Authorization`, which is our own and never the caller's.
    pub(super) fn authorize(mut self, authorization: Option<HeaderValue>) -> Self {
        if let Some(authorization) = authorization {
            self.headers.insert(AUTHORIZATION, authorization);
        }
        self
    }

    /// The budget of this question.
    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    /// The request target at this peer; `None` when it is longer than a URI can be.
    pub(super) fn target(&self, url: &BaseUrl) -> Option<Uri> {
        Uri::try_from(format!("{}/{}", url.prefix, self.segment)).ok()
    }

    /// The request to a peer; its `traceparent` names `span`, a child span of ours.
    pub(super) fn request(&self, host: &HeaderValue, target: Uri, span: SpanId) -> Request<Empty<Bytes>> {
        let left = self.budget.for_peer(Instant::now()).unwrap_or_default();
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = target;
        *request.headers_mut() = self.headers.clone();
        let own = [host.clone(), self.trace.traceparent(span), deadline_header(left)];
        for (value, own) in request.headers_mut().values_mut().zip(own) {
            *value = own;
        }
        request
    }
}

/// Makes `GET` requests for one of the peer's own routes.
pub(super) fn plain(host: &HeaderValue, target: &'static str) -> impl Fn() -> Request<Empty<Bytes>> {
    let host = host.clone();
    move || {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = Uri::from_static(target);
        request.headers_mut().insert(HOST, host.clone());
        request
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn question(headers: &HeaderMap) -> Question {
        let now = Instant::now();
        let claim = Claim { hops: 2, deadline: None };
        let traceparent = headers.get(TRACEPARENT).map(HeaderValue::as_bytes);
        let trace = TraceContext::accept(traceparent, |_, parent| parent == Some(true));
        Question::new("a/b", headers, trace, claim, Budget::start(now, [Duration::from_secs(2)]))
    }

    #[test]
    fn only_headers_on_the_list_are_sent() {
        let callers = [
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("tracestate", "vendor=1"),
            ("user-agent", "curl/8"),
            ("accept", "text/html"),
            ("authorization", "Bearer callers"),
            ("cookie", "session=1"),
            ("proxy-authorization", "Basic x"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-uecho-hops", "2"),
            ("x-uecho-deadline-ms", "99999"),
        ];
        let headers: HeaderMap = callers
            .into_iter()
            .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        let question = question(&headers).authorize(Some(HeaderValue::from_static("Bearer ours")));
        let url: BaseUrl = "http://peer:1/up".parse().unwrap();
        let request =
            question.request(&url.origin.host_header, question.target(&url).unwrap(), SpanId(0xabc));
        assert_eq!(request.uri(), "/up/a%2Fb");
        let sent: Vec<(&str, &str)> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let [_, _, (deadline, left), ..] = sent[..] else { panic!("{sent:?}") };
        assert!(left.parse::<u64>().unwrap() <= 1900, "{deadline}: {left}");
        assert_eq!(
            sent,
            [
                ("host", "peer:1"),
                ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-01"),
                ("x-uecho-deadline-ms", left),
                ("user-agent", "curl/8"),
                ("accept", "application/json"),
                ("x-uecho-hops", "3"),
                ("tracestate", "vendor=1"),
                ("authorization", "Bearer ours"),
            ]
        );
    }

    #[test]
    fn ambiguous_texts_are_escaped_further() {
        for (text, expected) in
            [("healthz", "%68ealthz"), ("..", "%2E."), ("a.b", "a.b"), ("//x", "%2F%2Fx"), ("%41", "%2541")]
        {
            assert_eq!(segment(text), expected);
        }
    }
}
