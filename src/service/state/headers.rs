//! The headers that every answer carries, made once and cloned whole.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// `X-Trace-Id`
pub(crate) const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
/// `X-Uecho-Receipt`
pub(crate) const X_UECHO_RECEIPT: HeaderName = HeaderName::from_static("x-uecho-receipt");

/// A page may load nothing, and no other page may show it. Not all directives follow from the first one.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The security headers of every answer.
pub(crate) const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The media type of most answers.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// The headers of every answer, with a trace id to be replaced.
#[must_use]
pub(crate) fn of_every_answer(receipt: HeaderValue) -> HeaderMap {
    // the trace id comes first, where the code that replaces it expects it
    let mut headers = HeaderMap::from_iter([(X_TRACE_ID, HeaderValue::from_static(""))]);
    headers.extend(SECURITY_HEADERS);
    headers.insert(X_UECHO_RECEIPT, receipt);
    // most answers are pages, and to replace a header that the map already has costs nothing
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers
}
