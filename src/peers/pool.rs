//! Kept-alive connections to one peer: bounded in number, expired when idle, shared by all requests.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    connect::{ConnectError, Connector},
    url::Origin,
};

/// Most connections to one peer at once, busy ones included. Further requests wait for a slot within their budget: a storm of
/// requests ends in `over_budget`, not in exhausted sockets.
pub const MAX_CONNECTIONS: usize = 256;
/// Most idle connections kept.
const MAX_IDLE: usize = 32;
/// Idle connections are closed after this time: well before a peer's own `limits.idle` (30 s), so that a reused one is rarely dead.
const IDLE: Duration = Duration::from_secs(15);
/// Largest response head, and the size of the read buffer at most.
const MAX_BUFFER: usize = 64 * 1024;

/// The sending half of a connection; requests have no body.
pub type Sender = SendRequest<Empty<Bytes>>;

#[derive(Default)]
struct Idle {
    connections: Vec<(Sender, Instant)>,
    /// Whether a task waits to close what expires.
    reaper: bool,
}

/// The connections to one origin.
pub struct Pool {
    origin: Origin,
    connector: Connector,
    slots: Semaphore,
    idle: Mutex<Idle>,
}

impl Pool {
    /// No connections yet.
    #[must_use]
    pub fn new(origin: Origin, connector: Connector) -> Arc<Self> {
        Arc::new(Self { origin, connector, slots: Semaphore::new(MAX_CONNECTIONS), idle: Mutex::default() })
    }

    /// The right to have one more connection busy; `None` never happens, the semaphore is not closed.
    pub(super) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// The connection used last that still seems to live.
    pub(super) async fn reuse(&self) -> Option<Sender> {
        loop {
            let (mut sender, since) = self.idle().connections.pop()?;
            // readiness comes when the driver has seen the end of the answer before; an error means the peer has closed
            if since.elapsed() < IDLE && sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    /// A new connection.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub(super) async fn open(&self) -> Result<Sender, ConnectError> {
        let stream = self.connector.connect(&self.origin).await?;
        let (sender, connection) = Builder::new()
            .max_buf_size(MAX_BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| ConnectError::Reset(std::io::Error::other(error)))?;
        // ends when the peer closes or the sender is dropped; errors reach whoever waits for the answer
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn put(self: &Arc<Self>, sender: Sender) {
        let mut idle = self.idle();
        if sender.is_closed() || idle.connections.len() >= MAX_IDLE {
            return;
        }
        idle.connections.push((sender, Instant::now()));
        if !std::mem::replace(&mut idle.reaper, true) {
            tokio::spawn(reap(Arc::downgrade(self)));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes idle connections as they expire; ends when none is left, or with the pool.
async fn reap(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle();
        idle.connections.retain(|(sender, since)| since.elapsed() < IDLE && !sender.is_closed());
        if idle.connections.is_empty() {
            idle.reaper = false;
            return;
        }
    }
}
