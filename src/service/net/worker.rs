//! Where connections are served: a runtime, and the service there.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::{
    http::service::Service,
    net::{accepted::Accepted, connection, connections::Connection, protocols::Protocols},
};

/// One of the threads that serve; cheap to clone.
#[derive(Clone)]
pub struct Worker {
    runtime: Handle,
    service: Service,
}

impl Worker {
    /// The thread that this is called on.
    #[must_use]
    pub fn here(service: Service) -> Self {
        Self { runtime: Handle::current(), service }
    }

    /// What answers there.
    #[must_use]
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Where it runs.
    #[cfg(test)]
    pub(crate) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Hands over a connection, which stays there.
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
