//! The byte stream below HTTP. It detects the version of HTTP and records for the sweeper what the connection
//! is doing.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use crate::{
    http::activity::Activity,
    net::stream::{self, Stream},
};

/// The protocol that the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 or 1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Buffer for the first bytes, which show the protocol; hyper then reads them from here.
const FIRST_READ_BYTES: usize = 1024;

/// The bytes after any empty lines, which a client may send before a request and a server ignores (RFC 9112
/// section 2.2).
pub(super) fn without_empty_lines(bytes: &[u8]) -> &[u8] {
    let lines = bytes.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    &bytes[lines..]
}

/// An accepted stream.
pub(super) struct Transport {
    stream: Stream,
    activity: Arc<Activity>,
    /// Bytes that were read and that hyper has not read from here yet.
    first: BytesMut,
    http1: bool,
    ended: bool,
    stalled: bool,
}

impl Transport {
    /// A transport on which nothing has been read or written.
    #[must_use]
    pub(super) fn new(stream: Stream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, first: BytesMut::new(), http1: false, ended: false, stalled: false }
    }

    /// Reads until the protocol is known; `None` when the client left first.
    ///
    /// # Errors
    /// Those of read(2).
    pub(super) fn poll_protocol(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Protocol>>> {
        loop {
            let compared = self.first.len().min(HTTP2_PREFACE.len());
            if self.first[..compared] != HTTP2_PREFACE[..compared] {
                self.http1 = true;
                return Poll::Ready(Ok(Some(Protocol::Http1)));
            }
            if compared == HTTP2_PREFACE.len() {
                return Poll::Ready(Ok(Some(Protocol::Http2)));
            }
            // the buffer is allocated only when there are bytes, so that a silent client costs little memory
            ready!(stream::poll_read_ready(&self.stream, context))?;
            self.first.reserve(FIRST_READ_BYTES - compared);
            let read = pin!(self.stream.read_buf(&mut self.first));
            if ready!(read.poll(context))? == 0 {
                self.ended = true;
                self.http1 = true;
                return Poll::Ready(Ok((compared > 0).then_some(Protocol::Http1)));
            }
            self.activity.received();
        }
    }

    /// Takes back the bytes that hyper has read and not used while no request was under way: the beginning of
    /// a header that came together with the request before it. They are read again, and recorded as the
    /// beginning of a header.
    pub(super) fn take_back(&mut self, unused: &[u8]) {
        self.first = BytesMut::from(without_empty_lines(unused));
    }

    /// Whether the client has sent bytes that hyper has not read.
    #[must_use]
    pub(super) fn has_unread(&self) -> bool {
        !self.first.is_empty() || stream::has_unread(&self.stream)
    }

    /// Waits until there is something to read, or the end of the stream, or an error.
    pub(super) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.first.is_empty() {
            stream::poll_read_ready(&self.stream, context).map(|_| ())
        } else {
            Poll::Ready(())
        }
    }

    /// Whether the client has closed its side.
    #[must_use]
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// The stream, for use after HTTP has ended.
    #[must_use]
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..length]);
        self.first.advance(length);
        if self.first.is_empty() {
            self.first = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if self.stalled || written.is_pending() {
            // any progress starts `limits.idle` again
            self.stalled = written.is_pending();
            self.activity.stalled(self.stalled);
        }
        written
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(this.poll_receive(context, buffer))?;
        let read = &buffer.filled()[before..];
        this.ended |= read.is_empty();
        if this.http1 && !without_empty_lines(read).is_empty() {
            this.activity.head_received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.wrote(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.activity.flushed();
        Poll::Ready(Ok(()))
    }

    /// Does nothing: [`linger`](crate::net::linger) closes the stream.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
