//! The settings of hyper for HTTP/1 and HTTP/2.

use std::{future::Future, time::Duration};

use hyper::server::conn::{http1, http2};

use crate::config::settings::Limits;

/// hyper's default, for which it has room on its stack; any other number costs an allocation per request.
const HYPER_MAX_HEADERS: usize = 100;
/// The most streams that a client has opened and reset before the service accepted them.
const MAX_PENDING_RESETS: usize = 32;
/// The most streams that the service had to reset because of an error of the client.
const MAX_LOCAL_RESETS: usize = 64;
/// Flow-control windows: how much a client may send on one stream, and on one connection, before the service
/// reads it.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;
/// How much of an answer is buffered per stream for a client that reads slowly.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Connection settings, made once.
pub(super) struct Protocols {
    /// HTTP/1.0 and 1.1.
    pub http1: http1::Builder,
    /// HTTP/2 with prior knowledge.
    pub http2: http2::Builder<Streams>,
}

impl Protocols {
    /// hyper's limits are a bit above the configured ones, so that the service itself answers a request that
    /// is a bit too large and names the limit.
    #[must_use]
    pub(super) fn new(limits: &Limits) -> Self {
        // hyper reads at most this many bytes of a request head
        let head_bytes = (2 * (limits.uri_bytes.0 + limits.header_bytes.0)).max(16 << 10);
        let mut http1 = http1::Builder::new();
        // the sweeper enforces `limits.header`; most answers are small, and copying one into one buffer is
        // cheaper than passing two to the kernel
        http1.header_read_timeout(None).half_close(true).writev(false).max_buf_size(head_bytes);
        if limits.headers >= HYPER_MAX_HEADERS {
            http1.max_headers(limits.headers + 1);
        }
        // a stream has its answer after `body` and `handler`; the client then has `idle` to read it
        let streams = Streams { longest: limits.body.0 + limits.handler.0 + limits.idle.0 };
        let mut http2 = http2::Builder::new(streams);
        // the service sends no PING: a client that has vanished is idle or reads nothing, and the sweeper
        // closes its connection in both cases
        http2
            .max_concurrent_streams(limits.http2_streams)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_LOCAL_RESETS)
            .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES);
        Self { http1, http2 }
    }
}

/// Runs HTTP/2 streams, each for a bounded time: a client that grants no window would hold its requests
/// forever.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    longest: Duration,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(tokio::time::timeout(self.longest, stream));
    }
}
