//! The accept loop: what it does when the process is full, out of file descriptors, or draining. There is one
//! for all workers, since that works for every listener, inherited or not, and gives each worker its share:
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
/// A listener of our own is closed when nobody came for this long; whoever was in the middle of a handshake
/// when the drain began has sent its end by then, from the other side of the world too.
const LAST_CALL: Duration = Duration::from_millis(200);

/// How long that is waited for where the kernel lets newcomers into the queue all the while.
const CROWDED: Duration = Duration::from_secs(1);

/// What accepting needs.
pub(super) struct Acceptor {
    /// Where connections are counted.
    pub connections: Arc<Connections>,
    /// Where they are served.
    pub workers: Vec<Worker>,
    /// How HTTP is spoken.
    pub protocols: Arc<Protocols>,
}

impl Acceptor {
    /// Accepts until the phase is [`Phase::Draining`]. Who is in an inherited socket's queue then stays
    /// there, for the next process; who is in the queue of our own is still served, as there is room, until
    /// [`Phase::Cut`].
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

    /// Accepts who is in the queue.
    async fn last_call(&self, listener: &mut Listener) {
        let crowded = listener.admit_no_more().err().map(|error| {
            tracing::debug!(%listener, %error, "connections go on coming while the last ones are accepted");
            Instant::now() + CROWDED
        });
        let mut pause = FIRST_PAUSE;
        // no more than the queue can hold: it may be that it goes on being filled
        for _ in 0..=BACKLOG {
            self.connections.room().await;
            // an empty queue that does not stay so is as good a moment to close it as any
            let late = crowded.is_some_and(|end| Instant::now() > end);
            let patience = if late { Duration::ZERO } else { LAST_CALL };
            let Ok(accepted) = timeout(patience, listener.accept()).await else { return };
            self.take(listener, accepted, &mut pause).await;
        }
    }

    /// Serves what was accepted; after an error of the process or the machine, waits for longer each time.
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
                    tracing::warn!(%listener, %error, "cannot accept connections, trying on");
                }
                self.connections.evict();
                sleep(*pause).await;
                *pause = (*pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Hands a connection over to the worker that it is counted for.
    pub(super) fn serve(&self, accepted: Accepted, connection: Connection) {
        self.workers[connection.worker].serve(accepted, connection, self.protocols.clone());
    }
}

/// Whether the error tells of the connection rather than of the process or the machine; accept(2) asks to
/// treat these as such.
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
