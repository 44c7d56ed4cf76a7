//! How hyper is to speak HTTP/1 and HTTP/2 here.

use std::{future::Future, time::Duration};

use hyper::server::conn::{http1, http2};

use crate::config::settings::Limits;

/// hyper's own count, kept on its stack; asking for another costs an allocation per request.
const HYPER_MAX_HEADERS: usize = 100;
/// Streams that a client opened and reset before we took them up.
const MAX_PENDING_RESETS: usize = 32;
/// Streams that we had to reset because of what the client did.
const MAX_LOCAL_RESETS: usize = 64;
/// What a client may send on one stream, and on one connection, before we have taken it up.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;
/// What is kept per stream for a client that is slow to take it.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Connection settings, made once.
pub(super) struct Protocols {
    /// HTTP/1.0 and 1.1.
    pub http1: http1::Builder,
    /// HTTP/2 with prior knowledge.
    pub http2: http2::Builder<Streams>,
}

impl Protocols {
    /// hyper's limits are set a bit above ours, so that what is a bit too large gets its exact answer from
    /// us.
    #[must_use]
    pub(super) fn new(limits: &Limits) -> Self {
        // the most bytes of a request head that are read at all
        let head_bytes = (2 * (limits.uri_bytes.0 + limits.header_bytes.0)).max(16 << 10);
        let mut http1 = http1::Builder::new();
        // the sweeper keeps the time; most answers are small: copying one together is cheaper than handing
        // the kernel two pieces
        http1.header_read_timeout(None).half_close(true).writev(false).max_buf_size(head_bytes);
        if limits.headers >= HYPER_MAX_HEADERS {
            http1.max_headers(limits.headers + 1);
        }
        // a stream has its answer after `body` and `handler`, and must have been taken by the client `idle`
        // later
        let streams = Streams { longest: limits.body.0 + limits.handler.0 + limits.idle.0 };
        let mut http2 = http2::Builder::new(streams);
        // no PING of ours: whoever is gone without a word is idle, or takes nothing, and the sweeper sees to
        // both
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
