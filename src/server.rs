//! Listeners and connections: an accept loop of our own, because what protects it from slow and hostile clients has to sit below HTTP.
//!
//! - [`listener`], [`inherited`], [`unix_socket`], [`stream`]: where connections come from
//! - [`accept`]: the loop, [`last_call`] its end
//! - [`connections`]: all of them, looked over by one sweeper with a coarse [`clock`], so that no request pays for a timer
//! - [`connection`]: one of them, [`activity`] what it is doing, [`transport`] its bytes, [`linger`] its end, [`closed`] why
//! - [`protocols`]: how hyper speaks HTTP

pub mod accept;
pub mod activity;
pub mod clock;
pub mod closed;
pub mod connection;
pub mod connections;
pub mod inherited;
pub mod last_call;
pub mod linger;
pub mod listener;
pub mod protocols;
pub mod refusal;
pub mod scanner;
pub mod stream;
pub mod transport;
pub mod unix_socket;

use std::sync::Arc;

use futures_util::future::join_all;

use crate::{
    lifecycle::PhaseWatch,
    web::{route::Side, service::Service},
};
use accept::Acceptor;
use connections::Connections;
use listener::Listener;
use protocols::Protocols;

/// Serves the listeners of one side until the phase is [`Draining`](crate::lifecycle::Phase::Draining) and the last connection
/// has ended, which [`Cut`](crate::lifecycle::Phase::Cut) brings about.
pub async fn serve(listeners: Vec<Listener>, service: Service, phase: PhaseWatch) {
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
