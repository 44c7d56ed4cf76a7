//! One connection to a peer, driven by whoever waits for its answer: no task of its own, so an answer wakes
//! one task, once.

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

/// Largest response head, and the size of the read buffer at most: a kept connection keeps its buffer, too.
const MAX_BUFFER: usize = 16 * 1024;

type Driver = Connection<TokioIo<OriginStream>, Empty<Bytes>>;

/// A connection; requests have no body. Nothing moves on it but while one of its methods is waited for.
pub(super) struct Link {
    sender: SendRequest<Empty<Bytes>>,
    /// None when the connection has ended. Boxed, because a link is moved into and out of the pool all the
    /// time.
    driver: Option<Box<Driver>>,
}

impl Link {
    /// HTTP/1 over a stream.
    ///
    /// # Errors
    /// As hyper's handshake.
    pub(super) async fn new(stream: OriginStream) -> hyper::Result<Self> {
        let (sender, driver) =
            Builder::new().writev(false).max_buf_size(MAX_BUFFER).handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Some(Box::new(driver)) })
    }

    /// Whether the connection is known to have ended.
    pub(super) fn is_closed(&self) -> bool {
        self.driver.is_none() || self.sender.is_closed()
    }

    /// Whether a kept connection still lives: looks what the peer has sent meanwhile, its end perhaps.
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
    /// As hyper's.
    pub(super) async fn send(&mut self, request: Request<Empty<Bytes>>) -> hyper::Result<Response<Incoming>> {
        drive(&mut self.driver, self.sender.send_request(request)).await
    }

    /// Waits for something of the body of the answer.
    pub(super) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        drive(&mut self.driver, work).await
    }
}

async fn drive<T>(driver: &mut Option<Box<Driver>>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        // before the driver, because it may have something to send; after it, because the answer may have
        // come
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        turn(driver, context);
        work.as_mut().poll(context)
    })
    .await
}

/// Reads and writes what can be; an error reaches whoever waits for the answer.
fn turn(driver: &mut Option<Box<Driver>>, context: &mut Context<'_>) {
    if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(context).is_ready()) {
        *driver = None;
    }
}
