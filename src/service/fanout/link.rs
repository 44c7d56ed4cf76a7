//! One connection to a peer. The task that waits for its answer drives it: the connection has no task of its
//! own, so an answer wakes one task, once.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::{
    body::Incoming,
    client::conn::http1::{Builder, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use uecho_probe::stream::OriginStream;

/// The largest response head, and the largest size of the read buffer: a kept connection keeps its buffer,
/// too.
const MAX_BUFFER: usize = 16 * 1024;

type Driver = Connection<TokioIo<OriginStream>, Empty<Bytes>>;

/// A connection; requests have no body. It moves only while one of its methods is awaited.
pub(super) struct Link {
    sender: SendRequest<Empty<Bytes>>,
    /// None when the connection has ended. It is boxed, because a link often moves into and out of the pool.
    driver: Option<Box<Driver>>,
}

impl Link {
    /// Starts HTTP/1 over a stream.
    ///
    /// # Errors
    /// Those of hyper's handshake.
    pub(super) async fn new(stream: OriginStream) -> hyper::Result<Self> {
        let (sender, driver) =
            Builder::new().writev(false).max_buf_size(MAX_BUFFER).handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Some(Box::new(driver)) })
    }

    /// Whether the connection is known to have ended.
    pub(super) fn is_closed(&self) -> bool {
        self.driver.is_none() || self.sender.is_closed()
    }

    /// Whether a kept connection still lives; reads what the peer has sent in the meantime, which may be its
    /// end.
    pub(super) async fn is_alive(&mut self) -> bool {
        poll_fn(|context| {
            turn(&mut self.driver, context);
            Poll::Ready(())
        })
        .await;
        drive(&mut self.driver, self.sender.ready()).await.is_ok()
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// Those of hyper.
    pub(super) async fn send(&mut self, request: Request<Empty<Bytes>>) -> hyper::Result<Response<Incoming>> {
        drive(&mut self.driver, self.sender.send_request(request)).await
    }

    /// Drives the connection while `work` reads the body of the answer.
    pub(super) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        drive(&mut self.driver, work).await
    }
}

async fn drive<T>(driver: &mut Option<Box<Driver>>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        // the work goes first, because it may have something to send, and again after the driver, because the
        // answer may have come
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        turn(driver, context);
        work.as_mut().poll(context)
    })
    .await
}

/// Reads and writes as far as possible; an error reaches the future that waits for the answer.
fn turn(driver: &mut Option<Box<Driver>>, context: &mut Context<'_>) {
    if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(context).is_ready()) {
        *driver = None;
    }
}
