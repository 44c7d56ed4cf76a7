//! Listeners and connections.

pub mod listener;

use std::sync::Arc;

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};

use crate::{
    lifecycle::{Phase, PhaseWatch},
    web::service::Service,
};
use listener::Listener;

/// Serves connections until the phase is [`Phase::Draining`] and the last one has ended, or [`Phase::Cut`].
pub async fn accept(listener: Arc<Listener>, service: Service, phase: PhaseWatch) {
    while *phase.borrow() < Phase::Draining {
        let Ok(stream) = listener.accept().await else { continue };
        let service = service.clone();
        tokio::spawn(async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
