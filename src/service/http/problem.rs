//! Errors as RFC 9457 `application/problem+json`. They show no internals and quote nothing from the request.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use uecho_probe::units::Size;

use crate::{fanout::budget::ClaimError, memory::Full, telemetry::trace_context::TraceId};

/// Media type of every error body.
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error to be sent to a client. It is an extension of the response until its body is made, with the trace
/// id; see [`Problem::body`].
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    detail: Option<String>,
    close: bool,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Body<'a> {
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    trace_id: String,
}

impl Problem {
    /// An error whose title is the reason phrase of the status.
    #[must_use]
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, detail: None, close: false, headers: Vec::new() }
    }

    /// Adds the detail: what is wrong with this request and what would be right.
    #[must_use]
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Ends the connection after this answer, because the bytes after the request cannot be trusted or are
    /// not worth reading.
    #[must_use]
    pub(crate) fn close(self) -> Self {
        Self { close: true, ..self }
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// 405 with `Allow`.
    #[must_use]
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED).header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// 413 that names the limit.
    #[must_use]
    pub(crate) fn body_too_large(limit: Size) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE)
            .detail(format!("the request body is larger than {limit}"))
            .close()
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The JSON body.
    #[must_use]
    pub(crate) fn body(&self, trace_id: TraceId) -> Vec<u8> {
        let title = self.status.canonical_reason().unwrap_or("Unknown");
        let body = Body {
            title,
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            trace_id: trace_id.to_string(),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE)
            .detail(full.to_string())
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        let status = match error {
            ClaimError::Header { .. } => StatusCode::BAD_REQUEST,
            ClaimError::Loop { .. } => StatusCode::LOOP_DETECTED,
        };
        Self::new(status).detail(error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.extend(self.headers.iter().cloned());
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
