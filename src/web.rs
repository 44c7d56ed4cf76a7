//! HTTP: routers of the two listeners. Nothing but routes and nesting; what surrounds every request is in [`service`].

pub mod auth;
pub mod body;
pub mod deadline;
pub mod echo;
pub mod fanout;
pub mod head;
pub mod health;
pub mod json;
pub mod limits;
pub mod mirror;
pub mod negotiate;
pub mod problem;
pub mod root;
pub mod route;
pub mod service;
pub mod target;

use std::sync::Arc;

use axum::{
    Router,
    routing::{any, get},
};

use crate::state::App;
use route::Route;

/// Routes of the public listener.
pub fn public(app: Arc<App>) -> Router {
    Router::new()
        .route(Route::Root.pattern(), get(root::get))
        .route(Route::Mirror.pattern(), any(mirror::any))
        .route(Route::Fanout.pattern(), get(fanout::get))
        .route(Route::Healthz.pattern(), get(health::healthz))
        .route(Route::Readyz.pattern(), get(health::readyz))
        .fallback(echo::fallback)
        .with_state(app)
}

/// Routes of the ops listener.
pub fn ops(app: Arc<App>) -> Router {
    Router::new()
        .route(Route::Healthz.pattern(), get(health::healthz))
        .route(Route::Readyz.pattern(), get(health::readyz))
        .route(Route::Version.pattern(), get(health::version))
        .route(Route::Metrics.pattern(), get(health::metrics))
        .with_state(app)
}
