//! The listeners of one side, from their first connection to their last.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::{
    http::service::Service,
    net::{
        accept::Acceptor, connections::Connections, listener::Listener, phase::PhaseWatch,
        protocols::Protocols,
    },
    route::Side,
};

/// Serves the listeners of one side until the phase is [`Draining`](crate::net::phase::Phase::Draining) and the last connection
/// has ended, which [`Cut`](crate::net::phase::Phase::Cut) brings about.
pub(crate) async fn serve(listeners: Vec<Listener>, service: Service, phase: PhaseWatch) {
    let limits = &service.app().settings.limits;
    let counted = (service.side() == Side::Public).then(|| service.app().clone());
    let connections = Connections::new(limits, counted);
    let protocols = Arc::new(Protocols::new(limits));
    let acceptor = Acceptor { connections: connections.clone(), service, protocols };
    let serve = async {
        join_all(listeners.into_iter().map(|listener| acceptor.run(listener, phase.clone()))).await;
        connections.ended().await;
    };
    tokio::select! {
        () = serve => {}
        () = connections.sweep(phase.clone()) => {}
    }
}
