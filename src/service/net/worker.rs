//! A worker: the runtime and the HTTP service of one thread that serves connections.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::{
    http::service::Service,
    net::{accepted::Accepted, connection, connections::Connection, protocols::Protocols},
};

/// One of the threads that serve connections; cheap to clone.
#[derive(Clone)]
pub struct Worker {
    runtime: Handle,
    service: Service,
}

impl Worker {
    /// The worker of the calling thread; the call must be inside its runtime.
    #[must_use]
    pub fn here(service: Service) -> Self {
        Self { runtime: Handle::current(), service }
    }

    /// The HTTP service of this worker.
    #[must_use]
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// The runtime of this worker.
    #[cfg(test)]
    pub(crate) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Hands a connection to this worker, which serves it to its end.
    pub(super) fn serve(&self, accepted: Accepted, connection: Connection, protocols: Arc<Protocols>) {
        let service = self.service.clone();
        self.runtime.spawn(async move {
            match accepted.adopt() {
                Ok(stream) => connection::run(stream, connection, service, protocols).await,
                Err(error) => {
                    service.app().metrics.accept_errors.inc();
                    tracing::warn!(%error, "a connection was accepted and cannot be served");
                }
            }
        });
    }
}
