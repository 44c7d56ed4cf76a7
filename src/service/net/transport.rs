//! The byte stream under HTTP: lets hyper see nothing that the [`Scanner`] refuses, and notes for the sweeper what the connection
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
    net::{
        scanner::{Refused, Scanner},
        stream::Stream,
    },
};

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.0 or 1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Room for the first read, which tells the protocol and is then handed to it.
const FIRST_READ_BYTES: usize = 1024;

/// An accepted stream.
pub(super) struct Transport {
    stream: Stream,
    activity: Arc<Activity>,
    /// Read and not handed on yet.
    first: BytesMut,
    /// Whether `first` has been through the scanner.
    scanned: bool,
    /// HTTP/1 only.
    scanner: Option<Scanner>,
    refused: Option<Refused>,
    ended: bool,
    stalled: bool,
    answering: u32,
}

impl Transport {
    /// Nothing has been read or written.
    #[must_use]
    pub(super) fn new(stream: Stream, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            first: BytesMut::new(),
            scanned: false,
            scanner: None,
            refused: None,
            ended: false,
            stalled: false,
            answering: 0,
        }
    }

    /// Reads until the protocol is known; `None` when the client left first.
    ///
    /// # Errors
    /// As read(2).
    pub(super) fn poll_protocol(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Protocol>>> {
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

    /// Takes back what hyper has read and not used while no request was under way, but for empty lines, which may come before a
    /// request and mean nothing (RFC 9112 section 2.2).
    pub(super) fn take_back(&mut self, unused: &[u8]) {
        let lines = unused.iter().take_while(|byte| b"\r\n".contains(byte)).count();
        self.first = BytesMut::from(&unused[lines..]);
        self.scanned = !self.first.is_empty();
    }

    /// Whether the client has sent what nobody has read yet.
    #[must_use]
    pub(super) fn has_unread(&self) -> bool {
        self.scanned || self.stream.has_unread()
    }

    /// Waits until there is something to read, an end or an error included.
    pub(super) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.scanned {
            return Poll::Ready(());
        }
        self.stream.poll_read_ready(context).map(|_| ())
    }

    /// From here on everything is HTTP/1, with heads of at most this many bytes.
    pub(super) fn guard(&mut self, head_bytes: usize) {
        self.scanner = Some(Scanner::new(head_bytes));
    }

    /// Whether the client has closed its side.
    #[must_use]
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// What was refused.
    #[must_use]
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Whether the client is known to be in the middle of sending something.
    #[must_use]
    pub(super) fn mid_request(&self) -> bool {
        self.scanner.as_ref().is_some_and(|scanner| !scanner.between_requests())
    }

    /// The stream itself, when HTTP is over.
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

    /// What a reader gets that waits for more than was let through: the end if it is in a body, else nothing until we hang up.
    fn withhold(refused: Refused) -> Poll<io::Result<()>> {
        if refused.passed_on { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Hyper answers heads that it does not take by itself, barely. With nothing left to answer, what it writes can only be that:
    /// it is dropped, and the connection gives the whole answer.
    fn is_own_answer(&self) -> bool {
        self.scanner.is_some() && self.activity.all_answered()
    }

    fn begin_answer(&mut self) {
        let calls = self.activity.calls();
        if calls != self.answering {
            self.answering = calls;
            self.activity.answer_began();
        }
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if self.stalled || written.is_pending() {
            // each bit of progress begins the wait anew
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
        if this.scanned {
            this.scanned = this.first.len() > buffer.remaining();
            return this.poll_receive(context, buffer);
        }
        if let Some(refused) = this.refused {
            return Self::withhold(refused);
        }
        let before = buffer.filled().len();
        ready!(this.poll_receive(context, buffer))?;
        let read = &mut buffer.filled_mut()[before..];
        this.ended |= read.is_empty();
        let Some(scanner) = &mut this.scanner else { return Poll::Ready(Ok(())) };
        let refused = match scanner.scan(read) {
            Ok(()) => {
                this.activity.head_pending(scanner.head_pending());
                return Poll::Ready(Ok(()));
            }
            Err(refused) => refused,
        };
        this.refused = Some(refused);
        this.activity.refuse_after(refused.before + u32::from(refused.passed_on));
        buffer.set_filled(before + refused.begins.unwrap_or(0));
        if buffer.filled().len() > before { Poll::Ready(Ok(())) } else { Self::withhold(refused) }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_own_answer() {
            return Poll::Ready(Ok(bytes.len()));
        }
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
        if this.is_own_answer() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        this.begin_answer();
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

    /// Does nothing: closing is up to whoever takes the stream back.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
