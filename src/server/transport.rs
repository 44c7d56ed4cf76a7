//! The byte stream under HTTP: notes for the sweeper what the connection is doing.

use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::{activity::Activity, stream::Stream};

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or 1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Room for the first read, which tells the protocol and is then handed to it.
const FIRST_READ_BYTES: usize = 4096;

/// An accepted stream.
pub struct Transport {
    stream: Stream,
    activity: Arc<Activity>,
    first: BytesMut,
    ended: bool,
    stalled: bool,
    answered: u32,
}

impl Transport {
    /// Nothing has been read or written.
    #[must_use]
    pub fn new(stream: Stream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, first: BytesMut::new(), ended: false, stalled: false, answered: 0 }
    }

    /// Reads until the protocol is known; `None` when the client left first.
    ///
    /// # Errors
    /// As read(2).
    pub fn poll_protocol(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Protocol>>> {
        loop {
            let compared = self.first.len().min(HTTP2_PREFACE.len());
            if self.first[..compared] != HTTP2_PREFACE[..compared] {
                return Poll::Ready(Ok(Some(Protocol::Http1)));
            }
            if compared == HTTP2_PREFACE.len() {
                return Poll::Ready(Ok(Some(Protocol::Http2)));
            }
            // no buffer before there is something to put in it: silent clients cost next to nothing
            ready!(self.stream.poll_read_ready(context))?;
            self.first.reserve(FIRST_READ_BYTES - compared);
            let read = pin!(self.stream.read_buf(&mut self.first));
            if ready!(read.poll(context))? == 0 {
                self.ended = true;
                return Poll::Ready(Ok((compared > 0).then_some(Protocol::Http1)));
            }
            self.activity.received();
        }
    }

    /// Whether the client has closed its side.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The stream itself, when HTTP is over.
    #[must_use]
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    fn wrote<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_pending() != self.stalled || self.stalled {
            self.stalled = written.is_pending();
            self.activity.stalled(self.stalled);
        }
        written
    }

    fn begin_answer(&mut self) {
        let calls = self.activity.calls();
        if calls != self.answered {
            self.answered = calls;
            self.activity.answer_began();
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.first.is_empty() {
            let length = this.first.len().min(buffer.remaining());
            buffer.put_slice(&this.first[..length]);
            this.first.advance(length);
            if this.first.is_empty() {
                this.first = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        this.ended |= buffer.filled().len() == before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.begin_answer();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.wrote(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.begin_answer();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.activity.answer_ended();
        Poll::Ready(Ok(()))
    }

    /// Does nothing: closing is up to whoever takes the stream back.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
