//! `[limits]`: bounds on what clients may ask of the service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uecho_probe::units::{DurationValue, Size};

use crate::config::checker::Checker;

/// `[limits]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most header fields of a request; 431 above.
    pub headers: usize,
    /// Most bytes of header names and values together; 431 above.
    pub header_bytes: Size,
    /// Longest request target; 414 above.
    pub uri_bytes: Size,
    /// Largest request body; 413 above.
    pub body_bytes: Size,
    /// Most bytes of bodies, replies of peers and answers held at once; 503 with `Retry-After` above.
    pub memory: Size,
    /// Time from accept to the first byte.
    pub first_byte: DurationValue,
    /// Time for a complete header, from accept; for a later header, from its first byte.
    pub header: DurationValue,
    /// Time for a complete request body; 408 above.
    pub body: DurationValue,
    /// Time for a handler to answer after the whole request, including its body, has arrived; 503 above.
    pub handler: DurationValue,
    /// How long a kept-alive connection may stay without a request; PINGs and empty lines are not requests.
    pub idle: DurationValue,
    /// Most connections open at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Most requests in flight; 503 with `Retry-After` above.
    pub in_flight: usize,
    /// Most concurrent streams of one HTTP/2 connection.
    pub http2_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: 64,
            header_bytes: Size::kib(16),
            uri_bytes: Size::kib(8),
            body_bytes: Size::kib(1024),
            memory: Size::kib(256 << 10),
            first_byte: DurationValue::secs(5),
            header: DurationValue::secs(5),
            body: DurationValue::secs(10),
            handler: DurationValue::secs(10),
            idle: DurationValue::secs(30),
            connections: 4096,
            in_flight: 1024,
            http2_streams: 100,
        }
    }
}

impl Limits {
    /// Checks that no limit is so small that no request passes, or so large that it limits nothing.
    pub(super) fn check(&self, checker: &mut Checker) {
        let Limits {
            headers,
            header_bytes,
            uri_bytes,
            body_bytes,
            memory,
            first_byte,
            header,
            body,
            handler,
            idle,
            connections,
            in_flight,
            http2_streams,
        } = *self;
        // http::HeaderMap holds at most 32768 fields, http::Uri 65534 bytes; the watchdog's own request has
        // four fields and up to 126 bytes of text
        checker.count("limits.headers", headers, 4, 32768);
        checker.size("limits.header_bytes", header_bytes, Size(256), Size::kib(16 << 10));
        checker.size("limits.uri_bytes", uri_bytes, Size(128), Size(65534));
        checker.size("limits.body_bytes", body_bytes, Size(0), Size::kib(1 << 20));
        // the answer that mirrors a request is six times as long as its text when every byte is escaped, and
        // for a moment the service holds both
        let request = body_bytes.0.saturating_add(header_bytes.0).saturating_add(uri_bytes.0);
        let enough = Size(request.saturating_mul(8));
        checker.require(
            "limits.memory",
            memory >= enough,
            &format!(
                "expected {enough} or more, so that one request fits: 8 times limits.body_bytes, \
                 header_bytes and uri_bytes together; \
                 found {memory}"
            ),
        );
        for (key, span) in [
            ("limits.first_byte", first_byte),
            ("limits.header", header),
            ("limits.body", body),
            ("limits.handler", handler),
            ("limits.idle", idle),
        ] {
            checker.positive(key, span);
        }
        checker.count("limits.connections", connections, 1, 1_000_000);
        checker.count("limits.in_flight", in_flight, 1, 1_000_000);
        checker.count("limits.http2_streams", http2_streams.try_into().unwrap_or(usize::MAX), 1, 100_000);
    }
}
