//! `[limits]` and `[drain]`: bounds on what clients may ask, and on how long stopping takes.

use serde::{Deserialize, Serialize};
use uecho_probe::units::{Size, Span};

/// `[limits]`
#[derive(Clone, Debug, Deserialize, Serialize)]
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
    pub first_byte: Span,
    /// Time for a complete header, from accept; a later one from its first byte or from when the previous response began.
    pub header: Span,
    /// Time for a complete request body; 408 above.
    pub body: Span,
    /// Time for a handler to answer once the request is there, body included; 503 above.
    pub handler: Span,
    /// How long a kept-alive connection may stay without a request; PINGs and empty lines are none.
    pub idle: Span,
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
            first_byte: Span::secs(5),
            header: Span::secs(5),
            body: Span::secs(10),
            handler: Span::secs(10),
            idle: Span::secs(30),
            connections: 4096,
            in_flight: 1024,
            http2_streams: 100,
        }
    }
}

/// `[drain]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// How long the listener stays open after the signal, with `/readyz` already 503.
    pub delay: Span,
    /// How long requests in flight may take after that; what is left is cut.
    pub deadline: Span,
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: Span::secs(0), deadline: Span::secs(20) }
    }
}
