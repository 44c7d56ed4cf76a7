//! The kept-alive connections to one peer. Their number is bounded, they expire when idle, and all requests
//! share them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};
use uecho_probe::{
    connect::{ConnectError, Connector},
    url::Origin,
};

use crate::fanout::link::Link;

/// The most connections to one peer at once, busy ones included. Further requests wait for a slot within
/// their budget: a storm of requests ends in `over_budget`, not in exhausted sockets.
pub(super) const MAX_CONNECTIONS: usize = 256;
/// The most idle connections: as many as a busy node uses at once, because it would otherwise connect anew
/// for each request.
const MAX_IDLE: usize = 64;
/// Idle connections are closed after this time, well before a peer's own `limits.idle` (30 s), so that a
/// reused one is rarely dead.
const IDLE: Duration = Duration::from_secs(15);
/// The least time between two warnings about one peer.
const WARN: Duration = Duration::from_mins(1);

#[derive(Default)]
struct Idle {
    connections: Vec<(Link, Instant)>,
    /// Whether a task waits to close connections that expire.
    reaper: bool,
}

/// The connections to one origin.
pub(super) struct Pool {
    origin: Origin,
    connector: Connector,
    slots: Semaphore,
    keep: Duration,
    idle: Mutex<Idle>,
    /// When a refused handshake was last logged.
    warned: Arc<Mutex<Option<Instant>>>,
}

impl Pool {
    /// Two pools to one origin. Neither waits for connections or name lookups of the other. They share the
    /// limit on warnings.
    pub(super) fn with_sibling(origin: &Origin, connector: &Connector) -> (Arc<Self>, Arc<Self>) {
        let warned = Arc::default();
        let pool = |origin| Self::keeping(origin, connector.clone(), IDLE, Arc::clone(&warned));
        (pool(origin.clone()), pool(origin.with_own_lookups()))
    }

    fn keeping(
        origin: Origin,
        connector: Connector,
        keep: Duration,
        warned: Arc<Mutex<Option<Instant>>>,
    ) -> Arc<Self> {
        let slots = Semaphore::new(MAX_CONNECTIONS);
        Arc::new(Self { origin, connector, slots, keep, idle: Mutex::default(), warned })
    }

    /// Waits for the right to have one more connection busy. `None` never happens, because the semaphore is
    /// not closed.
    pub(super) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// Takes the connection that was used last and still seems to live.
    pub(super) async fn reuse(&self) -> Option<Link> {
        loop {
            let (mut link, since) = self.idle().connections.pop()?;
            if since.elapsed() < self.keep && link.is_alive().await {
                return Some(link);
            }
        }
    }

    /// Opens a new connection.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub(super) async fn open(&self) -> Result<Link, ConnectError> {
        let stream = self.connector.connect(&self.origin).await.inspect_err(|error| self.log(error))?;
        Link::new(stream).await.map_err(|error| ConnectError::Reset(std::io::Error::other(error)))
    }

    /// Logs that the other side refused TLS after the handshake had seemed complete.
    pub(super) fn refused(&self, alert: rustls::Error) -> ConnectError {
        let error = ConnectError::Tls(std::io::Error::other(alert));
        self.log(&error);
        error
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn put(self: &Arc<Self>, link: Link) {
        let mut idle = self.idle();
        if link.is_closed() || idle.connections.len() >= MAX_IDLE {
            return;
        }
        idle.connections.push((link, Instant::now()));
        if !std::mem::replace(&mut idle.reaper, true) {
            tokio::spawn(reap(Arc::downgrade(self), self.keep));
        }
    }

    /// Logs why there is no connection. An answer only says `refused`; why a certificate was not trusted is
    /// for the operator alone, and once a minute is enough.
    fn log(&self, error: &ConnectError) {
        let peer = tracing::field::display(&self.origin);
        if !matches!(error, ConnectError::Tls(_)) {
            tracing::debug!(peer, %error, "no connection to a peer");
            return;
        }
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= WARN) {
            *warned = Some(Instant::now());
            tracing::warn!(peer, %error, "no connection to a peer");
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes idle connections as they expire; ends when none is left or the pool is dropped.
async fn reap(pool: Weak<Pool>, keep: Duration) {
    loop {
        tokio::time::sleep(keep).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle();
        idle.connections.retain(|(_, since)| since.elapsed() < keep);
        if idle.connections.is_empty() {
            idle.reaper = false;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncReadExt,
        net::{TcpListener, TcpStream},
    };
    use uecho_probe::url::BaseUrl;

    use super::*;

    /// A pool with `count` idle connections, and their other ends.
    async fn with_idle(keep: Duration, count: usize) -> (Arc<Pool>, Vec<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: BaseUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let pool = Pool::keeping(url.origin, Connector::plain(), keep, Arc::default());
        let (mut links, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..count {
            links.push(pool.open().await.unwrap());
            ends.push(listener.accept().await.unwrap().0);
        }
        for link in links {
            pool.put(link);
        }
        (pool, ends)
    }

    async fn is_closed(end: &mut TcpStream) -> bool {
        matches!(tokio::time::timeout(Duration::from_secs(30), end.read(&mut [0])).await, Ok(Ok(0)))
    }

    #[tokio::test]
    async fn idle_connections_expire_without_further_requests() {
        let (pool, mut ends) = with_idle(Duration::from_millis(50), 2).await;
        for end in &mut ends {
            assert!(is_closed(end).await);
        }
        assert!(pool.reuse().await.is_none());
    }

    #[tokio::test]
    async fn a_live_one_is_reused_and_a_closed_one_is_not() {
        let (pool, mut ends) = with_idle(IDLE, 2).await;
        drop(ends.pop());
        // the runtime needs time to see the end
        tokio::time::sleep(Duration::from_millis(50)).await;
        let link = pool.reuse().await.unwrap();
        assert!(!link.is_closed() && pool.reuse().await.is_none());
    }

    #[tokio::test]
    async fn the_one_used_last_is_reused_first() {
        let (pool, mut ends) = with_idle(IDLE, 3).await;
        for _ in 0..3 {
            drop(pool.reuse().await.unwrap());
            assert!(is_closed(&mut ends.pop().unwrap()).await);
            for end in &ends {
                assert!(end.try_read(&mut [0]).is_err(), "still open");
            }
        }
    }

    #[tokio::test]
    async fn idle_connections_are_bounded_and_go_with_the_pool() {
        // nothing expires during the test
        let (pool, mut ends) = with_idle(Duration::from_hours(1), MAX_IDLE + 1).await;
        assert!(is_closed(&mut ends.pop().unwrap()).await);
        drop(pool);
        for end in &mut ends {
            assert!(is_closed(end).await);
        }
    }
}
