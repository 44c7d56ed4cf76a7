//! The accept loop, also for a process that is full, out of file descriptors, or draining. One loop accepts
//! for all workers: this works for every listener, inherited or not, and gives each worker its share.
//! `SO_REUSEPORT` was measured (docs/benchmarks.md) and does not.

use std::{io, sync::Arc, time::Duration};

use rustix::io::Errno;
use tokio::time::{Instant, sleep, timeout};

use crate::net::{
    accepted::Accepted,
    connections::{Connection, Connections},
    listener::{BACKLOG, Listener},
    phase::{Phase, PhaseWatch},
    protocols::Protocols,
    worker::Worker,
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A listener of our own is closed when no connection came for this long. A client whose handshake had begun
/// before the drain finishes it within this time, even over the longest routes.
const LAST_CALL: Duration = Duration::from_millis(200);

/// The last call waits for [`LAST_CALL`] only during this time when the kernel keeps adding connections to
/// the queue.
const CROWDED: Duration = Duration::from_secs(1);

/// What accepting needs.
pub(super) struct Acceptor {
    /// Counts the connections.
    pub connections: Arc<Connections>,
    /// Serve the connections.
    pub workers: Vec<Worker>,
    /// The settings of hyper.
    pub protocols: Arc<Protocols>,
}

impl Acceptor {
    /// Accepts until the phase is [`Phase::Draining`]. Connections in the queue of an inherited socket then
    /// wait for the next process. Connections in the queue of a socket of our own are still accepted, as
    /// there is room, until [`Phase::Cut`].
    pub(super) async fn run(&self, mut listener: Listener, mut phase: PhaseWatch) {
        tokio::select! {
            () = self.accept(&listener) => {}
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => {}
        }
        if !listener.inherited {
            tokio::select! {
                () = self.last_call(&mut listener) => {}
                _ = phase.wait_for(|phase| *phase >= Phase::Cut) => {}
            }
        }
    }

    async fn accept(&self, listener: &Listener) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.connections.room().await;
            self.take(listener, listener.accept().await, &mut pause).await;
        }
    }

    /// Accepts the connections that are still in the queue.
    async fn last_call(&self, listener: &mut Listener) {
        let crowded = listener.admit_no_more().err().map(|error| {
            tracing::debug!(%listener, %error, "connections keep coming while the last ones are accepted");
            Instant::now() + CROWDED
        });
        let mut pause = FIRST_PAUSE;
        // at most as many as the queue can hold, because clients may go on filling it
        for _ in 0..=BACKLOG {
            self.connections.room().await;
            // when new connections keep coming, no later moment is better to close an empty queue
            let late = crowded.is_some_and(|end| Instant::now() > end);
            let patience = if late { Duration::ZERO } else { LAST_CALL };
            let Ok(accepted) = timeout(patience, listener.accept()).await else { return };
            self.take(listener, accepted, &mut pause).await;
        }
    }

    /// Serves an accepted connection. After an error of the process or the machine it waits, each time twice
    /// as long, up to [`LONGEST_PAUSE`].
    async fn take(&self, listener: &Listener, accepted: io::Result<Accepted>, pause: &mut Duration) {
        match accepted {
            Ok(accepted) => {
                self.serve(accepted, self.connections.add());
                *pause = FIRST_PAUSE;
            }
            Err(error) if of_one_connection(&error) => {
                tracing::debug!(%listener, %error, "a connection was gone before it was accepted");
            }
            Err(error) => {
                self.workers[0].service().app().metrics.accept_errors.inc();
                if *pause == FIRST_PAUSE {
                    tracing::warn!(%listener, %error, "cannot accept connections, trying again");
                }
                self.connections.evict();
                sleep(*pause).await;
                *pause = (*pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Hands a connection to the worker that it is counted for.
    pub(super) fn serve(&self, accepted: Accepted, connection: Connection) {
        self.workers[connection.worker].serve(accepted, connection, self.protocols.clone());
    }
}

/// Whether the error concerns this connection only, not the process or the machine; accept(2) lists most of
/// these errors.
fn of_one_connection(error: &io::Error) -> bool {
    const OF_ONE: [Errno; 11] = [
        Errno::CONNABORTED,
        Errno::CONNRESET,
        Errno::PERM,
        Errno::PROTO,
        Errno::INTR,
        Errno::NETDOWN,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::NETUNREACH,
    ];
    Errno::from_io_error(error).is_some_and(|errno| OF_ONE.contains(&errno))
}
