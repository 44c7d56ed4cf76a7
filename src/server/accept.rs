//! The accept loop: what it does when the process is full, out of file descriptors, or draining.

use std::{io, sync::Arc, time::Duration};

use rustix::io::Errno;
use tokio::time::{sleep, timeout};

use super::{connection, connections::Connections, listener::Listener, protocols::Protocols, stream::Stream};
use crate::{
    lifecycle::{Phase, PhaseWatch},
    web::service::Service,
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A listener of our own is closed only when nobody came for this long: closing it resets whoever still waits in its queue.
const LAST_CALL: Duration = Duration::from_millis(5);

/// What accepting needs.
pub struct Acceptor {
    /// Where connections are counted.
    pub connections: Arc<Connections>,
    /// What answers on them.
    pub service: Service,
    /// How HTTP is spoken.
    pub protocols: Arc<Protocols>,
}

impl Acceptor {
    /// Accepts until the phase is [`Phase::Draining`]. Who is in an inherited socket's queue then stays there, for the next process.
    pub async fn run(&self, listener: Listener, mut phase: PhaseWatch) {
        tokio::select! {
            () = self.accept(&listener) => {}
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => {}
        }
        if !listener.inherited {
            while let Ok(Ok(stream)) = timeout(LAST_CALL, listener.accept()).await {
                self.serve(stream);
            }
        }
    }

    async fn accept(&self, listener: &Listener) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.connections.room().await;
            match listener.accept().await {
                Ok(stream) => {
                    self.serve(stream);
                    pause = FIRST_PAUSE;
                }
                Err(error) if of_one_connection(&error) => {
                    tracing::debug!(%listener, %error, "a connection was gone before it was accepted");
                }
                Err(error) => {
                    self.service.app().metrics.accept_errors.inc();
                    if pause == FIRST_PAUSE {
                        tracing::warn!(%listener, %error, "cannot accept connections, trying on");
                    }
                    self.connections.evict();
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn serve(&self, stream: Stream) {
        let connection = self.connections.add();
        tokio::spawn(connection::run(stream, connection, self.service.clone(), self.protocols.clone()));
    }
}

/// Whether the error tells of the connection rather than of the process or the machine; accept(2) asks to treat these as such.
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
