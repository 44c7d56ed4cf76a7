//! The listeners of one side, from their first connection to their last.

use std::{io, os::unix::net::UnixStream, sync::Arc};

use futures_util::future::join_all;

use crate::{
    net::{
        accept::Acceptor, accepted::Accepted, connections::Connections, listener::Listener,
        phase::PhaseWatch, protocols::Protocols, worker::Worker,
    },
    route::Side,
};

/// One side of the service.
pub(crate) struct Server(Acceptor);

impl Server {
    /// A server whose connections are shared out among these workers, of which there is at least one.
    #[must_use]
    pub(crate) fn new(workers: Vec<Worker>) -> Self {
        let service = workers[0].service();
        let limits = &service.app().settings.limits;
        let counted = (service.side() == Side::Public).then(|| service.app().clone());
        let connections = Connections::new(limits, counted, workers.len());
        let protocols = Arc::new(Protocols::new(limits));
        Self(Acceptor { connections, workers, protocols })
    }

    /// How many workers serve.
    #[must_use]
    pub(crate) fn workers(&self) -> usize {
        self.0.workers.len()
    }

    /// A connection to exactly this worker, which neither metrics nor limits count.
    ///
    /// # Errors
    /// Those of socketpair(2).
    pub(crate) fn visit(&self, worker: usize) -> io::Result<tokio::net::UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        for end in [&ours, &theirs] {
            end.set_nonblocking(true)?;
        }
        let visitor = ours.try_into()?;
        self.0.serve(Accepted::Unix(theirs), self.0.connections.add_visit(worker));
        Ok(visitor)
    }

    /// Serves the listeners until the phase is [`Draining`](crate::net::phase::Phase::Draining) and the last
    /// connection has ended; [`Cut`](crate::net::phase::Phase::Cut) ends all of them.
    pub(crate) async fn serve(&self, listeners: Vec<Listener>, phase: PhaseWatch) {
        let Self(acceptor) = self;
        let serve = async {
            join_all(listeners.into_iter().map(|listener| acceptor.run(listener, phase.clone()))).await;
            acceptor.connections.ended().await;
        };
        tokio::select! {
            () = serve => {}
            () = acceptor.connections.sweep(phase.clone()) => {}
        }
    }
}
